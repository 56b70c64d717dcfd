"""What has stopped all texts and what let them go on, for the pages of those that had to wait."""

from datetime import datetime

from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce

from identity.models import User
from sms.models import Hold, LineEvent

_SHOWN = 10
STOPS = (LineEvent.Kind.HELD, LineEvent.Kind.BROKEN)


def note(
    gateway: str,
    kind: LineEvent.Kind,
    *,
    hold: Hold | None = None,
    reason: str = "",
    by: User | None = None,
) -> None:
    """Write it down, unless the last one says the same: a line may be tried in vain for hours."""
    last = LineEvent.objects.filter(gateway=gateway).last()
    if last is None or (last.kind, last.hold) != (kind, hold or ""):
        LineEvent.objects.create(
            gateway=gateway, kind=kind, hold=hold or "", reason=reason, made_by=by
        )


def between(gateway: str, since: datetime, until: datetime) -> QuerySet[LineEvent]:
    """Those of that time, and what stood when it began; one query."""
    events = LineEvent.objects.filter(gateway=gateway, at__lte=until)
    before = LineEvent.objects.filter(gateway=gateway, at__lte=since).order_by("-at", "-id")
    first = Coalesce(Subquery(before.values("at")[:1]), since)
    return events.filter(at__gte=first).select_related("made_by")


def latest(gateway: str, since: datetime) -> QuerySet[LineEvent]:
    """Those since then, the newest first, a handful at most."""
    events = LineEvent.objects.filter(gateway=gateway, at__gte=since)
    return events.select_related("made_by").order_by("-at", "-id")[:_SHOWN]
