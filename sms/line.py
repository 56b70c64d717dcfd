"""May a text be written to the wire now? One row a gateway says so to all workers and machines.

Whoever sends asks for a ``grant`` first and tells what came of it. Each change is one conditional
UPDATE, so that many workers may tell at once; only what changes something is written.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from identity.models import User
from sms import doorbells, rate
from sms.gateway import Balance, GatewayError, OnHold, get_gateway
from sms.models import Hold, Line, Message

logger = logging.getLogger(__name__)

_LONG_HOLD = 12  # probes, each after SMS_BALANCE_PROBE: an hour
_PLENTY = 10  # texts that a balance must pay for, for the account not to be called empty
_PROBED = (Hold.BALANCE, Hold.CREDENTIALS)  # what telling the balance can end


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
        return _row(line).filter(is_free, is_trying=True).update(tried_at=now)
    return rate.take(line, wanted, now)


def lease() -> timedelta:
    """A claim or an attempt older than this has no worker any more.

    An attempt takes 13 s at most: 3 to connect, and ``AFRICASTALKING_READ_TIMEOUT`` to answer.
    """
    return timedelta(seconds=settings.SMS_LEASE)


def note_heard(line: Line) -> None:
    """The gateway took a text, or had a clear answer: all is well with the line.

    What holds it, if anything, stands with its reason: the text was in the air before.
    """
    if line.failures or line.is_trying or line.broken_at or line.probes:
        _row(line).filter(hold="").update(
            failures=0, broken_at=None, is_trying=False, tried_at=None, probes=0, reason=""
        )


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
    due = now + _wire_delay(line.probes)
    with transaction.atomic():
        if row.filter(breaks).update(
            broken_at=line.broken_at or now, is_trying=False, tried_at=None, next_probe_at=due
        ):
            doorbells.call_for_probe(due)
            logger.warning("The line to %s is broken: %s", line.gateway, reason)


def note_hold(line: Line, hold: Hold, reason: str) -> None:
    """The gateway takes nothing until something is mended; one probe says what is left at once."""
    now = timezone.now()
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
                probes=0,
                next_probe_at=now if hold in _PROBED else None,
            )
        ):
            logger.warning("The line to %s is held: %s", line.gateway, reason)
            if hold in _PROBED:
                doorbells.call_for_probe()


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


def probe(now: datetime | None = None) -> None:
    """Ask the gateway for the balance, if the line waits for that and its time has come.

    It costs nothing and sends nothing. An answer lets one text through, to try the line; an account
    that is empty must have been topped up.
    """
    now = now or timezone.now()
    line = find_line()
    due, hold = line.next_probe_at, line.hold
    if not is_shut(line) or due is None or due > now:
        return
    again = now + (
        timedelta(seconds=settings.SMS_BALANCE_PROBE) if hold else _wire_delay(line.probes + 1)
    )
    ours = _row(line).filter(next_probe_at=due)
    if not ours.update(next_probe_at=again, probes=F("probes") + 1):
        return  # another worker asks
    doorbells.call_for_probe(again)  # before the question, in case this worker dies over it
    line.refresh_from_db()
    try:
        balance = get_gateway().balance()
    except OnHold as error:
        note_hold(line, Hold(error.hold), str(error))
    except GatewayError as error:
        _row(line).filter(hold=hold).update(reason=str(error))
    else:
        _note_balance(line, balance, hold)


def _note_balance(line: Line, balance: Balance | None, hold: str) -> None:
    is_open = _is_enough(line, balance)
    if balance is not None:
        _row(line).update(
            balance=balance.amount, currency=balance.currency, balance_at=timezone.now()
        )
    if is_open:
        _let_one_through(line, Q(hold=hold))  # not what somebody has stopped meanwhile


def _is_enough(line: Line, balance: Balance | None) -> bool:
    """Does this answer end what the line waits for?"""
    if line.hold != Hold.BALANCE or balance is None:
        return True
    if balance.amount <= 0:
        return False
    if _told_since_held(line) and balance.amount > (line.balance or 0):
        return True  # somebody topped it up
    last = Message.objects.filter(sent_at__isnull=False, cost__gt=0).order_by("-sent_at").first()
    is_plenty = last is not None and balance.amount >= _PLENTY * (last.cost or 0)
    return is_plenty or line.probes % _LONG_HOLD == 0


def _told_since_held(line: Line) -> bool:
    return bool(line.balance_at and line.held_at and line.balance_at >= line.held_at)


@transaction.atomic
def _let_one_through(line: Line, known: Q | None = None) -> bool:
    """Open the line for one text, and put the held ones back into the queue.

    Where something is known of what shut it, only if that is so still.
    """
    shut = ~Q(hold="") | Q(broken_at__isnull=False, is_trying=False)
    opened = (
        _row(line)
        .filter(shut, known or Q())
        .update(
            hold="",
            held_at=None,
            is_trying=True,
            tried_at=None,
            next_probe_at=None,
            quiet_until=None,
        )
    )
    if opened:
        Message.objects.filter(status=Message.Status.HELD).update(
            status=Message.Status.QUEUED, next_attempt_at=None
        )
        doorbells.ring_at(None)
    return bool(opened)


def resume(by: User | None) -> bool:
    """Let one text through now, whatever held the line; False where nothing did."""
    line = find_line()
    opened = _let_one_through(line)
    if opened:
        logger.info("The line to %s is resumed by %s.", line.gateway, by or "a command")
    return opened


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
        logger.info("The line to %s is stopped by %s.", line.gateway, who)
    return bool(stopped)


def _row(line: Line) -> QuerySet[Line]:
    return Line.objects.filter(pk=line.pk)


def _wire_delay(probes: int) -> timedelta:
    first, longest = settings.SMS_PROBE_EVERY
    return timedelta(seconds=min(first * 2 ** min(probes, 20), longest))
