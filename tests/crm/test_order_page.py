"""The page of an order: how it stands, its texts and changes, its next steps, and its receipt."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from secrets import token_urlsafe
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import erasing, orders
from crm.models import Order
from identity.models import User
from sms.models import Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="wanjiku")


@pytest.fixture
def client(clerk: User) -> Client:
    """A browser in which a Clerk is signed in."""
    return browser(clerk)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def order(templates: None) -> Order:
    customer = factories.customer(name="Jane <b>Doe", phone_number="+254722000000")
    return factories.order(customer=customer, item="Lamp", amount=Decimal("80405.00"))


def page_of(order: Order) -> str:
    return f"/admin/crm/order/{order.pk}/change/"


def words(page: str) -> str:
    """What a reader of the page sees of it, but for how long ago something was."""
    page = re.sub(r"<time[^>]*>[^<]*ago</time>|<time[^>]*>now</time>", "", page)
    return " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())


def read(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def move(client: Client, order: Order, *, key: str = "", **fields: str) -> list[str]:
    """What is told after a button was pressed: that of a page of its own, unless it is the same."""
    sent = fields | {"form_key": key or token_urlsafe(16)}
    page = client.post(f"/admin/crm/order/{order.pk}/move/", sent)
    assert page["Location"] == page_of(order)
    return [str(message) for message in get_messages(page.wsgi_request)]


# --- The page -----------------------------------------------------------------------------------


def test_the_page_says_what_was_ordered_by_whom_and_how_it_stands(
    client: Client, order: Order
) -> None:
    page = read(client, page_of(order))
    head = words(page[page.index('class="order"') : page.index('id="order-texts"')])
    assert "KES 80,405.00 Lamp Pending Jane <b>Doe 0722 000000 Ordered" in head
    assert f'href="/admin/crm/customer/{order.customer_id}/change/"' in page
    assert 'href="tel:+254722000000"' in page
    [heading] = re.findall("<h1[ >].*?</h1>", page, re.DOTALL)
    assert order.order_number in heading
    assert order.order_number in page[: page.index("</title>")]


def test_the_page_tells_whether_the_text_arrived(client: Client, order: Order) -> None:
    message = Message.objects.get()
    Message.objects.update(status="delivered")
    orders.change_status(order, "COMPLETED")
    page = read(client, page_of(order))
    texts = page[page.index('id="order-texts"') : page.index('id="order-changes"')]
    assert f'href="/admin/sms/message/{message.pk}/change/"' in texts
    assert "Delivered : what became of this text Hello Jane <b>Doe! Your order" in words(texts)


def test_the_order_of_somebody_who_was_forgotten_has_no_phone(client: Client) -> None:
    order = factories.order(customer=factories.customer(name="Wanjiku"), text_customer=False)
    erasing.erase_customer(order.customer, by=factories.user("Manager"))
    page = read(client, page_of(order))
    assert ("tel:" in page, "Wanjiku" in page) == (False, False)
    assert receipt_of(client, order).status_code == 200


def test_an_order_without_a_text_says_so(client: Client) -> None:
    order = factories.order(text_customer=False)
    assert "No text was queued about it." in read(client, page_of(order))


def test_who_may_not_read_texts_sees_none(order: Order) -> None:
    viewer = factories.user("Viewer")
    viewer.groups.get().permissions.remove(Permission.objects.get(codename="view_message"))
    page = read(browser(viewer), page_of(order))
    assert "Texts about this order" not in page
    assert "Hello Jane" not in page


def test_the_page_tells_who_changed_what(client: Client, order: Order) -> None:
    move(client, order, status="PROCESSING", seen="PENDING")
    page = words(read(client, page_of(order)))
    assert "Changed by wanjiku Status: Pending → Processing" in page


def test_a_form_that_is_refused_shows_the_order_as_it_is(client: Client, order: Order) -> None:
    page = client.post(page_of(order), {"item": "Radio", "amount": "free"}).content.decode()
    assert "KES 80,405.00 Lamp Pending" in words(page[page.index('class="order"') :])
    assert "What changed" not in page  # so that what is wrong is not far below


def test_the_page_costs_the_same_queries_however_much_happened(
    client: Client, order: Order
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(page_of(order))
        return len(queries)

    orders.revise_order(order, {"amount": Decimal(1)})
    few = cost()
    for number in range(20):
        orders.revise_order(order, {"amount": Decimal(number + 2)})
        factories.message(about_id=order.pk)
    assert cost() == few


# --- The next steps -----------------------------------------------------------------------------


def steps_on(page: str) -> list[str]:
    """What the buttons would move the order to."""
    return re.findall(r'name="status" value="([A-Z]+)"', page)


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        ("PENDING", ["PROCESSING", "COMPLETED", "CANCELLED"]),
        ("PROCESSING", ["COMPLETED", "CANCELLED"]),
        ("COMPLETED", []),
        ("CANCELLED", []),
    ],
)
def test_the_buttons_are_the_legal_next_steps(
    client: Client, order: Order, status: str, steps: list[str]
) -> None:
    orders.change_status(order, status)
    assert steps_on(read(client, page_of(order))) == steps


def test_who_may_change_nothing_has_no_buttons(order: Order) -> None:
    page = read(browser(factories.user("Viewer")), page_of(order))
    assert (steps_on(page), "Change this order" in page) == ([], False)


def test_a_button_moves_the_order_and_tells_whether_a_text_goes(
    client: Client, order: Order
) -> None:
    number = order.order_number
    told = move(client, order, status="PROCESSING", seen="PENDING")
    assert told == [f"Order {number} is processing now."]
    MessageTemplate.objects.filter(event="order_completed").update(is_active=True)
    told = move(client, order, status="COMPLETED", seen="PROCESSING")
    assert told[-1] == f"Order {number} is completed now. A text goes to 0722 000000."
    assert Message.objects.filter(event="order_completed").count() == 1
    order.refresh_from_db()
    assert order.status == "COMPLETED"


def test_a_button_that_is_pressed_twice_moves_the_order_once_and_tells_the_same(
    client: Client, order: Order
) -> None:
    MessageTemplate.objects.filter(event="order_completed").update(is_active=True)
    for _ in range(2):
        told = move(client, order, status="COMPLETED", seen="PENDING", key="one")
    number = order.order_number
    assert told == [f"Order {number} is completed now. A text goes to 0722 000000."] * 2
    assert Message.objects.filter(event="order_completed").count() == 1
    assert order.history.count() == 2


def test_who_makes_a_move_that_was_made_already_is_told_of_no_text(
    client: Client, order: Order
) -> None:
    MessageTemplate.objects.filter(event="order_completed").update(is_active=True)
    for _ in range(2):
        told = move(client, order, status="COMPLETED", seen="PENDING")
    assert told[-1] == f"Order {order.order_number} was completed already."
    assert Message.objects.filter(event="order_completed").count() == 1
    assert order.history.count() == 2


def test_a_button_that_is_pressed_again_after_another_move_tells_of_no_state_of_now(
    client: Client, order: Order
) -> None:
    move(client, order, status="PROCESSING", seen="PENDING", key="one")
    order.refresh_from_db()
    orders.change_status(order, "COMPLETED")
    told = move(client, order, status="PROCESSING", seen="PENDING", key="one")
    assert told[-1] == f"Order {order.order_number} was processing already."


def test_each_button_of_each_page_has_a_key_of_its_own(client: Client, order: Order) -> None:
    pages = [read(client, page_of(order)) for _ in range(2)]
    keys = re.findall(r'name="form_key" value="([^"]+)"', "".join(pages))
    assert (len(keys), len(set(keys))) == (6, 6)


def test_a_button_without_a_key_moves_nothing(client: Client, order: Order) -> None:
    form = {"status": "COMPLETED", "seen": "PENDING"}
    page = client.post(f"/admin/crm/order/{order.pk}/move/", form)
    said = [str(message) for message in get_messages(page.wsgi_request)]
    assert said == ["Choose what becomes of the order."]
    order.refresh_from_db()
    assert (order.status, order.history.count()) == ("PENDING", 1)


def test_a_refusal_leaves_the_button_as_good_as_new(client: Client, order: Order) -> None:
    orders.change_status(order, "PROCESSING")
    for _ in range(2):
        told = move(client, order, status="COMPLETED", seen="PENDING", key="one")
        assert told[-1].startswith("Somebody changed status of")
    assert order.history.count() == 2
    told = move(client, order, status="COMPLETED", seen="PROCESSING", key="one")
    assert told[-1] == f"Order {order.order_number} is completed now."


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"status": "CANCELLED", "seen": "PENDING"}, "Somebody changed status of {} meanwhile."),
        ({"status": "CANCELLED"}, "Order {} is COMPLETED and cannot become CANCELLED."),
        ({"status": "LOST"}, "Choose what becomes of the order."),
        ({}, "Choose what becomes of the order."),
    ],
)
def test_a_step_that_is_not_open_is_told_and_nothing_changes(
    client: Client, order: Order, fields: dict[str, str], told: str
) -> None:
    orders.change_status(order, "COMPLETED")
    [said] = move(client, order, **fields)
    assert said.startswith(told.format(order.order_number))
    order.refresh_from_db()
    assert (order.status, order.history.count()) == ("COMPLETED", 2)


@pytest.mark.parametrize(
    ("is_told", "warning"),
    [
        (True, "It cannot be undone, and a text goes to 0722 000000."),
        (False, "It cannot be undone. No text goes out."),
    ],
)
def test_to_cancel_asks_first_and_says_whether_a_text_goes(
    client: Client, order: Order, is_told: bool, warning: str
) -> None:
    MessageTemplate.objects.filter(event="order_cancelled").update(is_active=is_told)
    assert f"Cancel this order … {warning} Yes, cancel it" in words(read(client, page_of(order)))


# --- The receipt --------------------------------------------------------------------------------


def receipt_of(client: Client, order: Order) -> Any:
    return client.get(f"/admin/crm/order/{order.pk}/receipt/")


def test_a_receipt_says_what_was_bought_by_whom_when_and_for_how_much(client: Client) -> None:
    order = factories.order(
        customer=factories.customer(name="Jane <b>Doe"),
        item="Lamp <i>",
        amount=Decimal("80405.00"),
        order_time=datetime(2026, 9, 21, 22, 30, tzinfo=UTC),
    )
    orders.change_status(order, "COMPLETED")
    page = receipt_of(client, order).content.decode()
    body = page[page.index("<main>") :]
    assert words(body) == (
        f"Karani Receipt Order {order.order_number} Date 22 Sep 2026, 01:30 Customer Jane <b>Doe "
        "State Completed Item Amount Lamp <i> KES 80,405.00 Total KES 80,405.00"
    )


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "CANCELLED"])
def test_what_is_not_completed_has_no_receipt_but_a_confirmation(
    client: Client, order: Order, status: str
) -> None:
    orders.change_status(order, status)
    page = receipt_of(client, order).content.decode()
    assert "<h1>Order confirmation</h1>" in page
    assert "Receipt" not in page
    assert f"<dd>{order.get_status_display()}</dd>" in page


def test_an_order_that_is_not_there_has_no_receipt(client: Client, order: Order) -> None:
    orders.delete_order(Order.objects.get(pk=order.pk))
    assert receipt_of(client, order).status_code == 404
