"""How do the texts stand? The figures that the command shows, and whoever watches the machine."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from sms import line, rate
from sms.models import Hold, Line, Message, MessageStatus
from sms.sending import claims

IN_TROUBLE = (MessageStatus.FAILED, MessageStatus.UNCONFIRMED)
_SPAN = timedelta(minutes=1)  # over which the present rate is taken


@dataclass(frozen=True)
class Status:
    """Times are seconds, rates texts a second."""

    gateway: str
    line: str  # "clear", "quiet", "held", "broken" or "trying"
    reason: str
    since: datetime | None
    next_probe_at: datetime | None
    balance: Decimal | None
    currency: str
    counts: dict[str, int]  # of each state in which there is a text
    oldest_queued: float | None
    rate: float
    limit: float | None
    trouble: str  # what staff should look into, of the last day


def find_status() -> Status:
    """How the texts stand now; four queries."""
    now = timezone.now()
    known = line.read_line()
    counted = Message.objects.order_by().values_list("status").annotate(Count("pk"))
    queued = Message.objects.filter(status=MessageStatus.QUEUED)
    oldest = queued.aggregate(oldest=Min("queued_at"))["oldest"]
    sent = Message.objects.filter(sent_at__gte=now - _SPAN).count()
    return Status(
        gateway=settings.SMS_GATEWAY,
        line=state_of(known),
        reason=reason_of(known),
        since=known.held_at if known.hold else known.broken_at,
        next_probe_at=known.next_probe_at,
        balance=known.balance,
        currency=known.currency,
        counts=dict(counted),
        oldest_queued=None if oldest is None else (now - oldest).total_seconds(),
        rate=sent / _SPAN.total_seconds(),
        limit=rate.rate_of(known, now),
        trouble=known.trouble if is_news(known, now) else "",
    )


def oldest_due(now: datetime) -> timedelta | None:
    """How long the text that waits longest could have left; nothing where none could now."""
    since = Min(Coalesce("next_attempt_at", "queued_at"))
    oldest: datetime | None = claims.due(now).order_by().aggregate(oldest=since)["oldest"]
    return None if oldest is None else now - oldest


def last_sent_at() -> datetime | None:
    """When the gateway in use last took a text."""
    taken = Message.objects.filter(sent_at__isnull=False, gateway=settings.SMS_GATEWAY)
    return taken.order_by("-sent_at").values_list("sent_at", flat=True).first()


def in_trouble(since: datetime) -> int:
    """How many texts since then failed, or are in doubt."""
    return Message.objects.filter(status__in=IN_TROUBLE, created_at__gte=since).count()


def state_of(known: Line) -> str:
    if known.hold:
        return "held"
    if known.is_trying:
        return "trying"
    if known.broken_at:
        return "broken"
    return "quiet" if line.is_quiet(known) else "clear"


def reason_of(known: Line) -> str:
    """Why the line is not clear, in words; empty where it is."""
    if known.hold:
        return " ".join(filter(None, [f"{Hold(known.hold).label}.", known.reason]))
    if known.broken_at or known.is_trying:
        return known.reason
    if known.quiet_until and line.is_quiet(known):
        end = timezone.localtime(known.quiet_until)
        told = _("The gateway asked to be left alone until {time}.")
        return told.format(time=f"{end:%H:%M:%S}")
    return ""


def is_news(known: Line, now: datetime) -> bool:
    """Is the last trouble young enough to be shown?"""
    return known.trouble_at is not None and known.trouble_at > now - Line.TROUBLE_IS_NEWS
