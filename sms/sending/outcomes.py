"""What is done with each answer of the gateway? The table of outcomes, as code.

======================================  ==========================================================
a ``Submission``                        ``sent``, with its id, its cost and its parts
``NotTaken``: no connection, HTTP 503   ``queued``: after 1 s, doubled to 60 s; breaks the line
``SlowDown``: HTTP 429                  ``queued`` likewise; slows the line
``TurnedAway``: 407, 500, 501, 502      ``queued`` by a schedule of its own; ``failed`` at its end
``OnHold``: 402, 405, HTTP 401, 403     ``held``; nothing is sent until that is mended
``Refused``: 401, 403, 404, 406, ...    ``failed``; the phone is marked, or staff are told
``Unclear``, and an error of ours       ``unconfirmed``: never sent again by itself
======================================  ==========================================================
"""

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection, transaction
from django.utils import timezone

from sms import delivery_reports, doorbells, line
from sms.gateway import (
    GatewayError,
    NotTaken,
    OnHold,
    Refused,
    SlowDown,
    Submission,
    TurnedAway,
    Unclear,
)
from sms.models import (
    Attempt,
    AttemptOutcome,
    DeliveryReport,
    Hold,
    Line,
    Message,
    MessageQuerySet,
    MessageStatus,
    UnreachablePhone,
)
from sms.sending.claims import held_by_us

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds for a database that begins anew
_PAUSE = 0.2  # seconds between two tries


class Result(NamedTuple):
    """What came of one attempt."""

    message: Message
    attempt: Attempt
    answer: Submission | Exception
    finished_at: datetime


@transaction.atomic(savepoint=False)
def record(results: Sequence[Result]) -> None:
    """Write down what came of these; ``follow_up`` is to be called once that is committed."""
    taken = [result for result in results if isinstance(result.answer, Submission)]
    # In one query, as it is done so often; each was open, and this worker's own.
    Attempt.objects.filter(pk__in=[result.attempt.pk for result in taken]).update(
        outcome=AttemptOutcome.TAKEN, finished_at=timezone.now()
    )
    # By phone, as two workers may mark the same ones, and each would wait for the other.
    for result in sorted(results, key=lambda result: result.message.phone_number):
        _record_one(result)


def record_at_any_price(results: Sequence[Result]) -> None:
    """Write down what came of these, one by one, after it failed for all of them together.

    An answer is here and nowhere else: without it its text is in doubt. So the database is asked
    again for a while, as long as it takes to begin anew. What was written already stays as it is.

    :raises django.db.Error: of some it could not be written, which are in the log; all were tried.
    """
    lost: AnyDatabaseError | None = None
    end = time.monotonic() + PATIENCE
    for result in results:
        try:
            _record_until(end, result)
        except AnyDatabaseError as error:
            logger.exception(
                "What came of text %s is lost: %s",
                result.message.pk,
                result.answer.gateway_message_id
                if isinstance(result.answer, Submission)
                else _reason(result.answer),
            )
            lost = error
    if lost is not None:
        raise lost


def _record_until(end: float, result: Result) -> None:
    while True:
        try:
            return record([result])
        except AnyDatabaseError:  # InterfaceError, too: of a connection that is closed already
            if time.monotonic() > end:
                raise
        time.sleep(_PAUSE)
        connection.close_if_unusable_or_obsolete()


def follow_up(results: Sequence[Result], known: Line) -> None:
    """Tell the line what came of these, and apply the reports that were quicker than the answer."""
    for result in results:
        _tell_line(known, result.answer)
    # A report that came before the commit did not find the id, so it is found here.
    answers = [result.answer for result in results]
    ids = [each.gateway_message_id for each in answers if isinstance(each, Submission | Unclear)]
    reports = DeliveryReport.objects.filter(gateway_message_id__in=list(filter(None, ids)))
    waiting = reports.filter(message=None).order_by()
    for gateway_message_id in set(waiting.values_list("gateway_message_id", flat=True)):
        delivery_reports.apply_waiting_reports(gateway_message_id)


def _record_one(result: Result) -> None:
    answer = result.answer
    if isinstance(answer, Submission):
        _record_submission(result, answer)
    elif isinstance(answer, NotTaken):
        _close(result, AttemptOutcome.NOT_TAKEN)
        _queue_again(result, _backoff(result, answer.retry_after))
    elif isinstance(answer, TurnedAway):
        _record_turned_away(result, answer)
    elif isinstance(answer, OnHold):
        _close(result, AttemptOutcome.HELD)
        _move(result, MessageStatus.HELD)
    elif isinstance(answer, Refused):
        _close(result, AttemptOutcome.REFUSED)
        _fail(result)
        if answer.unreachable:
            UnreachablePhone.objects.update_or_create(
                phone_number=result.message.phone_number, defaults={"reason": answer.unreachable}
            )
    else:
        gateway_message_id = answer.gateway_message_id if isinstance(answer, Unclear) else ""
        _close(result, AttemptOutcome.UNCLEAR, gateway_message_id)
        _move(result, MessageStatus.UNCONFIRMED, gateway_message_id=gateway_message_id)


def _record_submission(result: Result, submission: Submission) -> None:
    taken = {
        "status": MessageStatus.SENT,
        "gateway_message_id": submission.gateway_message_id,
        "cost": submission.cost,
        "currency": submission.currency,
        "segments": submission.segments or result.message.segments,
        "failure_reason": "",
        "sent_at": result.finished_at,
        "next_attempt_at": None,
    }
    if _still_open(result).update(**taken):
        return
    # A report was quicker than this answer, which came late: only what it cost was not known.
    told = {name: taken[name] for name in ("cost", "currency", "segments")}
    reported = Message.objects.filter(pk=result.message.pk, cost=None)
    if reported.filter(gateway_message_id=submission.gateway_message_id).update(**told):
        return
    # Somebody had it sent again meanwhile. If that has not begun, there is no need for it any more;
    # else the attempt keeps the id, so that its reports find the text.
    # What was told of it beside the text is not undone.
    waits_again = Message.objects.filter(pk=result.message.pk).sent_again_in_vain()
    waits_again = waits_again.exclude(
        delivery_reports__gateway_message_id=submission.gateway_message_id
    )
    is_third = result.message.attempts.filter(outcome=AttemptOutcome.UNCLEAR).exists()
    if not waits_again.update(**taken, may_be_double=is_third):
        Attempt.objects.filter(pk=result.attempt.pk).update(
            gateway_message_id=submission.gateway_message_id
        )


def _record_turned_away(result: Result, answer: TurnedAway) -> None:
    _close(result, AttemptOutcome.TURNED_AWAY)
    tries = _tries(result, AttemptOutcome.TURNED_AWAY)
    if tries <= len(answer.delays):
        _queue_again(result, answer.delays[tries - 1])
    else:
        _fail(result)


def _backoff(result: Result, retry_after: float | None) -> float:
    """Seconds until a text that did not reach the gateway is tried again; spread, and doubled."""
    first, longest = settings.SMS_BACKOFF
    tries = _tries(result, AttemptOutcome.NOT_TAKEN)
    delay: float = min(first * 2 ** min(tries - 1, 20), longest) * random.uniform(0.75, 1.25)  # noqa: S311  # spread, no secret
    return max(delay, retry_after or 0.0)


def _tries(result: Result, outcome: AttemptOutcome) -> int:
    """How many attempts came to this since the text was last asked for."""
    since = result.message.queued_at
    return result.message.attempts.filter(outcome=outcome, started_at__gte=since).count()


def _queue_again(result: Result, delay: float) -> None:
    due = timezone.now() + timedelta(seconds=delay)
    if _move(result, MessageStatus.QUEUED, next_attempt_at=due):
        doorbells.ring_at(due)


def _move(result: Result, status: MessageStatus, **changes: object) -> bool:
    reason = _reason(result.answer)
    return _still_open(result).update(status=status, failure_reason=reason, **changes) == 1


def _fail(result: Result) -> None:
    _still_open(result).end(MessageStatus.FAILED, _reason(result.answer), result.finished_at)


def _still_open(result: Result) -> MessageQuerySet:
    """The row of a text of which nothing else is known yet.

    Also of one that the sweeper has given up on: what the gateway says late is true all the same.
    Sent again by somebody, it is no more this attempt's.
    """
    return held_by_us(result.message).filter(
        status__in=[MessageStatus.SENDING, MessageStatus.UNCONFIRMED]
    )


def _close(result: Result, outcome: AttemptOutcome, gateway_message_id: str = "") -> None:
    attempt, answer = result.attempt, result.answer
    attempt.gateway_message_id = gateway_message_id
    attempt.outcome, attempt.finished_at = outcome, result.finished_at
    if isinstance(answer, Exception):
        attempt.detail = _reason(answer)
        attempt.word = answer.word[:40] if isinstance(answer, GatewayError) else ""
    attempt.save(update_fields=["outcome", "detail", "word", "finished_at", "gateway_message_id"])


def _reason(answer: Submission | Exception) -> str:
    if isinstance(answer, GatewayError):
        return str(answer)[:500]
    return f"An error of ours: {type(answer).__name__}; the text may have gone out."


def _tell_line(known: Line, answer: Submission | Exception) -> None:
    if isinstance(answer, SlowDown):
        line.note_slow_down(known, answer.retry_after)
    elif isinstance(answer, NotTaken | Unclear):
        line.note_failure(known, str(answer)[:500])
    elif isinstance(answer, OnHold):
        line.note_hold(known, Hold(answer.hold), str(answer)[:500])
    elif isinstance(answer, GatewayError | Submission):
        line.note_heard(known)
        if isinstance(answer, Refused) and answer.needs_staff:
            line.note_trouble(known, str(answer)[:500])
    else:  # an error of ours; a line that is being tried is not found to be well by it
        line.note_failure(known, _reason(answer))


def give_up_on_lost_attempts(older_than: timedelta) -> int:
    """Say so of texts whose worker died between writing the attempt down and its outcome: nobody
    knows whether they were taken. How many there were."""
    gone = timezone.now() - older_than
    lost = Message.objects.filter(status=MessageStatus.SENDING, claimed_at__lt=gone)
    return sum(_give_up(message) for message in lost)


@transaction.atomic
def _give_up(message: Message) -> bool:
    reason = "The worker stopped while the text was being sent; it may have gone out."
    attempts = message.attempts.filter(outcome="")
    # Locked before the text, as ``record`` does: an answer that comes late may be written down now,
    # and each would wait for the other.
    pks = [attempt.pk for attempt in attempts.select_for_update()]
    is_lost = held_by_us(message).move(
        MessageStatus.SENDING, MessageStatus.UNCONFIRMED, failure_reason=reason
    )
    if is_lost:
        attempts.filter(pk__in=pks).update(
            outcome=AttemptOutcome.UNCLEAR, detail=reason, finished_at=timezone.now()
        )
    return is_lost
