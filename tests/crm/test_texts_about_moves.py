"""The texts about an order that moves: who gets which, and what they cost in queries."""

from collections.abc import Callable
from threading import Thread
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from crm import orders, self_service
from crm.errors import OrderCannotMove
from crm.models import Order
from crm.spreadsheets.reading import CSV
from crm.spreadsheets.resources import OrderResource
from sms import doorbells
from sms.models import Message
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

MOVES = ("order_processing", "order_completed", "order_cancelled")


@pytest.fixture
def order(templates: None) -> Order:
    """An order of which no text was queued yet, in a shop that texts at every event."""
    factories.switch_on(*MOVES)
    customer = factories.customer(name="Wanjiku", phone_number="+254722000000")
    return factories.order(customer=customer, text_customer=False)


def texts() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("created_at", "id").values_list("event", "text"))


def statements(do: Callable[[], object]) -> int:
    """How many queries it takes, but for where transactions begin and end."""
    with CaptureQueriesContext(connection) as queries:
        do()
    return len([each for each in queries if "SAVEPOINT" not in each["sql"]])


@pytest.mark.parametrize(
    ("status", "english", "swahili"),
    [
        (
            "PROCESSING",
            "Hello {name}! We are working on your order {number} for Laptop Computer.",
            "Habari {name}! Agizo lako {number} la Laptop Computer linashughulikiwa.",
        ),
        (
            "COMPLETED",
            "Hello {name}! Your order {number} for Laptop Computer is complete. Thank you!",
            "Habari {name}! Agizo lako {number} la Laptop Computer limekamilika. Asante!",
        ),
        (
            "CANCELLED",
            "Hello {name}! Your order {number} for Laptop Computer has been cancelled.",
            "Habari {name}! Agizo lako {number} la Laptop Computer limeghairiwa.",
        ),
    ],
)
def test_a_customer_is_told_of_each_move_in_their_language(
    order: Order, status: str, english: str, swahili: str
) -> None:
    neema = factories.customer(name="Neema", language="sw")
    hers = factories.order(customer=neema, text_customer=False)
    for moved in (order, hers):
        orders.change_status(moved, status)
        assert moved.sms_status == "queued"
    event = f"order_{status.lower()}"
    assert texts() == [
        (event, english.format(name="Wanjiku", number=order.order_number)),
        (event, swahili.format(name="Neema", number=hers.order_number)),
    ]
    message = Message.objects.get(about_id=order.pk)
    assert (message.phone_number, message.recipient_id) == ("+254722000000", order.customer_id)
    assert [task.func() for task in OrmQ.objects.all()] == [doorbells.SEND_TASK] * 2


def test_nobody_is_told_of_a_move_until_the_shop_switches_that_on(templates: None) -> None:
    order = factories.order(text_customer=False)
    orders.change_status(order, "PROCESSING")
    orders.change_statuses([order], "COMPLETED")
    assert texts() == []
    assert not OrmQ.objects.exists()


def test_an_order_that_moves_twice_quickly_is_told_of_twice(order: Order) -> None:
    orders.change_status(order, "PROCESSING")
    orders.change_status(order, "COMPLETED")
    assert [event for event, _ in texts()] == ["order_processing", "order_completed"]


def test_only_the_events_that_are_on_are_told_of(templates: None) -> None:
    factories.switch_on("order_completed")
    order = factories.order(text_customer=False)
    orders.change_status(order, "PROCESSING")
    assert texts() == []
    orders.change_status(order, "COMPLETED")
    assert [event for event, _ in texts()] == ["order_completed"]


def test_a_move_to_the_state_it_has_and_a_change_of_the_item_are_no_news(order: Order) -> None:
    orders.change_status(order, "PENDING")
    orders.revise_order(order, {"item": "Mouse"})
    assert texts() == []


def test_a_move_that_is_refused_is_not_told_of(order: Order) -> None:
    stale = Order.objects.get(pk=order.pk)
    orders.change_status(order, "COMPLETED")
    Message.objects.all().delete()
    with pytest.raises(OrderCannotMove):
        orders.change_status(stale, "CANCELLED")
    assert orders.change_statuses([order], "CANCELLED")[0] == 0
    assert texts() == []


def test_a_text_tells_of_the_order_as_it_is_changed_with_the_move(order: Order) -> None:
    other = factories.customer(name="Otieno")
    orders.revise_order(order, {"item": "Mouse", "customer": other}, "COMPLETED")
    message = Message.objects.get()
    assert message.phone_number == other.phone_number
    assert message.text == (
        f"Hello Otieno! Your order {order.order_number} for Mouse is complete. Thank you!"
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_once", [True, False], ids=["many", "one"])
def test_where_the_text_cannot_be_queued_the_order_does_not_move_either(at_once: bool) -> None:
    factories.templates()
    factories.switch_on(*MOVES)
    order = factories.order(text_customer=False)
    with patch("sms.doorbells.async_task", side_effect=RuntimeError), pytest.raises(RuntimeError):
        if at_once:
            orders.change_statuses([order], "COMPLETED")
        else:
            orders.change_status(order, "COMPLETED")
    assert Order.objects.get().status == "PENDING"
    assert order.history.count() == 1
    assert texts() == []


@pytest.mark.django_db(transaction=True)
def test_a_move_that_is_rolled_back_is_not_told_of() -> None:
    factories.templates()
    factories.switch_on(*MOVES)
    order = factories.order(text_customer=False)
    with pytest.raises(RuntimeError), transaction.atomic():
        orders.change_status(order, "COMPLETED")
        raise RuntimeError
    assert texts() == []
    assert not OrmQ.objects.exists()


# --- Whoever moves it ---------------------------------------------------------------------------


def test_a_move_over_the_api_is_told_of(api: Api, order: Order) -> None:
    response = api.patch(f"/api/orders/{order.pk}/", {"status": "PROCESSING"})
    assert (response.status_code, response.json()["sms_status"]) == (200, "queued")
    assert [event for event, _ in texts()] == ["order_processing"]
    again = api.get(f"/api/orders/{order.pk}/")
    assert (again.json(), again["ETag"]) == (response.json(), response["ETag"])


def test_a_move_on_its_screen_is_told_of(admin_client: Client, order: Order) -> None:
    form = {
        "customer": order.customer_id,
        "item": order.item,
        "amount": order.amount,
        "status": "COMPLETED",
        "order_time_0": "2026-09-21",
        "order_time_1": "12:00:00",
    }
    assert admin_client.post(f"/admin/crm/order/{order.pk}/change/", form).status_code == 302
    assert [event for event, _ in texts()] == ["order_completed"]


def test_moves_on_the_list_are_told_of(admin_client: Client, order: Order) -> None:
    other = factories.order(text_customer=False)
    body = {"action": "mark_cancelled", "_selected_action": [order.pk, other.pk]}
    page = admin_client.post("/admin/crm/order/", body)
    assert texts() == []
    shown = {name: page.context[name] for name in ("seen_at", "form_key")}
    admin_client.post("/admin/crm/order/", body | shown)
    assert [event for event, _ in texts()] == ["order_cancelled"] * 2
    assert set(Message.objects.values_list("about_id", flat=True)) == {order.pk, other.pk}


def test_a_customer_who_cancels_is_told_that_it_is_so(order: Order) -> None:
    self_service.cancel_own_order(order)
    assert [event for event, _ in texts()] == ["order_cancelled"]


@pytest.mark.parametrize(("is_told", "events"), [(True, ["order_completed"]), (False, [])])
def test_a_sheet_tells_of_moves_where_its_customers_are_to_be_texted(
    order: Order, is_told: bool, events: list[str]
) -> None:
    row = f"{order.order_number},{order.customer.code},Laptop Computer,1299.99,COMPLETED"
    sheet = CSV().create_dataset(f"Order number,Customer code,Item,Amount,Status\n{row}\n".encode())
    OrderResource(text_customers=is_told).take_in(sheet, "moves.csv")
    order.refresh_from_db()
    assert order.status == "COMPLETED"
    assert [event for event, _ in texts()] == events


# --- What it costs ------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_on", "most"), [(True, 7), (False, 5)])
def test_to_move_fifty_orders_costs_what_one_costs(templates: None, is_on: bool, most: int) -> None:
    if is_on:
        factories.switch_on(*MOVES)
    counts = []
    for number in (1, 50):
        moved = [factories.order(text_customer=False) for _ in range(number)]
        counts.append(statements(lambda: orders.change_statuses(moved, "COMPLETED")))  # noqa: B023  # asked at once
    # Customers and orders held, the moves, their history, the wording; the texts, and a task.
    assert counts == [most, most]
    assert Order.objects.filter(status="COMPLETED").count() == 51
    assert Order.history.filter(status="COMPLETED", history_type="~").count() == 51
    assert Message.objects.count() == (51 if is_on else 0)


def test_the_text_of_an_order_adds_at_most_four_queries_to_placing_it(templates: None) -> None:
    customer = factories.customer()
    silent = statements(lambda: factories.order(customer=customer, text_customer=False))
    told = statements(lambda: factories.order(customer=customer))
    assert told - silent == 3


def test_the_text_of_a_move_adds_at_most_four_queries_to_it(order: Order) -> None:
    other = factories.order(text_customer=False)
    silent = statements(lambda: orders.change_status(other, "COMPLETED", text_customer=False))
    told = statements(lambda: orders.change_status(order, "COMPLETED"))
    assert told - silent == 3


def test_an_order_that_is_chosen_twice_moves_once(order: Order) -> None:
    same = Order.objects.get(pk=order.pk)
    assert orders.change_statuses([order, same], "COMPLETED") == (1, [])
    assert order.history.filter(status="COMPLETED").count() == 1
    assert [event for event, _ in texts()] == ["order_completed"]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_move_the_same_orders_at_once_each_order_moves_once() -> None:
    factories.templates()
    factories.switch_on(*MOVES)
    made = [factories.order(text_customer=False) for _ in range(5)]
    moved: list[int] = []

    def move(chosen: list[Order]) -> None:
        try:
            moved.append(orders.change_statuses(chosen, "COMPLETED")[0])
        finally:
            connection.close()

    # Each has seen them pending, and half of them have them in another order.
    ways = [Order.objects.order_by("pk"), Order.objects.order_by("-pk")] * 3
    threads = [Thread(target=move, args=[list(way)]) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) == len(made)
    assert len(moved) == len(threads)
    assert Order.history.filter(status="COMPLETED").count() == len(made)
    assert [event for event, _ in texts()] == ["order_completed"] * len(made)
