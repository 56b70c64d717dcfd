"""Placing, changing, moving and deleting orders."""

from datetime import UTC, datetime
from decimal import Decimal
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django_q.models import OrmQ

from crm import orders
from crm.errors import OrderCannotMove, OrderIsGone, OrderIsUnderWay
from crm.models import Customer, Order
from sms.models import Message
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_order_its_text_and_its_task_are_saved_together(templates: None) -> None:
    order = factories.order(
        customer=factories.customer(name="John Doe", phone_number="+254722000000")
    )
    message = Message.objects.get(about_id=order.pk)
    assert order.status == "PENDING"
    assert message.status == "queued"
    assert message.phone_number == "+254722000000"
    assert message.recipient_id == order.customer_id
    assert message.text == (
        "Hello John Doe! Your order for Laptop Computer worth KES 1,299.99 "
        "has been received. Thank you!"
    )
    task = OrmQ.objects.get()
    assert task.task["func"] == "sms.tasks.send_message"
    assert task.task["args"] == (str(message.pk),)
    assert order.sms_status == "queued"


@pytest.mark.django_db(transaction=True)
def test_an_exception_after_placing_an_order_leaves_nothing_of_it() -> None:
    factories.templates()
    customer = factories.customer()
    with pytest.raises(RuntimeError), transaction.atomic():
        factories.order(customer=customer)
        raise RuntimeError
    assert not Order.objects.exists()
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()
    assert not Order.history.exists()


@pytest.mark.django_db(transaction=True)
def test_where_the_text_cannot_be_queued_the_order_is_not_saved_either() -> None:
    factories.templates()
    customer = factories.customer()
    with patch("sms.doorbells.async_task", side_effect=RuntimeError), pytest.raises(RuntimeError):
        factories.order(customer=customer)
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_a_customer_who_prefers_swahili_is_texted_in_swahili(templates: None) -> None:
    order = factories.order(customer=factories.customer(name="Neema", language="sw"))
    assert Message.objects.get(about_id=order.pk).text == (
        "Habari Neema! Agizo lako la Laptop Computer la KES 1,299.99 limepokelewa. Asante!"
    )


def test_nobody_is_texted_when_asked_not_to(templates: None) -> None:
    order = factories.order(text_customer=False)
    assert order.sms_status is None
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    ("item", "prefix"),
    [
        ("Laptop Computer", "LA"),
        ("laptop", "LA"),
        ("3 bags", "3B"),
        ("- 4x", "4X"),
        ("Éclair", "EC"),
        ("x", "XX"),
        ("7", "7X"),
        ("日本", "XX"),
        ("!!!", "XX"),
    ],
)
def test_an_order_number_tells_the_item_and_the_time_in_utc(item: str, prefix: str) -> None:
    moment = datetime.fromisoformat("2026-09-21T15:30:00+03:00")
    order = factories.order(item=item, order_time=moment)
    number, _, suffix = order.order_number.partition("-")
    assert number == f"{prefix}20260921123000"
    assert len(suffix) == 4


def test_a_number_that_is_taken_is_drawn_again() -> None:
    moment = datetime(2026, 9, 21, tzinfo=UTC)
    draws = iter(["A"] * 8 + ["B"] * 4)
    with patch("crm.orders.secrets.choice", lambda alphabet: next(draws)):
        first = factories.order(order_time=moment)
        second = factories.order(order_time=moment)
    assert first.order_number == "LA20260921000000-AAAA"
    assert second.order_number == "LA20260921000000-BBBB"


def test_an_order_that_never_finds_a_free_number_is_refused_and_nothing_is_saved() -> None:
    moment = datetime(2026, 9, 21, tzinfo=UTC)
    with patch("crm.orders.secrets.choice", lambda alphabet: "A"):
        factories.order(order_time=moment)
        with pytest.raises(IntegrityError):
            factories.order(order_time=moment)
    assert Order.objects.count() == 1
    assert Message.objects.count() == OrmQ.objects.count()


@pytest.mark.parametrize(
    ("facts", "field", "message"),
    [
        ({"amount": "1.999"}, "amount", "Ensure that there are no more than 2 decimal places."),
        (
            {"amount": "0"},
            "amount",
            "Ensure this value is greater than or equal to 0.01.",
        ),
        (
            {"amount": "10000000000.00"},
            "amount",
            "Ensure that there are no more than 12 digits in total.",
        ),
        ({"item": "  "}, "item", "This field cannot be blank."),
        ({"item": "a\0b"}, "item", "Write it in one line, without control characters."),
        ({"item": "a\nb"}, "item", "Write it in one line, without control characters."),
        (
            {"item": "x" * 201},
            "item",
            "Ensure this value has at most 200 characters (it has 201).",
        ),
        (
            {"order_time": datetime(1899, 12, 31, tzinfo=UTC)},
            "order_time",
            "Enter a time between the years 1900 and 2200.",
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_saved(
    templates: None, facts: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        factories.order(**facts)
    assert refusal.value.message_dict == {field: [message]}
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refusal:
        factories.order(item="", amount="-1")
    assert set(refusal.value.message_dict) == {"item", "amount"}


def test_a_new_order_is_pending_whatever_it_says() -> None:
    assert factories.order(status="COMPLETED").status == "PENDING"


def test_a_reference_belongs_to_one_order() -> None:
    factories.order(reference="10248")
    with pytest.raises(ValidationError) as refusal:
        factories.order(reference="10248")
    assert refusal.value.message_dict == {
        "reference": ["Order with this reference already exists."]
    }
    assert Order.objects.count() == 1


def test_a_reference_that_another_request_took_meanwhile_is_named_too() -> None:
    factories.order(reference="10248")
    real_check, checks = orders._check, iter([lambda order: None])
    with (
        patch("crm.orders._check", lambda order: next(checks, real_check)(order)),
        pytest.raises(ValidationError) as refusal,
    ):
        factories.order(reference="10248")
    assert "reference" in refusal.value.message_dict
    assert Order.objects.count() == 1


MOVES = {
    ("PENDING", "PROCESSING"),
    ("PENDING", "COMPLETED"),
    ("PENDING", "CANCELLED"),
    ("PROCESSING", "COMPLETED"),
    ("PROCESSING", "CANCELLED"),
}
WAYS = {
    "PENDING": [],
    "PROCESSING": ["PROCESSING"],
    "COMPLETED": ["COMPLETED"],
    "CANCELLED": ["CANCELLED"],
}


@pytest.mark.parametrize("old", WAYS)
@pytest.mark.parametrize("new", WAYS)
def test_an_order_moves_to_its_next_steps_only(old: str, new: str) -> None:
    order = factories.order()
    for step in WAYS[old]:
        orders.change_status(order, step)
    history = order.history.count()
    if (old, new) in MOVES or old == new:
        orders.change_status(order, new)
        order.refresh_from_db()
        assert order.status == new
        assert order.history.count() == history + (old != new)
    else:
        with pytest.raises(OrderCannotMove) as refusal:
            orders.change_status(order, new)
        assert set(refusal.value.open_moves) == {b for a, b in MOVES if a == old}
        order.refresh_from_db()
        assert order.status == old
        assert order.history.count() == history


def test_of_two_who_move_the_same_order_the_second_is_told() -> None:
    order = factories.order()
    mine, theirs = Order.objects.get(pk=order.pk), Order.objects.get(pk=order.pk)
    orders.change_status(theirs, "CANCELLED")
    with pytest.raises(OrderCannotMove, match="is CANCELLED and cannot become COMPLETED"):
        orders.change_status(mine, "COMPLETED")
    order.refresh_from_db()
    assert order.status == "CANCELLED"


def test_a_change_of_the_item_does_not_undo_somebody_elses_move() -> None:
    order = factories.order()
    mine = Order.objects.get(pk=order.pk)
    orders.change_status(order, "PROCESSING")
    orders.revise_order(mine, {"item": "Desktop Computer"})
    order.refresh_from_db()
    assert (order.item, order.status) == ("Desktop Computer", "PROCESSING")


def test_of_two_changes_at_once_neither_undoes_the_other() -> None:
    order = factories.order()
    mine, theirs = Order.objects.get(pk=order.pk), Order.objects.get(pk=order.pk)
    orders.revise_order(mine, {"item": "Desktop Computer"})
    orders.revise_order(theirs, {"amount": Decimal("5.00")})
    order.refresh_from_db()
    assert (order.item, order.amount) == ("Desktop Computer", Decimal("5.00"))


def test_an_order_that_was_just_deleted_is_not_brought_back() -> None:
    order = factories.order()
    orders.delete_order(Order.objects.get(pk=order.pk))
    with pytest.raises(OrderIsGone, match="was just deleted"):
        orders.revise_order(order, {"item": "Desktop Computer"})
    assert not Order.objects.exists()


def test_an_order_that_the_business_started_on_meanwhile_is_not_its_customers_to_change() -> None:
    order = factories.order()
    mine = Order.objects.get(pk=order.pk)
    orders.change_status(order, "PROCESSING")
    with pytest.raises(OrderIsUnderWay):
        orders.revise_order(mine, {"item": "Tea"}, only_while_pending=True)
    order.refresh_from_db()
    assert order.item == "Laptop Computer"


@pytest.mark.django_db(transaction=True)
def test_an_order_for_a_customer_who_was_just_deleted_is_refused() -> None:
    customer = factories.customer()
    Customer.objects.all().delete()
    with pytest.raises(ValidationError, match="The customer was just deleted"):
        factories.order(customer=customer)
    assert not Order.objects.exists()


def test_fields_and_status_change_together_or_not_at_all() -> None:
    order = factories.order()
    orders.change_status(order, "COMPLETED")
    with pytest.raises(OrderCannotMove), transaction.atomic():
        orders.revise_order(order, {"item": "Desktop Computer"}, "PENDING")
    order.refresh_from_db()
    assert (order.item, order.status) == ("Laptop Computer", "COMPLETED")


def test_many_orders_move_and_those_that_cannot_say_why() -> None:
    done, open_order = factories.order(), factories.order()
    orders.change_status(done, "COMPLETED")
    moved, refused = orders.change_statuses([done, open_order], "CANCELLED")
    assert moved == 1
    assert [str(refusal) for refusal in refused] == [
        f"Order {done.order_number} is COMPLETED and cannot become CANCELLED. That is final."
    ]


def test_deleting_an_order_cancels_the_text_that_has_not_left(templates: None) -> None:
    order = factories.order()
    message = Message.objects.get(about_id=order.pk)
    orders.delete_order(order)
    message.refresh_from_db()
    assert message.status == "cancelled"
    assert message.final_at is not None
    assert not Order.objects.exists()


def test_the_history_of_an_order_keeps_each_state() -> None:
    order = factories.order()
    orders.revise_order(order, {"amount": Decimal("1500.00")})
    orders.change_status(order, "PROCESSING")
    kept = list(
        Order.history.order_by("history_id").values_list("history_type", "amount", "status")
    )
    assert kept == [
        ("+", Decimal("1299.99"), "PENDING"),
        ("~", Decimal("1500.00"), "PENDING"),
        ("~", Decimal("1500.00"), "PROCESSING"),
    ]


@pytest.mark.parametrize(
    "broken", [{"amount": 0}, {"amount": -1}, {"status": "LOST"}, {"reference": "10248"}]
)
def test_the_database_itself_refuses_what_cannot_be(broken: dict[str, Any]) -> None:
    factories.order(reference="10248")
    order = factories.order()
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**broken)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_moves_an_order() -> None:
    order = factories.order()
    outcomes: list[str] = []

    def move() -> None:
        try:
            orders.change_status(Order.objects.get(pk=order.pk), "COMPLETED")
            outcomes.append("moved or found moved")
        except OrderCannotMove:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=move) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert order.history.filter(status="COMPLETED").count() == 1


def test_an_order_that_is_gone_does_not_stop_the_others_from_moving() -> None:
    gone, there, done = factories.order(), factories.order(), factories.order()
    orders.change_status(done, "COMPLETED")
    orders.delete_order(Order.objects.get(pk=gone.pk))
    moved, refused = orders.change_statuses([gone, there, done], "COMPLETED")
    assert moved == 1
    assert [str(refusal) for refusal in refused] == [f"Order {gone.order_number} was just deleted."]
    assert not Order.objects.exclude(status="COMPLETED").exists()
