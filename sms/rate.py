"""How fast may texts be written to the wire? One token bucket for all workers and machines.

It holds a second's worth at most. The rate is ``SMS_RATE``, and after a 429 half of what was being
sent: that doubles every ``SMS_RECOVERY`` seconds, until it is no limit any more.
"""

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from sms.models import Line, Message

SLOWEST = 2.0  # texts a second: a 429 does not slow the line below
_NO_LIMIT = 1000.0  # texts a second that no gateway of ours reaches
_MEASURED = timedelta(seconds=5)
_SAME_429 = timedelta(seconds=1)  # those in flight together are told together


def rate_of(line: Line, now: datetime) -> float | None:
    """The limit in texts a second; None where there is none."""
    limits = [float(settings.SMS_RATE)] if settings.SMS_RATE else []
    if line.slowed_rate and line.slowed_at:
        doublings = (now - line.slowed_at).total_seconds() / settings.SMS_RECOVERY
        recovered = line.slowed_rate * 2.0 ** min(max(doublings, 0.0), 20.0)
        if recovered < _NO_LIMIT:
            limits.append(recovered)
    return min(limits, default=None)


def take(line: Line, wanted: int, now: datetime) -> int:
    """Take as many tokens as there are, up to the number wanted; how many that was.

    Another worker may be quicker, and then it is none this time.
    """
    limit = rate_of(line, now)
    if limit is None or wanted <= 0:
        return max(wanted, 0)
    room = max(limit, 1.0)
    if line.tokens_at is None:
        filled = room
    else:
        gained = max((now - line.tokens_at).total_seconds(), 0.0) * limit
        filled = min(line.tokens + gained, room)
    taken = min(wanted, math.floor(filled))
    if taken < 1:
        return 0
    known = Line.objects.filter(pk=line.pk, tokens_at=line.tokens_at)
    if not known.update(tokens=filled - taken, tokens_at=now):
        return 0
    line.tokens, line.tokens_at = filled - taken, now
    return taken


def slow_down(line: Line, retry_after: float | None) -> None:
    """Halve the rate of the last seconds, and leave the gateway alone as long as it asks for."""
    now = timezone.now()
    row = Line.objects.filter(pk=line.pk)
    if retry_after:
        until = now + timedelta(seconds=retry_after)
        row.filter(Q(quiet_until=None) | Q(quiet_until__lt=until)).update(quiet_until=until)
    sent = Message.objects.filter(sent_at__gte=now - _MEASURED).count()
    measured = sent / _MEASURED.total_seconds()
    limit = rate_of(line, now)
    rate = max(min(measured, limit or measured) / 2, SLOWEST)
    is_news = Q(slowed_at=None) | Q(slowed_at__lt=now - _SAME_429)
    row.filter(is_news).update(slowed_rate=rate, slowed_at=now)
