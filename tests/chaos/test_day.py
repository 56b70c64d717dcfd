"""A day of an ordinary shop, in half a minute: nobody dies, and yet much is to be explained.

Reports come late and twice. Two customers want no more texts. At noon the account with the gateway
is empty, and it is topped up after lunch.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from pathlib import Path

from django.test import Client
from django.utils import timezone

from crm.models import Order
from sms import line
from sms.models import ConsentChange, ConsentSource, DeliveryReport, Message, OptOut, ReportEffect
from sms.sending.claims import OPTED_OUT
from tests import factories
from tests.chaos.ledger import Books, compare, figures
from tests.chaos.shop import PATIENCE, Shop, place_orders, shop, wait_until

ORDERS, CUSTOMERS = 200, 40
PLACED_IN = 16.0  # seconds
STOPS = {50: "STOP", 80: "Acha"}  # after so many orders
NOON, AFTER_LUNCH = 100, 140  # likewise
LAST_STEPS = {"delivered": "Delivered", "undelivered": "Not delivered", "suppressed": "Not sent"}
REPORTS = {
    "late": 0.3,
    "doubled": 0.3,
    "disordered": 0.1,
    "early": 0.1,
    "unknown": 0.05,
    "undelivered": 0.05,
}


@dataclass
class Day:
    """What befalls the shop, at its hour."""

    shop: Shop
    stopped: dict[str, str] = field(default_factory=dict)  # what they texted, by phone
    held: set[str] = field(default_factory=set)  # the texts that waited for money
    topped_up_at: datetime | None = None

    def go_on(self, placed: int) -> None:
        """Told how many orders there were before the last."""
        if placed in STOPS:
            self._stop(STOPS[placed])
        elif placed == NOON:
            self.shop.gateway.post("balance", balance="4.00")  # five texts
        elif placed == AFTER_LUNCH:
            assert wait_until(lambda: line.find_line().hold == "balance", PATIENCE)
            assert wait_until(Message.objects.filter(status="held").exists, PATIENCE)
            waiting = Message.objects.filter(status__in=["held", "queued"])
            self.held = set(waiting.values_list("text", flat=True))
            self.topped_up_at = timezone.now()
            self.shop.gateway.post("balance", balance="500.00")

    def _stop(self, words: str) -> None:
        """The customer of the last order wants no more texts."""
        orders = Order.objects.exclude(customer__phone_number__in=self.stopped)
        phone_number = orders.latest("created_at").customer.phone_number
        self.stopped[phone_number] = words
        self.shop.gateway.post("incoming", phone_number=phone_number, words=words)
        assert wait_until(OptOut.objects.filter(phone_number=phone_number).exists, PATIENCE)


def test_an_ordinary_day_leaves_every_text_explained(
    folder: Path, seed: int, tell: Callable[[str], None]
) -> None:
    started, chance = time.monotonic(), random.Random(seed)
    with shop(folder, seed=seed) as opened:
        opened.gateway.post("faults", latency=(0.02, 0.2))
        opened.gateway.post(
            "reports",
            delivery_url=opened.delivery_url,
            incoming_url=opened.incoming_url,
            **REPORTS,
        )
        day = Day(opened)
        orders = place_orders(ORDERS - 2, PLACED_IN, chance, day.go_on, customers=CUSTOMERS)
        orders += order_after_stopping(day)
        rested = opened.rest()
        books = compare(orders, opened.gateway)
        told = [each for each in opened.gateway.get("told") if "status" in each["form"]]
    line_of_figures = figures(
        books,
        held=len(day.held),
        rested=f"{rested:.0f} s",
        all=f"{time.monotonic() - started:.0f} s",
        seed=seed,
    )
    tell(line_of_figures)
    assert not books.unexplained, "\n".join([line_of_figures, *books.unexplained])
    assert set(books.counts) == {"delivered", "undelivered", "suppressed"}, line_of_figures
    assert not books.texted_twice
    assert_who_stopped_is_left_alone(day, books, orders[-2:])
    assert_what_was_held_left_later(day, books)
    assert_each_report_is_applied_once(books, len(told))
    assert_staff_see_it(day)


def order_after_stopping(day: Day) -> list[Order]:
    """Those who want no texts order once more."""
    found = Order.objects.filter(customer__phone_number__in=day.stopped).order_by("pk")
    customers = {order.customer.phone_number: order.customer for order in found}
    return [
        factories.order(customer=customer, item=f"Radio {number}")
        for number, customer in enumerate(customers.values())
    ]


def assert_who_stopped_is_left_alone(day: Day, books: Books, late: list[Order]) -> None:
    """Their row says why, and it is known who stopped the texts, when, and by which words."""
    suppressed = [message for message in books.messages if message.status == "suppressed"]
    assert {message.phone_number for message in suppressed} == set(day.stopped)
    assert {message.failure_reason for message in suppressed} == {OPTED_OUT}
    assert {order.pk for order in late} <= {message.about_id for message in suppressed}
    changes = ConsentChange.objects.filter(wants_texts=False, source=ConsentSource.TEXT)
    said = {change.phone_number: (change.words, change.said_at) for change in changes}
    assert {phone: words for phone, (words, _) in said.items()} == day.stopped
    for message in books.messages:
        if message.phone_number in said and message.queued_at > said[message.phone_number][1]:
            assert message.status == "suppressed", message.text


def assert_what_was_held_left_later(day: Day, books: Books) -> None:
    assert day.held
    assert day.topped_up_at is not None
    for message in books.messages:
        if message.text in day.held and message.status != "suppressed":
            assert message.sent_at is not None
            assert message.sent_at > day.topped_up_at, message.text
    assert line.find_line().hold == ""


def assert_each_report_is_applied_once(books: Books, told: int) -> None:
    """Each is kept as often as it came and matched, and one of them has settled its text."""
    effects = Counter(DeliveryReport.objects.values_list("message", "effect"))
    assert sum(effects.values()) == told
    assert not DeliveryReport.objects.filter(message=None).exists()
    for message in books.messages:
        settled = int(message.status != "suppressed")
        assert effects[message.pk, ReportEffect.MOVED] == settled, message.text
    assert not DeliveryReport.objects.filter(effect=ReportEffect.CONTRADICTS).exists()
    assert DeliveryReport.objects.filter(effect=ReportEffect.REPEATED).count() > ORDERS / 10


def assert_staff_see_it(day: Day) -> None:
    """The page of each text says what became of it and why, the last step last."""
    browser = Client()
    browser.force_login(factories.superuser())
    for message in Message.objects.all():
        page = browser.get(f"/admin/sms/message/{message.pk}/change/")
        steps = [f"{step.title} {step.detail}" for step in page.context["steps"]]
        assert page.context["meaning"] in unescape(page.content.decode())
        settling = [step for step in steps if step.startswith(LAST_STEPS[message.status])]
        assert len(settling) == 1, steps
        if message.status == "suppressed":
            said = f"No texts wanted: by text (“{day.stopped[message.phone_number]}”), "
            assert said in settling[0]
        else:
            # On a machine that is too slow to read an answer in time, its report told the rest.
            sent = ("Sent 1 message, KES 0.80, receipt", "No clear answer ")
            assert any(step.startswith(sent) for step in steps), steps
            assert message.failure_reason in settling[0]
        if message.text in day.held:
            assert "Texts are held The account with the gateway is empty." in steps
