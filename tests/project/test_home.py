"""The first page of the back office: its figures are those of the lists they lead to."""

from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import orders, sales
from crm.models import Order
from project.home import Tile
from sms import line
from sms.models import Hold, Message
from tests import factories

pytestmark = pytest.mark.django_db


def browser(role: str) -> Client:
    client = Client()
    client.force_login(factories.user(role))
    return client


@pytest.fixture
def viewer() -> Client:
    return browser("Viewer")


@pytest.fixture
def sold() -> None:
    """Orders at both edges of each time, one of them cancelled; and those that are none of it."""
    today = timezone.localdate()
    for days in (1, 7, 30):
        span = sales.last_days(days, today)
        for moment in (span.first - timedelta(microseconds=1), span.first):
            factories.order(order_time=moment, amount=f"{100 + days}.50")
            orders.change_status(
                factories.order(order_time=moment, amount="5000.00"), Order.Status.CANCELLED
            )
    last = sales.last_days(1, today).end
    for moment in (last - timedelta(microseconds=1), last):
        factories.order(order_time=moment, amount="10.00")


def open_home(client: Client) -> Any:
    page = client.get("/admin/")
    assert page.status_code == 200
    return page


def listed(client: Client, link: str) -> list[Any]:
    """All rows of the list that a figure leads to, on however many pages."""
    page = client.get(link)
    assert page.status_code == 200, link
    return list(page.context["cl"].get_queryset(page.wsgi_request))


def tile(page: Any, title: str) -> Tile:
    tiles = [*page.context["periods"], *page.context["tiles"]]
    [found] = [each for each in tiles if each.title.startswith(title)]
    assert isinstance(found, Tile)
    return found


def test_the_sales_of_each_period_are_those_of_the_list_it_leads_to(
    viewer: Client, sold: None
) -> None:
    page = open_home(viewer)
    for title, count, revenue in (
        ("Today", 2, "111.50"),
        ("7 days", 4, "320.50"),  # 101.50 of yesterday's last moment, and 107.50
        ("30 days", 6, "558.50"),
    ):
        shown = tile(page, title)
        rows = listed(viewer, shown.link)
        assert len(rows) == count
        assert sum(row.amount for row in rows) == Decimal(revenue)
        assert shown.figure == f"KES {revenue}"
        average = (Decimal(revenue) / count).quantize(Decimal("0.01"))
        assert shown.details[0] == f"{count} orders, KES {average} on average"


def test_each_day_of_the_chart_is_that_of_its_list(viewer: Client, sold: None) -> None:
    bars = open_home(viewer).context["bars"]
    assert len(bars) == 30
    days = [bar for bar in bars if bar.sales.orders]
    assert len(days) == 5  # today and the day before, the first of 7 and the day before, of 30
    for bar in days:
        rows = listed(viewer, bar.link)
        assert (len(rows), sum(row.amount for row in rows)) == (bar.sales.orders, bar.sales.revenue)
    assert max(bar.height for bar in bars) == 100
    assert listed(viewer, bars[1].link) == []


def test_a_period_is_told_beside_the_one_before(viewer: Client) -> None:
    day = sales.last_days(1)
    assert tile(open_home(viewer), "Today").details[1] == "No KES yesterday by this hour"
    factories.order(order_time=day.first - timedelta(days=1), amount="100.00")
    factories.order(order_time=day.first, amount="150.00")
    told = "50 % more than yesterday by this hour (KES 100.00)"
    assert tile(open_home(viewer), "Today").details[1] == told
    Order.objects.filter(amount="150.00").update(amount="75.00")
    told = "25 % less than yesterday by this hour (KES 100.00)"
    assert tile(open_home(viewer), "Today").details[1] == told
    Order.objects.filter(amount="75.00").update(amount="100.00")
    told = "As much as yesterday by this hour (KES 100.00)"
    assert tile(open_home(viewer), "Today").details[1] == told


def test_orders_in_another_currency_are_told_of(viewer: Client) -> None:
    for amount in ("100.00", "7.00"):
        factories.order(amount=amount)
    Order.objects.filter(amount="7.00").update(currency="USD")
    shown = tile(open_home(viewer), "Today")
    assert shown.figure == "KES 100.00"
    assert list(shown.details[:2]) == [
        "2 orders, KES 100.00 on average",
        "1 of them in another currency, and not in the sum",
    ]


def test_what_is_to_be_fulfilled_is_counted_and_listed(viewer: Client) -> None:
    for status in Order.Status:
        order = factories.order()
        if status != Order.Status.PENDING:
            orders.change_status(order, status)
    shown = tile(open_home(viewer), "To fulfil")
    assert shown.figure == "2"
    assert {row.status for row in listed(viewer, shown.link)} == {"PENDING", "PROCESSING"}


def test_texts_that_failed_or_are_in_doubt_are_counted_and_listed(viewer: Client) -> None:
    first = sales.last_days(30).first
    for status in ("failed", "unconfirmed", "delivered"):
        message = factories.message()
        Message.objects.filter(pk=message.pk).update(status=status, created_at=first)
    old = factories.message()
    Message.objects.filter(pk=old.pk).update(
        status="failed", created_at=first - timedelta(microseconds=1)
    )
    page = open_home(viewer)
    shown = tile(page, "Texts failed or in doubt")
    assert shown.figure == "2"
    assert {row.status for row in listed(viewer, shown.link)} == {"failed", "unconfirmed"}
    assert page.context["concerns"] == []  # they are of a month ago
    Message.objects.filter(status="failed").update(created_at=timezone.now())
    [concern] = open_home(viewer).context["concerns"]
    assert concern.words == "2 texts failed or in doubt since yesterday"
    assert len(listed(viewer, concern.link)) == 2


def test_what_was_spent_on_texts_is_that_of_its_page(viewer: Client) -> None:
    assert tile(open_home(viewer), "Spent on texts").figure == "KES 0.00"
    factories.message()
    Message.objects.update(
        status="sent", sent_at=timezone.now(), cost=Decimal("1234.80"), currency="KES"
    )
    shown = tile(open_home(viewer), "Spent on texts")
    assert shown.figure == "KES 1,234.80"
    assert "KES 1,234.80" in viewer.get(shown.link).content.decode()


def test_what_wants_attention_is_told_first(viewer: Client) -> None:
    assert "Needs attention" not in open_home(viewer).content.decode()
    factories.order(order_time=timezone.now() - timedelta(days=2, minutes=1))
    recent = factories.order(order_time=timezone.now() - timedelta(days=2) + timedelta(minutes=5))
    line.note_hold(line.find_line(), Hold.BALANCE, "Empty.")
    page = open_home(viewer)
    stopped, late = page.context["concerns"]
    assert stopped.words == "No texts are sent. The account with the gateway is empty. Empty."
    assert late.words == "1 order has been pending for 2 days"
    [row] = listed(viewer, late.link)
    assert row != recent
    words = unescape(page.content.decode())
    assert words.index("Needs attention") < words.index(late.words) < words.index("Today")


def test_first_steps_are_read_from_what_is_there(settings: Any) -> None:
    boss = factories.superuser()
    client = Client()
    client.force_login(boss)

    def left() -> list[str]:
        steps = open_home(client).context["first_steps"]
        return [step.words.partition(":")[0] for step in steps if not step.is_done]

    assert left() == [
        "Name the business",
        "Import your customers from a spreadsheet",
        "Take the first order",
        "Have texts sent",
        "Invite your staff",
        "Connect an app",
    ]
    settings.BUSINESS_NAME = "Duka la Wanjiku"
    factories.order()
    assert left() == ["Have texts sent", "Invite your staff", "Connect an app"]
    factories.user()  # of whom no role makes staff
    assert "Invite your staff" in left()
    factories.user("Clerk")
    assert left() == ["Have texts sent", "Connect an app"]
    factories.app()
    settings.SMS_GATEWAY = "africastalking"
    assert open_home(client).context["first_steps"] == []


def test_first_steps_are_of_who_may_invite_others(viewer: Client) -> None:
    assert "First steps" not in open_home(viewer).content.decode()
    assert "First steps" in open_home(browser("Administrator")).content.decode()


def test_where_nothing_was_sold_the_next_step_is_offered(viewer: Client) -> None:
    words = open_home(viewer).content.decode()
    assert "Nothing was sold in the last 30 days." in words
    assert "Day by day" not in words
    assert "Take an order" not in words  # which is not a Viewer's to do
    assert "Take an order" in open_home(browser("Clerk")).content.decode()


@pytest.mark.parametrize(
    ("codename", "gone", "stays"),
    [
        ("view_order", "To fulfil", "Spent on texts"),
        ("view_message", "Spent on", "To fulfil"),
    ],
)
def test_who_may_not_see_a_list_sees_no_figure_of_it(codename: str, gone: str, stays: str) -> None:
    user = factories.user("Viewer")
    user.groups.get().permissions.remove(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(user)
    factories.order()
    words = open_home(client).content.decode()
    assert gone not in words
    assert stays in words


def test_the_page_costs_at_most_twelve_queries_and_as_many_for_fifty_orders(
    templates: None,
) -> None:
    client, counts = browser("Administrator"), []
    for more in (1, 49):
        for _ in range(more):
            factories.order()
        with CaptureQueriesContext(connection) as queries:
            open_home(client)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
