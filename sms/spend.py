"""What did the texts cost, day by day? By the clock of the business, as the gateway charged it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from sms.models import Message, MessageQuerySet


@dataclass(frozen=True)
class Day:
    """The texts that the gateway took on one day. ``segments`` are what it charges for."""

    date: date
    texts: int
    segments: int
    currency: str  # ISO 4217; empty where the gateway named no price
    cost: Decimal


def spend_by_day(days: int) -> list[Day]:
    """The spend of the last so many days, the newest first; days without texts are left out.

    A day is listed once for each currency. One query.
    """
    rows = (
        _taken(days)
        .annotate(date=TruncDate("sent_at"))
        .values("date", "currency")
        .annotate(texts=Count("pk"), segments=Sum("segments"), cost=Sum("cost"))
        .order_by("-date", "currency")
    )
    return [
        Day(row["date"], row["texts"], row["segments"], row["currency"], row["cost"] or Decimal(0))
        for row in rows
    ]


def spend_in(days: int) -> list[tuple[str, Decimal]]:
    """The same as a sum for each currency; one query, which looks at no text's day."""
    sums = _taken(days).exclude(currency="").values_list("currency").annotate(cost=Sum("cost"))
    return sorted((currency, cost or Decimal(0)) for currency, cost in sums)


def _taken(days: int) -> MessageQuerySet:
    first = datetime.combine(timezone.localdate() - timedelta(days=days - 1), time.min)
    return Message.objects.filter(sent_at__gte=timezone.make_aware(first)).order_by()


def total_of(days: list[Day]) -> list[tuple[str, Decimal]]:
    """The sum for each currency."""
    totals: dict[str, Decimal] = {}
    for day in days:
        if day.currency:
            totals[day.currency] = totals.get(day.currency, Decimal(0)) + day.cost
    return sorted(totals.items())
