"""How sales go: which orders count, in which time, and what they are worth."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import orders, sales
from crm.models import Order
from crm.sales import Sales, Span
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)  # in Nairobi
HOUR = Span(NOON, NOON + timedelta(hours=1))


def test_a_day_is_that_of_the_businesss_clock() -> None:
    assert sales.last_days(1, date(2026, 9, 21)) == Span(
        datetime(2026, 9, 20, 21, 0, tzinfo=UTC), datetime(2026, 9, 21, 21, 0, tzinfo=UTC)
    )
    week = sales.last_days(7, date(2026, 9, 21))
    assert (week.end - week.first, week.end) == (
        timedelta(days=7),
        datetime(2026, 9, 21, 21, 0, tzinfo=UTC),
    )


def test_a_day_is_as_long_as_the_clock_makes_it() -> None:
    with timezone.override("Europe/London"):
        day = sales.last_days(1, date(2026, 10, 25))
    assert day.end - day.first == timedelta(hours=25)  # summer time ends


def test_an_order_counts_from_the_first_moment_to_before_the_end() -> None:
    for moment in (
        HOUR.first - timedelta(microseconds=1),
        HOUR.first,
        HOUR.end - timedelta(microseconds=1),
        HOUR.end,
    ):
        factories.order(order_time=moment, amount="100.00")
    assert sales.sales_of([HOUR]) == [Sales(2, Decimal("200.00"), 2)]


def test_an_order_that_was_cancelled_is_no_sale() -> None:
    for status in Order.Status:
        order = factories.order(order_time=HOUR.first, amount="100.00")
        if status != Order.Status.PENDING:
            orders.change_status(order, status)
    assert sales.sales_of([HOUR]) == [Sales(3, Decimal("300.00"), 3)]


def test_what_is_priced_in_another_currency_is_counted_and_not_summed() -> None:
    factories.order(order_time=HOUR.first, amount="100.00")
    foreign = factories.order(order_time=HOUR.first, amount="7.00")
    Order.objects.filter(pk=foreign.pk).update(currency="USD")
    [sold] = sales.sales_of([HOUR])
    assert (sold.orders, sold.revenue, sold.average) == (2, Decimal("100.00"), Decimal("100.00"))


def test_the_average_is_of_cents_and_there_is_none_of_nothing() -> None:
    assert Sales(3, Decimal("100.00"), 3).average == Decimal("33.33")
    assert Sales(0, Decimal(0), 0).average is None


def test_many_times_cost_one_query_that_reads_no_more_than_their_orders() -> None:
    factories.order(order_time=HOUR.first)
    days = [sales.last_days(1, date(2026, 9, day)) for day in range(1, 31)]
    with CaptureQueriesContext(connection) as asked:
        found = sales.sales_of([*days, HOUR])
    assert [sold.orders for sold in found] == [0] * 20 + [1] + [0] * 9 + [1]
    assert len(asked) == 1
    if connection.vendor == "sqlite":  # PostgreSQL reads a small table whole
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
            plan = " ".join(step for *_, step in cursor.fetchall())
        assert plan.count("USING INDEX crm_order_time (order_time>? AND order_time<?)") == 31


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (NOON + timedelta(minutes=20), NOON - timedelta(minutes=40)),  # it has not ended yet
        (NOON + timedelta(hours=5), NOON),
    ],
)
def test_the_time_before_is_as_much_of_it(now: datetime, end: datetime) -> None:
    assert HOUR.before(now) == Span(NOON - timedelta(hours=1), end)
