"""What customers do by themselves."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone
from django_q.models import OrmQ

from crm import orders
from crm.errors import OrderIsGone, OrderIsUnderWay
from crm.models import Customer, Order
from crm.self_service import (
    MOST_ORDERS,
    cancel_own_order,
    place_own_order,
    stop_texts,
)
from identity.errors import TooManyAttempts
from sms.models import ConsentChange, Message, OptOut
from tests import factories


@pytest.fixture
def customer(templates: None) -> Customer:
    return factories.customer()


def mouse(customer: Customer) -> Order:
    return Order(customer=customer, item="Mouse", amount="15.50")


def everything() -> list[Any]:
    tables: list[type[models.Model]] = [Order, Order.history.model, Message, OrmQ, OptOut]
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


@pytest.mark.django_db
def test_an_order_is_placed_with_its_text(customer: Customer) -> None:
    order = place_own_order(mouse(customer))
    assert (order.status, order.sms_status) == ("PENDING", "queued")
    assert Message.objects.get().about_id == order.pk


@pytest.mark.django_db
def test_twenty_orders_an_hour_are_placed_and_no_more(customer: Customer) -> None:
    for _ in range(MOST_ORDERS):
        place_own_order(mouse(customer))
    first = Order.objects.earliest("created_at")
    Order.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(minutes=59))
    before = everything()
    with pytest.raises(TooManyAttempts) as refusal:
        place_own_order(mouse(customer))
    assert 55 <= refusal.value.wait <= 60
    assert everything() == before
    Order.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(hours=1))
    place_own_order(mouse(customer))


@pytest.mark.django_db(transaction=True)
def test_of_many_placed_at_once_no_more_come_to_be_than_an_hour_has(customer: Customer) -> None:
    for _ in range(MOST_ORDERS - 1):
        factories.order(customer=customer, text_customer=False)
    outcomes: list[str] = []

    def place() -> None:
        try:
            place_own_order(mouse(customer))
            outcomes.append("placed")
        except TooManyAttempts:
            outcomes.append("too many")
        finally:
            connection.close()

    threads = [Thread(target=place) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["placed", "too many", "too many", "too many"]
    assert customer.orders.count() == MOST_ORDERS


@pytest.mark.django_db
def test_an_order_is_cancelled_while_nobody_has_started_on_it(customer: Customer) -> None:
    order = factories.order(customer=customer)
    assert cancel_own_order(order).status == "CANCELLED"
    order.refresh_from_db()
    assert order.status == "CANCELLED"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["PROCESSING", "COMPLETED", "CANCELLED"])
def test_an_order_that_moved_on_is_not_cancelled(customer: Customer, status: str) -> None:
    order = factories.order(customer=customer)
    orders.change_status(Order.objects.get(), status)  # while the customer looks at the old state
    before = everything()
    with pytest.raises(OrderIsUnderWay):
        cancel_own_order(order)
    assert everything() == before


@pytest.mark.django_db
def test_an_order_that_was_deleted_is_not_cancelled(customer: Customer) -> None:
    order = factories.order(customer=customer)
    orders.delete_order(Order.objects.get())
    with pytest.raises(OrderIsGone):
        cancel_own_order(order)


@pytest.mark.django_db
def test_a_customer_stops_the_texts_to_their_phone(customer: Customer) -> None:
    factories.customer()
    stop_texts(customer)
    stop_texts(customer)
    assert OptOut.objects.get().phone_number == customer.phone_number


@pytest.mark.django_db
def test_who_stops_the_texts_themself_is_recorded_as_that(templates: None) -> None:
    customer = factories.customer(user=factories.user())
    stop_texts(customer)
    change = ConsentChange.objects.get()
    assert (change.phone_number, change.wants_texts) == (customer.phone_number, False)
    assert (change.source, change.said_by) == ("own_page", customer.user)
