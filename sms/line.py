"""May a text be written to the wire now? One row a gateway says so to all workers and machines.

Whoever sends asks for a ``grant`` first and tells what came of it. Each change is one conditional
UPDATE, so that many workers may tell at once; only what changes something is written.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from identity.models import User
from sms import doorbells, line_events, rate
from sms.models import Hold, Line, LineEvent, Message

logger = logging.getLogger(__name__)

_PROBED = (Hold.BALANCE, Hold.CREDENTIALS)  # what telling the balance can end
_LONGEST = timedelta(hours=1)  # between two texts that try a line which the gateway holds
_SHUT = ~Q(hold="") | Q(broken_at__isnull=False, is_trying=False)  # what ``is_shut`` says of a row


def find_line() -> Line:
    """What is known of the way to the gateway in use."""
    return Line.objects.get_or_create(gateway=settings.SMS_GATEWAY)[0]


def read_line() -> Line:
    """The same, for who only looks: nothing is written, also where nothing is known yet."""
    known = Line.objects.filter(gateway=settings.SMS_GATEWAY).first()
    return known or Line(gateway=settings.SMS_GATEWAY)


def is_shut(line: Line) -> bool:
    """Is nothing sent, until something has changed?"""
    return bool(line.hold) or (line.broken_at is not None and not line.is_trying)


def shut_lines() -> QuerySet[Line]:
    """The line to the gateway in use, if it is shut: for who asks that and more in one query."""
    return Line.objects.filter(_SHUT, gateway=settings.SMS_GATEWAY)


def is_quiet(line: Line) -> bool:
    """Did the gateway ask to be left alone for a while?"""
    return line.quiet_until is not None and line.quiet_until > timezone.now()


def grant(line: Line, wanted: int) -> int:
    """How many of the texts wanted may be written to the wire now, by this worker.

    While the line is being tried it is one, of all workers together, until that one has its answer
    or its worker is surely gone.
    """
    now = timezone.now()
    if is_shut(line) or is_quiet(line):
        return 0
    if line.is_trying:
        is_free = Q(tried_at=None) | Q(tried_at__lt=now - lease())
        line.tried_at = now
        return _row(line).filter(is_free, is_trying=True).update(tried_at=now)
    return rate.take(line, wanted, now)


def return_grant(line: Line) -> None:
    """Let another text try the line, as the one that was granted is not to be sent after all."""
    if _row(line).filter(is_trying=True, tried_at=line.tried_at).update(tried_at=None):
        line.tried_at = None


def lease() -> timedelta:
    """A claim or an attempt older than this has no worker any more.

    An attempt takes 15 s at most: 5 to connect, and ``AFRICASTALKING_READ_TIMEOUT`` to answer.
    """
    return timedelta(seconds=settings.SMS_LEASE)


def note_heard(line: Line) -> None:
    """The gateway took a text, or had a clear answer: all is well with the line.

    What holds it, if anything, stands with its reason: the text was in the air before.
    """
    if not (line.failures or line.is_trying or line.broken_at or line.probes):
        return
    row, was_shut = _row(line).filter(hold=""), Q(is_trying=True) | Q(broken_at__isnull=False)
    clear: dict[str, object] = {
        "failures": 0,
        "broken_at": None,
        "is_trying": False,
        "tried_at": None,
        "tried_balance": None,
        "probes": 0,
        "reason": "",
    }
    with transaction.atomic():
        if row.filter(was_shut).update(**clear):
            line_events.note(line.gateway, LineEvent.Kind.CLEAR)
        else:
            row.update(**clear)


def note_failure(line: Line, reason: str) -> None:
    """The wire failed. The second failure in a row breaks the line, and so does the first of a
    line that is being tried; a probe is called for.

    To a line that is held it tells nothing: the probe of a broken one would end the hold.
    """
    now = timezone.now()
    row = _row(line).filter(hold="")
    row.update(failures=F("failures") + 1, reason=reason)
    breaks = Q(is_trying=True) | Q(failures__gte=Line.FAILURES_TO_BREAK, broken_at=None)
    line.refresh_from_db()
    due = now + wire_delay(line.probes)
    with transaction.atomic():
        if row.filter(breaks).update(
            broken_at=line.broken_at or now, is_trying=False, tried_at=None, next_probe_at=due
        ):
            line_events.note(line.gateway, LineEvent.Kind.BROKEN, reason=reason)
            doorbells.call_for_probe(due)
            logger.warning("The line to %s is broken: %s", line.gateway, reason)


def note_hold(line: Line, hold: Hold, reason: str) -> None:
    """The gateway takes nothing until something is mended; one probe says what is left at once.

    But where a text that tried the line is refused, the gateway has shown that its word on the
    balance does not tell all: the next probe waits, and longer each time.
    """
    now = timezone.now()
    line.refresh_from_db()
    probes = line.probes if line.is_trying else 0
    due = now + _hold_delay(hold, probes) if probes else now
    with transaction.atomic():
        if (
            _row(line)
            .filter(hold="")
            .update(
                hold=hold,
                held_at=now,
                reason=reason,
                is_trying=False,
                tried_at=None,
                broken_at=None,
                failures=0,
                probes=probes,
                next_probe_at=due if hold in _PROBED else None,
            )
        ):
            line_events.note(line.gateway, LineEvent.Kind.HELD, hold=hold, reason=reason)
            logger.warning("The line to %s is held: %s", line.gateway, reason)
            if hold in _PROBED:
                doorbells.call_for_probe(due)


def note_slow_down(line: Line, retry_after: float | None) -> None:
    """The gateway asks to be sent texts more slowly, or to be left alone for so many seconds.

    It is there, as it asks: a line that was being tried is tried no more, and goes on slowly.
    """
    rate.slow_down(line, retry_after)
    note_heard(line)
    if retry_after:
        doorbells.ring_at(timezone.now() + timedelta(seconds=retry_after))


def note_trouble(line: Line, reason: str) -> None:
    """Something that somebody of the staff should look into, though texts go on."""
    _row(line).update(trouble=reason, trouble_at=timezone.now())
    logger.error("Trouble with a text: %s", reason)


@transaction.atomic
def let_one_through(line: Line, known: Q | None = None, **changes: object) -> bool:
    """Open the line for one text, and put the held ones back into the queue.

    Where something is known of what shut it, only if that is so still.
    """
    opened = (
        _row(line)
        .filter(_SHUT, known or Q())
        .update(
            hold="",
            held_at=None,
            is_trying=True,
            tried_at=None,
            next_probe_at=None,
            quiet_until=None,
            **changes,
        )
    )
    if opened:
        Message.objects.filter(status=Message.Status.HELD).update(
            status=Message.Status.QUEUED, next_attempt_at=None
        )
        doorbells.ring_at(None)
    return bool(opened)


@transaction.atomic
def resume(by: User | None) -> bool:
    """Let one text through now, whatever held the line; False where nothing did.

    Also where the gateway asked to be left alone for a while.
    """
    line = find_line()
    opened = let_one_through(line, probes=0, tried_balance=None)
    if not opened and is_quiet(line):
        # Not those that wait for longer, by a schedule of their own.
        put_off = Message.objects.filter(
            status=Message.Status.QUEUED, next_attempt_at__lte=line.quiet_until
        )
        opened = bool(_row(line).update(quiet_until=None))
        put_off.update(next_attempt_at=None)
        doorbells.ring_at(None)
    if opened:
        line_events.note(line.gateway, LineEvent.Kind.RESUMED, by=by)
        logger.info("The line to %s is resumed by %s.", line.gateway, by or "a command")
    return opened


@transaction.atomic
def stop(by: User | None) -> bool:
    """Send nothing more until somebody resumes; False where it was stopped already.

    What is in the air goes on; all else waits in the queue.
    """
    line = find_line()
    who = by.get_username() if by else "a command"
    stopped = (
        _row(line)
        .exclude(hold=Hold.STAFF)
        .update(
            hold=Hold.STAFF,
            held_at=timezone.now(),
            reason=f"Stopped by {who}.",
            is_trying=False,
            tried_at=None,
            broken_at=None,
            failures=0,
            next_probe_at=None,
        )
    )
    if stopped:
        reason = f"Stopped by {who}."
        line_events.note(line.gateway, LineEvent.Kind.HELD, hold=Hold.STAFF, reason=reason, by=by)
        logger.info("The line to %s is stopped by %s.", line.gateway, who)
    return bool(stopped)


def _row(line: Line) -> QuerySet[Line]:
    return Line.objects.filter(pk=line.pk)


def wire_delay(probes: int) -> timedelta:
    """Until a line that is broken is probed again, after so many probes."""
    first, longest = settings.SMS_PROBE_EVERY
    return timedelta(seconds=min(first * 2 ** min(probes, 20), longest))


def _hold_delay(hold: Hold, probes: int) -> timedelta:
    """Until the next probe, where the text that tried the line was refused.

    A balance is looked at as often as ever, since it ends the hold only once it has grown.
    """
    usual = timedelta(seconds=settings.SMS_BALANCE_PROBE)
    return usual if hold == Hold.BALANCE else min(usual * 2 ** min(probes, 20), _LONGEST)
