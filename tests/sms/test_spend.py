"""What texts cost, day by day, by the clock of the business."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from sms.models import Message
from sms.spend import Day, spend_by_day, spend_in, total_of
from tests import factories

pytestmark = pytest.mark.django_db


def sent(at: datetime, cost: str | None = "0.80", currency: str = "KES", parts: int = 1) -> None:
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(
        status="sent", sent_at=at, cost=cost, currency=currency if cost else "", segments=parts
    )


@pytest.fixture
def today() -> date:
    return timezone.localdate()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo("Africa/Nairobi"))


def test_the_days_are_those_of_the_business_and_the_newest_is_first(today: date) -> None:
    yesterday = today - timedelta(days=1)
    sent(at(today, 0, 5))  # still yesterday in UTC
    sent(at(today, 0, 6), "1.6000", parts=2)
    sent(at(yesterday, 23, 55))
    factories.message()  # not sent: it cost nothing
    assert spend_by_day(30) == [
        Day(today, 2, 3, "KES", Decimal("2.4")),
        Day(yesterday, 1, 1, "KES", Decimal("0.8")),
    ]


def test_only_so_many_days_are_told(today: date) -> None:
    sent(at(today - timedelta(days=6), 0, 1))
    sent(at(today - timedelta(days=7), 23, 59))
    assert [day.date for day in spend_by_day(7)] == [today - timedelta(days=6)]
    assert spend_in(7) == [("KES", Decimal("0.8"))]


def test_each_currency_has_a_line_of_its_own_and_so_has_what_had_no_price(today: date) -> None:
    sent(at(today, 0, 1))
    sent(at(today, 0, 2), "0.0125", "USD")
    sent(at(today, 0, 3), None)
    days = spend_by_day(1)
    assert [(day.currency, day.texts, day.cost) for day in days] == [
        ("", 1, Decimal(0)),
        ("KES", 1, Decimal("0.8")),
        ("USD", 1, Decimal("0.0125")),
    ]
    assert total_of(days) == spend_in(1) == [("KES", Decimal("0.8")), ("USD", Decimal("0.0125"))]


def test_the_page_sums_the_days_up_and_each_leads_to_its_texts(today: date) -> None:
    sent(at(today, 0, 1), "1234.5000", parts=2)
    sent(at(today - timedelta(days=2), 12))
    client = Client()
    client.force_login(factories.user("Viewer"))
    page = client.get("/admin/sms/message/spend/")
    words = " ".join(page.content.decode().split())
    assert "In 30 days 2 texts, charged as 3 messages: <strong>KES 1,235.30</strong>." in words
    link = f"/admin/sms/message/?sent_at__date={today.isoformat()}"
    assert f'href="{link}"' in words
    assert [each.cost for each in client.get(link).context["cl"].result_list] == [Decimal("1234.5")]


def test_a_shop_that_sent_nothing_is_told_what_to_do() -> None:
    client = Client()
    client.force_login(factories.user("Viewer"))
    words = client.get("/admin/sms/message/spend/").content.decode()
    assert "No text was sent in the last 30 days." in words
