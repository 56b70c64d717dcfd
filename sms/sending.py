"""Claim, submit, record: how one text leaves, at most once for each time it was decided to.

The gateway knows no idempotency key, so to send twice is to text somebody twice. Therefore an
attempt is committed before the wire is touched, and a message found in SENDING after its worker
died is never sent again by itself: nobody can tell whether it was taken.
"""

import logging
import random
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import schedule

from sms import delivery_reports, opt_outs
from sms.gateway import Gateway, GatewayError, NotTaken, Refused, Submission, Unclear, get_gateway
from sms.models import Attempt, AttemptOutcome, Message, MessageQuerySet, MessageStatus
from sms.outbox import SEND_TASK

logger = logging.getLogger(__name__)

# A claim or an attempt older than this has no worker any more: the queue ends a task after 20 s.
# It delivers it again 65 s after it was fetched (``Q_CLUSTER`` in the settings), by when the claim,
# which may have come 40 s after the fetch, is as old as this.
LEASE = timedelta(seconds=25)

_FIRST_DELAY = 30.0  # seconds until a text that was not taken is tried again, then doubled
_LONGEST_DELAY = 30 * 60.0


def send(message_id: UUID) -> None:
    """Send one message if it is due; whatever its state, calling this again does no harm."""
    message = Message.objects.filter(pk=message_id).first()
    if message is None or message.status in Message.FINAL:
        return
    if message.status == Message.Status.SENT:
        # The worker died before it looked for a report that was quicker than the answer.
        delivery_reports.apply_waiting_reports(message.gateway_message_id)
    elif message.status == Message.Status.SENDING:
        _give_up_on_lost_attempt(message)
    elif _claim(message) and not _is_withheld(message):
        _submit(message, get_gateway())


def _claim(message: Message) -> bool:
    """Take the message for this worker alone; also from a worker that died before sending."""
    now = timezone.now()
    is_due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    row = Message.objects.filter(is_due, pk=message.pk)
    claimed = row.move(Message.Status.QUEUED, Message.Status.CLAIMED, claimed_at=now) or (
        row.filter(claimed_at__lt=now - LEASE).move(
            Message.Status.CLAIMED, Message.Status.CLAIMED, claimed_at=now
        )
    )
    message.claimed_at = now
    return claimed


def _is_withheld(message: Message) -> bool:
    if opt_outs.is_opted_out(message.phone_number):
        return _finish(message, Message.Status.SUPPRESSED, "The customer opted out of texts.")
    if timezone.now() - message.queued_at > Message.MAX_AGE:
        return _finish(message, Message.Status.FAILED, "Not sent within 24 hours.")
    return False


def _finish(message: Message, status: MessageStatus, reason: str) -> bool:
    return _held_by_us(message).move(
        Message.Status.CLAIMED, status, failure_reason=reason, final_at=timezone.now()
    )


def _held_by_us(message: Message) -> MessageQuerySet:
    # claimed_at is the fencing token: a worker that slept past its lease finds another's here.
    return Message.objects.filter(pk=message.pk, claimed_at=message.claimed_at)


def _submit(message: Message, gateway: Gateway) -> None:
    attempt = _begin_attempt(message, gateway)
    if attempt is None:
        return  # our lease ran out, and another worker has the message now
    try:
        submission = gateway.submit(message.phone_number, message.text)
    except GatewayError as error:
        _record_error(message, attempt, error)
    except Exception as error:  # a fault of ours tells nothing of the text: in doubt
        logger.exception("The gateway %s raised what it should not.", gateway.name)
        _record_error(message, attempt, Unclear(f"An error of ours: {type(error).__name__}."))
    else:
        _record_submission(message, attempt, submission)


@transaction.atomic
def _begin_attempt(message: Message, gateway: Gateway) -> Attempt | None:
    """Write down that the wire is about to be touched; committed before it is."""
    is_ours = _held_by_us(message).move(
        Message.Status.CLAIMED, Message.Status.SENDING, gateway=gateway.name, next_attempt_at=None
    )
    if not is_ours:
        return None
    attempt = Attempt(message=message, gateway=gateway.name, started_at=timezone.now())
    attempt.save(force_insert=True)
    return attempt


def _record_submission(message: Message, attempt: Attempt, submission: Submission) -> None:
    with transaction.atomic():
        _close(attempt, Attempt.Outcome.TAKEN)
        _held_by_us(message).move(
            Message.Status.SENDING,
            Message.Status.SENT,
            gateway_message_id=submission.gateway_message_id,
            cost=submission.cost,
            currency=submission.currency,
            segments=submission.segments or message.segments,
            failure_reason="",
            sent_at=timezone.now(),
        )
    # After the commit: a report that came in between either finds the id, or is found here.
    delivery_reports.apply_waiting_reports(submission.gateway_message_id)


@transaction.atomic
def _record_error(message: Message, attempt: Attempt, error: GatewayError) -> None:
    reason = str(error)[:500]
    row = _held_by_us(message)
    if isinstance(error, NotTaken):
        _close(attempt, Attempt.Outcome.NOT_TAKEN, reason)
        _queue_again(message, error.retry_after, reason)
    elif isinstance(error, Refused):
        _close(attempt, Attempt.Outcome.REFUSED, reason)
        row.move(
            Message.Status.SENDING,
            Message.Status.FAILED,
            failure_reason=reason,
            final_at=timezone.now(),
        )
    else:
        _close(attempt, Attempt.Outcome.UNCLEAR, reason)
        row.move(Message.Status.SENDING, Message.Status.UNCONFIRMED, failure_reason=reason)


def _queue_again(message: Message, retry_after: float | None, reason: str) -> None:
    """Queue the text for later: as the gateway asked, else 30 s, doubled up to half an hour."""
    tries = message.attempts.filter(outcome=Attempt.Outcome.NOT_TAKEN).count()
    delay = min(_FIRST_DELAY * 2 ** min(tries - 1, 10), _LONGEST_DELAY) * random.uniform(1, 1.25)  # noqa: S311  # spread, no secret
    due = timezone.now() + timedelta(seconds=max(delay, retry_after or 0))
    if _held_by_us(message).move(
        Message.Status.SENDING, Message.Status.QUEUED, next_attempt_at=due, failure_reason=reason
    ):
        schedule(SEND_TASK, str(message.pk), schedule_type=Schedule.ONCE, next_run=due)


def _close(attempt: Attempt, outcome: AttemptOutcome, detail: str = "") -> None:
    attempt.outcome, attempt.detail, attempt.finished_at = outcome, detail, timezone.now()
    attempt.save(update_fields=["outcome", "detail", "finished_at"])


@transaction.atomic
def _give_up_on_lost_attempt(message: Message) -> None:
    """A worker died between writing the attempt down and its outcome: nobody knows, so say so."""
    reason = "The worker stopped while the text was being sent; it may have gone out."
    is_lost = Message.objects.filter(
        pk=message.pk, claimed_at=message.claimed_at, claimed_at__lt=timezone.now() - LEASE
    ).move(Message.Status.SENDING, Message.Status.UNCONFIRMED, failure_reason=reason)
    if is_lost:
        message.attempts.filter(outcome="").update(
            outcome=Attempt.Outcome.UNCLEAR, detail=reason, finished_at=timezone.now()
        )
