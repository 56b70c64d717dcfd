"""What became of a text after the gateway took it? Reports say; the first final one stands.

A report is kept as it came, and committed, before its text is looked for. So it may come before the
gateway's own answer is written down, more than once, and in any order with others: whoever comes
later, the sender with the id or the report with its word, finds what the other left. Each is
matched once, in the transaction that moves the text.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from sms.models import (
    Attempt,
    DeliveryReport,
    Message,
    MessageQuerySet,
    MessageStatus,
    ReportEffect,
    UnreachablePhone,
)
from sms.phone_numbers import is_forgotten

logger = logging.getLogger(__name__)

# Africa's Talking, "Delivery reports": the statuses that are final, those that tell of the way
# there, and what staff read where a text did not arrive and no other reason is given. Any other
# status is kept and moves nothing.
FINAL_STATUSES = {
    "Success": Message.Status.DELIVERED,
    "Rejected": Message.Status.UNDELIVERED,
    "Failed": Message.Status.UNDELIVERED,
    "AbsentSubscriber": Message.Status.UNDELIVERED,
    "Expired": Message.Status.UNDELIVERED,
}
ON_THE_WAY = frozenset({"Sent", "Submitted", "Buffered"})
_REASONS = {
    "Rejected": "The phone network rejected the text.",
    "Failed": "The phone network could not deliver the text.",
    "AbsentSubscriber": "The phone was off or out of reach.",
    "Expired": "The phone was not reached in time.",
}

MATCHED_FOR = timedelta(hours=72)  # after that a report, or the text it may be about, is history
_MATCHED_AT_ONCE = 500

_UNDER_WAY = (Message.Status.CLAIMED, Message.Status.SENDING, Message.Status.UNCONFIRMED)
_ONE_OF_TWO = (Message.Status.SENT, Message.Status.UNDELIVERED)  # where another try arrived
# What goes of a report about a text whose owner was forgotten before it came.
_FORGOTTEN: dict[str, Any] = {"phone_number": "", "failure_reason": "", "raw": {}}
_MOVED_BY_REPORTS = (Message.Status.SENT, Message.Status.UNCONFIRMED)
# What a report changes of a text that was in doubt. When it was taken nobody wrote down: it was an
# instant after it was claimed; of one sent again, about when that was asked for.
_AS_TAKEN: dict[str, Any] = {
    "failure_reason": "",
    "sent_at": Coalesce("sent_at", "claimed_at", "queued_at"),
    "next_attempt_at": None,
}


def receive_report(
    gateway_message_id: str,
    status: str,
    failure_reason: str = "",
    *,
    phone_number: str = "",
    network_code: str = "",
    raw: dict[str, Any] | None = None,
) -> None:
    """Keep a report as it came, then apply it if its text is known already.

    The phone is in E.164 form, where it is to say which text is meant if the id does not.
    """
    report = DeliveryReport(
        gateway_message_id=gateway_message_id,
        status=status,
        phone_number=phone_number,
        failure_reason=failure_reason,
        network_code=network_code,
        raw=raw or {},
    )
    # Committed before the message is looked for: see ``sending._record_submission``.
    report.save(force_insert=True)
    _match(report)


def apply_waiting_reports(gateway_message_id: str) -> int:
    """Apply the reports that came for this id and are not matched with a text yet; how many."""
    message = _message_of(gateway_message_id)
    if message is None:
        return 0
    waiting = DeliveryReport.objects.filter(gateway_message_id=gateway_message_id, message=None)
    return sum(_apply(report, message) for report in waiting.order_by("received_at", "pk"))


def match_again(now: datetime) -> int:
    """Try the reports once more that were not matched; how many were, this time.

    Of those of the last 72 hours, oldest first, and only where there is a text that it may be: an
    account with the gateway may send texts that we know nothing of, and report them all to us.
    """
    known = Message.objects.filter(gateway_message_id=OuterRef("gateway_message_id"))
    known_try = Attempt.objects.filter(gateway_message_id=OuterRef("gateway_message_id"))
    doubtful = Attempt.objects.filter(
        message=OuterRef("pk"), outcome=Attempt.Outcome.UNCLEAR, gateway_message_id=""
    )
    in_doubt = Message.objects.filter(
        Q(status=Message.Status.UNCONFIRMED, gateway_message_id="")
        | Q(Exists(doubtful), may_be_double=True),
        phone_number=OuterRef("phone_number"),
    )
    unmatched = DeliveryReport.objects.filter(
        Exists(known) | Exists(known_try) | Exists(in_doubt),
        ~Q(gateway_message_id=""),
        message=None,
        received_at__gt=now - MATCHED_FOR,
    )
    # Those first whose text is known: the others may wait for days, and be many.
    order = (Case(When(Exists(known) | Exists(known_try), then=0), default=1), "received_at", "pk")
    return sum(_match_alone(report) for report in unmatched.order_by(*order)[:_MATCHED_AT_ONCE])


def _match_alone(report: DeliveryReport) -> int:
    """One that fails is tried again by the next sweep, and keeps no other from its text."""
    try:
        return _match(report)
    except Exception:
        logger.exception("Report %s could not be applied.", report.pk)
        return 0


def _match(report: DeliveryReport) -> int:
    """Find the text of a report and apply all that waits for it; how many were."""
    if _message_of(report.gateway_message_id) is None and not _adopt(report):
        return 0
    # After the adoption is committed: a report of the same id that came meanwhile either finds the
    # text by it, or is found here.
    return apply_waiting_reports(report.gateway_message_id)


def _message_of(gateway_message_id: str) -> Message | None:
    if not gateway_message_id:  # many texts have none
        return None
    # Two queries, so that each has an index; nearly always the first one finds it. In no order: to
    # find one in the order of another index PostgreSQL may read all that are newer.
    by_id = Message.objects.filter(gateway_message_id=gateway_message_id)
    by_try = Message.objects.filter(attempts__gateway_message_id=gateway_message_id)
    return next((found for texts in (by_id, by_try) for found in texts.order_by()[:1]), None)


def _adopt(report: DeliveryReport) -> bool:
    """Give the id of a report that nobody knows to the one text that it can be about.

    Such a text is in doubt, as the gateway's answer got lost with the id in it. The report proves
    that it was taken: also one that tells of the way there, but not one that we do not understand.
    Where another text to the phone could be meant as well, the report waits, and it is False. True
    where there was one, whether it took the id or somebody was quicker.
    """
    is_understood = report.status in FINAL_STATUSES or report.status in ON_THE_WAY
    if not (report.gateway_message_id and report.phone_number and is_understood):
        return False
    fitting = list(_fitting(report).order_by()[:2])
    if len(fitting) != 1:
        return False
    # Asked again, and after what fits: a text that was on its way when it was looked for may have
    # got its answer since, with this id, and then it does not fit any more.
    known = Message.objects.filter(gateway_message_id=report.gateway_message_id)
    known_try = Attempt.objects.filter(gateway_message_id=report.gateway_message_id)
    is_unknown = ~(Exists(known) | Exists(known_try))
    message = fitting[0]
    if message.may_be_double:
        _adopt_try(report, message, is_unknown)
    else:
        row = Message.objects.filter(pk=message.pk, claimed_at=message.claimed_at)
        row.filter(is_unknown, gateway_message_id="", may_be_double=False).move(
            Message.Status.UNCONFIRMED,
            Message.Status.SENT,
            gateway_message_id=report.gateway_message_id,
            **_AS_TAKEN,
        )
    return True


def _adopt_try(report: DeliveryReport, message: Message, is_unknown: Q) -> None:
    """Give the id to the first try in doubt of a text that was sent again since.

    Not while another try is on the wire: it may be that one's.
    """
    tries = Attempt.objects.filter(_doubtful(report.received_at), message=message)
    first = tries.first()
    if first is not None:
        on_the_wire = [Message.Status.CLAIMED, Message.Status.SENDING]
        settled = Message.objects.filter(pk=message.pk).exclude(status__in=on_the_wire)
        tries.filter(is_unknown, Exists(settled), pk=first.pk).update(
            gateway_message_id=report.gateway_message_id
        )


def _fitting(report: DeliveryReport) -> MessageQuerySet:
    """The texts to its phone that a report with an unknown id may be about.

    Those on their way or in doubt, for which no id is known; and those that were sent again while
    they were in doubt, whatever they wait for by now: of their first try, no id ever will be known.
    All of them had left when the report came, so that to wait makes them fewer, and never adds
    another.
    """
    came_at = report.received_at
    doubtful = Attempt.objects.filter(_doubtful(came_at), message=OuterRef("pk"))
    under_way = Q(
        status__in=_UNDER_WAY,
        gateway_message_id="",
        claimed_at__lt=came_at,
        claimed_at__gt=came_at - MATCHED_FOR,
    )
    return Message.objects.filter(
        under_way | Q(Exists(doubtful), may_be_double=True), phone_number=report.phone_number
    )


def _doubtful(came_at: datetime) -> Q:
    """The tries in doubt, of which no id is known, that a report of this time may be about."""
    return Q(
        outcome=Attempt.Outcome.UNCLEAR,
        gateway_message_id="",
        started_at__lt=came_at,
        started_at__gt=came_at - MATCHED_FOR,
    )


@transaction.atomic
def _apply(report: DeliveryReport, message: Message) -> bool:
    """Move the text as the report says, and write down what came of it; False where it waits on.

    Two who apply the same report meet at the text's row, and the second finds it done.
    """
    effect = _settle(report, message)
    waiting = DeliveryReport.objects.filter(pk=report.pk, message=None)
    known = _FORGOTTEN if is_forgotten(message.phone_number) else {}
    if effect is None or not waiting.update(message=message, effect=effect, **known):
        return False
    if effect == ReportEffect.CONTRADICTS:
        said = "Report %s says %s of message %s, but another said otherwise before."
        logger.warning(said, report.pk, report.status, message.pk)
    return True


def _settle(report: DeliveryReport, message: Message) -> ReportEffect | None:
    final = FINAL_STATUSES.get(report.status)
    if final is None and report.status not in ON_THE_WAY:
        return ReportEffect.UNKNOWN
    if message.gateway_message_id != report.gateway_message_id:
        return _settle_by_other_try(report, message, final)
    if final is None:
        return _settle_on_the_way(message)
    return _settle_finally(report, message, final)


def _settle_finally(
    report: DeliveryReport, message: Message, final: MessageStatus
) -> ReportEffect | None:
    if _finish(report, message, final):
        return ReportEffect.MOVED
    stands = Message.objects.filter(pk=message.pk).values_list("status", flat=True).get()
    if stands not in Message.FINAL:
        return None  # it is being sent once more, and this is about the try before
    if _has_arrived(stands) == _has_arrived(final):
        return ReportEffect.REPEATED
    # Of a text that was sent twice, one try may arrive and the other not.
    return ReportEffect.OTHER_TRY if message.may_be_double else ReportEffect.CONTRADICTS


def _settle_on_the_way(message: Message) -> ReportEffect | None:
    """The gateway has taken the text: news only of one that is in doubt."""
    is_taken = Message.FINAL | {Message.Status.SENT}
    if message.status not in is_taken:
        row = Message.objects.filter(pk=message.pk)
        row.move(Message.Status.UNCONFIRMED, Message.Status.SENT, **_AS_TAKEN)
        message.refresh_from_db(fields=["status"])
    # Else somebody has sent it again this moment: it is asked what this says of that.
    return ReportEffect.ON_THE_WAY if message.status in is_taken else None


def _settle_by_other_try(
    report: DeliveryReport, message: Message, final: MessageStatus | None
) -> ReportEffect | None:
    """What a report says of another try than the one whose id the text has: somebody had the text
    sent again.

    That it was taken spares the person the next one, if that waits still. That it did not arrive is
    no reason not to send the next one, so the report waits for the end of that; it settles only a
    text of which no other try may have arrived. Of two final ones the first stands, as ever.
    """
    message = Message.objects.select_for_update().get(pk=message.pk)
    if message.gateway_message_id == report.gateway_message_id:
        return _settle(report, message)  # another report of the same try was quicker
    said = _said_before(report)
    if said and said.message_id is None:
        return None  # it goes first
    final = FINAL_STATUSES[said.status] if said else final
    has_failed = final is not None and not _has_arrived(final)
    may_be_taken = [Attempt.Outcome.UNCLEAR, Attempt.Outcome.TAKEN]
    others = message.attempts.filter(outcome__in=may_be_taken)
    others = others.exclude(gateway_message_id=report.gateway_message_id)
    in_vain = Message.objects.filter(pk=message.pk).sent_again_in_vain()
    if has_failed:
        in_vain = in_vain.exclude(status__in=Message.CANCELLABLE)
        if _may_have_arrived(others).exists():
            in_vain = in_vain.none()
    if not has_failed and final is not None and message.status in _ONE_OF_TWO:
        return _arrive_by_other_try(message)
    is_settled = in_vain.update(
        status=Message.Status.SENT,
        gateway_message_id=report.gateway_message_id,
        may_be_double=others.exists(),
        **_AS_TAKEN,
    )
    if is_settled:
        message.refresh_from_db()
        if said:
            said.effect = _settle(said, message) or said.effect
            said.save(update_fields=["effect"])
        return _settle(report, message)  # of its one try now
    is_told_beside = message.status in Message.FINAL | {Message.Status.SENT}
    is_told_beside |= has_failed and message.status == Message.Status.UNCONFIRMED
    return ReportEffect.OTHER_TRY if is_told_beside else None


def _arrive_by_other_try(message: Message) -> ReportEffect:
    """The person has it, whatever becomes of the try whose id the text has."""
    changes = {"failure_reason": "", "final_at": timezone.now()}
    row = Message.objects.filter(pk=message.pk)
    row.update(status=Message.Status.DELIVERED, **changes)
    return ReportEffect.MOVED


def _said_before(report: DeliveryReport) -> DeliveryReport | None:
    """Another final report of the same try, which came first and so stands."""
    same = DeliveryReport.objects.filter(gateway_message_id=report.gateway_message_id)
    first = same.filter(status__in=FINAL_STATUSES).order_by("received_at", "pk").first()
    return None if first == report else first


def _may_have_arrived(tries: QuerySet[Attempt]) -> QuerySet[Attempt]:
    """Those of which no report says that they did not."""
    told = DeliveryReport.objects.filter(
        ~Q(gateway_message_id=""),
        gateway_message_id=OuterRef("gateway_message_id"),
        message=OuterRef("message"),
        status__in=[status for status, final in FINAL_STATUSES.items() if not _has_arrived(final)],
    )
    return tries.filter(~Exists(told))


def _finish(report: DeliveryReport, message: Message, final: MessageStatus) -> bool:
    """Compare-and-swap, as ``move`` does, from either of the states that a report ends."""
    reason = "" if _has_arrived(final) else report.failure_reason or _REASONS[report.status]
    changes = _AS_TAKEN | {"failure_reason": reason, "final_at": timezone.now()}
    row = Message.objects.filter(pk=message.pk, status__in=_MOVED_BY_REPORTS)
    is_moved = row.update(status=final, **changes) == 1
    if is_moved and _has_arrived(final):
        # One that was found unreachable after this text had left stays so.
        left_at = message.sent_at or message.claimed_at or report.received_at
        unreachable = UnreachablePhone.objects.filter(phone_number=message.phone_number)
        unreachable.filter(noted_at__lt=left_at).delete()
    return is_moved


def _has_arrived(status: str) -> bool:
    return status == Message.Status.DELIVERED
