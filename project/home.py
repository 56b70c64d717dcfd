"""The first page of the back office: how the business stands, and what wants attention."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import sales
from crm.models import Order
from crm.sales import Sales, Span
from identity.signed_in import staff_of
from project.first_steps import first_steps
from sms import line, spend, status
from sms.money import spoken_sum

CHART_DAYS = 30
PERIODS = {1: gettext_lazy("Today"), 7: gettext_lazy("7 days"), 30: gettext_lazy("30 days")}
# With the sum that was taken then, and how much more or less it is now.
_MORE = {
    1: gettext_lazy("{percent} more than yesterday by this hour ({sum})"),
    7: gettext_lazy("{percent} more than in the 7 days before, by this hour ({sum})"),
    30: gettext_lazy("{percent} more than in the 30 days before, by this hour ({sum})"),
}
_LESS = {
    1: gettext_lazy("{percent} less than yesterday by this hour ({sum})"),
    7: gettext_lazy("{percent} less than in the 7 days before, by this hour ({sum})"),
    30: gettext_lazy("{percent} less than in the 30 days before, by this hour ({sum})"),
}
_AS_MUCH = {
    1: gettext_lazy("As much as yesterday by this hour ({sum})"),
    7: gettext_lazy("As much as in the 7 days before, by this hour ({sum})"),
    30: gettext_lazy("As much as in the 30 days before, by this hour ({sum})"),
}
_NOTHING = {
    1: gettext_lazy("No {currency} yesterday by this hour"),
    7: gettext_lazy("No {currency} in the 7 days before, by this hour"),
    30: gettext_lazy("No {currency} in the 30 days before, by this hour"),
}
WAITS_LONG = timedelta(days=2)  # for an order that nobody has begun on
_CHART_HEIGHT = 100  # of the highest bar, in units of the drawing


@dataclass(frozen=True)
class Tile:
    """A figure, and the list that says the same."""

    title: str
    figure: str
    link: str
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Bar:
    """A day of the chart."""

    day: datetime
    sales: Sales
    link: str
    height: int  # of _CHART_HEIGHT

    @property
    def top(self) -> int:
        return _CHART_HEIGHT - self.height


@dataclass(frozen=True)
class Concern:
    """Something that somebody should look into, and where."""

    words: str
    link: str


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows to this one: Unfold's ``DASHBOARD_CALLBACK``."""
    now = timezone.now()
    tiles: list[Tile] = []
    concerns: list[Concern] = []
    if request.user.has_perm("crm.view_order"):
        periods, bars = _sales(now)
        context |= {
            "periods": periods,
            "bars": bars,
            "chart_days": CHART_DAYS,
            "currency": settings.CURRENCY,
            "has_sold": any(bar.sales.orders for bar in bars),
        }
        tiles.append(_to_fulfil())
        concerns += _late_orders(now)
    if request.user.has_perm("sms.view_message"):
        since = sales.last_days(CHART_DAYS).first
        in_trouble = status.in_trouble(since)
        tiles += [_texts_in_trouble(since, in_trouble), _spend()]
        concerns = [*_stopped_texts(), *concerns, *_trouble()]
    steps = first_steps(staff_of(request))
    return context | {"tiles": tiles, "concerns": concerns, "first_steps": steps}


def _sales(now: datetime) -> tuple[list[Tile], list[Bar]]:
    """The sales of each period beside those before, and of each day; one query."""
    today = timezone.localdate(now)
    periods = [sales.last_days(days, today) for days in PERIODS]
    days = [
        sales.last_days(1, today - timedelta(days=ago)) for ago in range(CHART_DAYS - 1, -1, -1)
    ]
    befores = [span.before(now) for span in periods]
    found = sales.sales_of([*days, *befores])
    of_days, of_befores = found[:CHART_DAYS], found[CHART_DAYS:]
    tiles = [
        _period(length, span, sum(of_days[-length:], sales.NONE), before)
        for length, span, before in zip(PERIODS, periods, of_befores, strict=True)
    ]
    return tiles, _bars(days, of_days)


def _period(days: int, span: Span, now: Sales, before: Sales) -> Tile:
    details = [_orders_sold(now), _change(now.revenue, before.revenue, days)]
    if foreign := now.orders - now.priced:
        told = _("{count} of them in another currency, and not in the sum")
        details.insert(1, told.format(count=f"{foreign:,}"))
    return Tile(str(PERIODS[days]), _money(now.revenue), orders_of(span), details)


def _orders_sold(now: Sales) -> str:
    count = f"{now.orders:,}"
    if now.average is None:
        return ngettext("{count} order", "{count} orders", now.orders).format(count=count)
    told = ngettext(
        "{count} order, {sum} on average", "{count} orders, {sum} on average", now.orders
    )
    return told.format(count=count, sum=_money(now.average))


def _change(now: Decimal, before: Decimal, days: int) -> str:
    """How much more or less it is: ``12 % more than yesterday by this hour (KES 1,000.00)``."""
    if not before:
        return str(_NOTHING[days]).format(currency=settings.CURRENCY)
    percent = round(100 * (now - before) / before)
    if not percent:
        return str(_AS_MUCH[days]).format(sum=_money(before))
    told = (_MORE if percent > 0 else _LESS)[days]
    return str(told).format(percent=f"{abs(percent):,} %", sum=_money(before))


def _bars(days: Sequence[Span], found: Iterable[Sales]) -> list[Bar]:
    pairs = list(zip(days, found, strict=True))
    most = max((sold.revenue for _, sold in pairs), default=Decimal(0)) or Decimal(1)
    return [
        Bar(span.first, sold, orders_of(span), round(_CHART_HEIGHT * sold.revenue / most))
        for span, sold in pairs
    ]


def _to_fulfil() -> Tile:
    waiting = Order.objects.filter(status__in=sales.TO_FULFIL).count()
    return Tile(_("To fulfil"), f"{waiting:,}", _orders(status__exact=list(sales.TO_FULFIL)))


def _texts_in_trouble(since: datetime, count: int) -> Tile:
    title = _("Texts failed or in doubt, {days} days").format(days=CHART_DAYS)
    return Tile(title, f"{count:,}", _texts_in_trouble_link(since))


def _spend() -> Tile:
    sums = spend.spend_in(CHART_DAYS)
    told = f" {_('and')} ".join(spoken_sum(currency, amount) for currency, amount in sums)
    nothing = _money(Decimal(0))
    title = _("Spent on texts, {days} days").format(days=CHART_DAYS)
    return Tile(title, told or nothing, reverse("admin:sms_spend"))


def _stopped_texts() -> list[Concern]:
    known = line.read_line()
    if not line.is_shut(known):
        return []
    words = _("No texts are sent. {reason}").format(reason=status.reason_of(known))
    return [Concern(words, _log())]


def _trouble() -> list[Concern]:
    """Of today and yesterday: what nobody can mend is no concern for a month."""
    since = sales.last_days(2).first
    count = status.in_trouble(since)
    if not count:
        return []
    words = ngettext(
        "{count} text failed or in doubt since yesterday",
        "{count} texts failed or in doubt since yesterday",
        count,
    ).format(count=f"{count:,}")
    return [Concern(words, _texts_in_trouble_link(since))]


def _late_orders(now: datetime) -> list[Concern]:
    end = now - WAITS_LONG
    count = Order.objects.filter(status=Order.Status.PENDING, order_time__lt=end).count()
    if not count:
        return []
    words = ngettext(
        "{count} order has been pending for 2 days",
        "{count} orders have been pending for 2 days",
        count,
    ).format(count=f"{count:,}")
    link = _orders(status__exact=Order.Status.PENDING, **_until("order_time", end))
    return [Concern(words, link)]


# --- Where each figure leads ---------------------------------------------------------------------


def orders_of(span: Span) -> str:
    """The list of the orders that count as sold in this time."""
    return _orders(status__exact=list(sales.SOLD), **_from("order_time", span.first)) + (
        "&" + urlencode(_until("order_time", span.end))
    )


def _orders(**filters: Any) -> str:
    return f"{reverse('admin:crm_order_changelist')}?{urlencode(filters, doseq=True)}"


def _texts_in_trouble_link(since: datetime) -> str:
    filters = {"status__exact": list(status.IN_TROUBLE), **_from("created_at", since)}
    return f"{_log()}?{urlencode(filters, doseq=True)}"


def _log() -> str:
    return reverse("admin:sms_message_changelist")


def _from(field: str, moment: datetime) -> dict[str, str]:
    """As the list's own filter says it."""
    local = timezone.localtime(moment)
    return {f"{field}_from_0": f"{local:%Y-%m-%d}", f"{field}_from_1": f"{local:%H:%M:%S.%f}"}


def _until(field: str, end: datetime) -> dict[str, str]:
    """Up to the last microsecond, as the list's own filter takes the end in."""
    local = timezone.localtime(end - timedelta(microseconds=1))
    return {f"{field}_to_0": f"{local:%Y-%m-%d}", f"{field}_to_1": f"{local:%H:%M:%S.%f}"}


def _money(amount: Decimal) -> str:
    return spoken_sum(settings.CURRENCY, amount)
