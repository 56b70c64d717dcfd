"""How do sales go? An order that was cancelled is none; the day is that of the business's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, IntegerField, Q, Sum, Value
from django.utils import timezone

from crm.models import Customer, Order, OrderStatus

SOLD = (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.COMPLETED)
TO_FULFIL = (OrderStatus.PENDING, OrderStatus.PROCESSING)


@dataclass(frozen=True)
class Span:
    """A time from its first moment to before its end."""

    first: datetime
    end: datetime

    def before(self, now: datetime) -> "Span":
        """As much of the time before: where this one has not ended, that had not at this hour."""
        length = self.end - self.first
        return Span(self.first - length, min(self.end, now) - length)


@dataclass(frozen=True)
class Sales:
    """The orders of some time. What they are worth is told in the business's currency alone."""

    orders: int
    revenue: Decimal
    priced: int  # those of them in that currency

    def __add__(self, other: "Sales") -> "Sales":
        return Sales(
            self.orders + other.orders, self.revenue + other.revenue, self.priced + other.priced
        )

    @property
    def average(self) -> Decimal | None:
        return (self.revenue / self.priced).quantize(Decimal("0.01")) if self.priced else None


NONE = Sales(0, Decimal(0), 0)


def last_days(days: int, last: date | None = None) -> Span:
    """So many days, of which the last is today, or another."""
    last = last or timezone.localdate()
    return Span(_midnight(last - timedelta(days=days - 1)), _midnight(last + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    # In UTC, as Python subtracts two times of one zone by the clock on the wall.
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)


def sales_of(spans: Sequence[Span]) -> list[Sales]:
    """The sales of each; one query, that reads the orders of these times by their index."""
    in_currency = Q(currency=settings.CURRENCY)
    rows = [
        Order.objects.filter(order_time__gte=span.first, order_time__lt=span.end)
        # Not as one of the states that count: SQLite would read all of these by their index.
        .exclude(status=OrderStatus.CANCELLED)
        .order_by()
        .values(number=Value(number, IntegerField()))
        .annotate(
            orders=Count("pk"),
            revenue=Sum("amount", filter=in_currency),
            priced=Count("pk", filter=in_currency),
        )
        for number, span in enumerate(spans)
    ]
    found = {row["number"]: row for row in rows[0].union(*rows[1:], all=True)}
    return [
        Sales(row["orders"], row["revenue"] or Decimal(0), row["priced"])
        if (row := found.get(number))
        else NONE
        for number in range(len(spans))
    ]


def bought_by(customer: Customer) -> tuple[Sales, int]:
    """What the customer bought in all, and how many orders beside that were cancelled."""
    is_sold, in_currency = Q(status__in=SOLD), Q(currency=settings.CURRENCY)
    row = customer.orders.order_by().aggregate(
        orders=Count("pk", filter=is_sold),
        revenue=Sum("amount", filter=is_sold & in_currency),
        priced=Count("pk", filter=is_sold & in_currency),
        cancelled=Count("pk", filter=~is_sold),
    )
    return Sales(row["orders"], row["revenue"] or Decimal(0), row["priced"]), row["cancelled"]
