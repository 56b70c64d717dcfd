"""What became of a text after the gateway took it? Reports say; the first final one stands."""

import logging
from typing import Any

from django.utils import timezone

from sms.models import DeliveryReport, Message

logger = logging.getLogger(__name__)

# Africa's Talking, "Delivery reports": the statuses that are final. Sent, Submitted and Buffered
# are on the way; any other is kept and moves nothing.
FINAL_STATUSES = {
    "Success": Message.Status.DELIVERED,
    "Rejected": Message.Status.UNDELIVERED,
    "Failed": Message.Status.UNDELIVERED,
    "AbsentSubscriber": Message.Status.UNDELIVERED,
    "Expired": Message.Status.UNDELIVERED,
}


def receive_report(
    gateway_message_id: str,
    status: str,
    failure_reason: str = "",
    raw: dict[str, Any] | None = None,
) -> None:
    """Keep a report as it came, then apply it if its message is known already.

    Reports come in any order, more than once, and before the submission is written down.
    """
    # Committed before the message is looked for: see ``sending._record_submission``.
    DeliveryReport(
        gateway_message_id=gateway_message_id,
        status=status,
        failure_reason=failure_reason,
        raw=raw or {},
    ).save(force_insert=True)
    apply_waiting_reports(gateway_message_id)


def apply_waiting_reports(gateway_message_id: str) -> None:
    """Apply the reports that came for this id and are not matched with a message yet."""
    message = Message.objects.filter(gateway_message_id=gateway_message_id).first()
    if message is None:
        return
    waiting = DeliveryReport.objects.filter(gateway_message_id=gateway_message_id, message=None)
    for report in waiting.order_by("received_at", "pk"):
        _apply(report, message)
        report.message = message
        report.save(update_fields=["message"])


def _apply(report: DeliveryReport, message: Message) -> None:
    final = FINAL_STATUSES.get(report.status)
    if final is None:
        return
    moved = Message.objects.filter(pk=message.pk).move(
        Message.Status.SENT,
        final,
        failure_reason=report.failure_reason,
        final_at=timezone.now(),
    )
    if not moved:
        logger.warning("Report %s for message %s came too late.", report.status, message.pk)
