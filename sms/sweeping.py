"""What do dead workers, lost tasks and a silent gateway leave behind? Looked for each minute.

All of it is written in the rows. Where the queue is emptied, or ``SECRET_KEY`` changed, which makes
the queue throw its tasks away, what was to be done is found here.
"""

import logging
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule

from sms import delivery_reports, doorbells, line
from sms.broadcasts import drafts, feeder
from sms.models import Message, MessageStatus
from sms.sending import claims, outcomes

logger = logging.getLogger(__name__)

SWEEP_TASK = "sms.tasks.sweep"
SILENCE = timedelta(hours=48)  # after which no delivery report is expected any more

NOT_REPORTED = "The gateway has not reported within 48 hours what became of it."


def schedule_sweeps() -> None:
    """Have the worker sweep each minute; safe to call again."""
    Schedule.objects.update_or_create(
        name="sweep texts",
        defaults={"func": SWEEP_TASK, "schedule_type": Schedule.MINUTES, "minutes": 1},
    )


def sweep() -> None:
    """Mend all there is to mend; safe to run twice at a time.

    :raises ExceptionGroup: of what could not be mended this time; all the rest was.
    """
    failures = []
    for mend in _STEPS:
        try:
            mend()
        except Exception as error:
            logger.exception("The sweeper's step %s failed.", mend.__name__)
            failures.append(error)
    if failures:
        raise ExceptionGroup("The sweeper failed.", failures)


def mend_what_dead_workers_left() -> None:
    """Queue again what they had claimed, and say so of what they had on the wire."""
    lease = line.lease()
    reclaimed = claims.reclaim(lease)
    lost = outcomes.give_up_on_lost_attempts(lease)
    if reclaimed or lost:
        logger.warning("A worker died: %d texts queued again, %d in doubt.", reclaimed, lost)


def match_reports() -> None:
    """Try the delivery reports once more whose text was not known."""
    delivery_reports.match_again(timezone.now())


def give_up_on_old_texts() -> None:
    """A text that could not leave within a day would only confuse."""
    now = timezone.now()
    waiting = Message.objects.filter(status__in=[MessageStatus.QUEUED, MessageStatus.HELD])
    waiting.filter(queued_at__lt=now - Message.MAX_AGE).end(
        MessageStatus.FAILED, claims.TOO_OLD, now
    )


def note_silence() -> None:
    """Say so of texts of which no report came in two days; one may still come."""
    end = timezone.now() - SILENCE
    silent = Message.objects.filter(status=MessageStatus.SENT, failure_reason="")
    silent.filter(sent_at__lt=end).update(failure_reason=NOT_REPORTED)


def free_texts_that_nothing_holds() -> None:
    """Queue what is held while the line is not: the worker died before it had told the line."""
    if not line.find_line().hold:
        Message.objects.filter(status=MessageStatus.HELD).update(
            status=MessageStatus.QUEUED, next_attempt_at=None
        )


def ring_lost_bells() -> None:
    """Call the sender and the probe where something is due that nobody was called for."""
    now = timezone.now()
    known = line.find_line()
    if line.is_shut(known):
        if known.next_probe_at and known.next_probe_at < now:
            doorbells.call_for_probe()
    elif claims.due(now).exists():
        doorbells.ring_at(None)


# Each stands alone: what fails in one of them does not keep the others from their work.
_STEPS = (
    mend_what_dead_workers_left,
    match_reports,
    give_up_on_old_texts,
    note_silence,
    free_texts_that_nothing_holds,
    ring_lost_bells,
    feeder.ring_lost_feeders,
    drafts.discard_old_ones,
)
