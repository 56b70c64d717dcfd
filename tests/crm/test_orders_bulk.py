"""Many orders in one request: all or none, and as few queries as for a few."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from crm import orders
from crm.models import Customer, Order
from identity.models import User
from sms import doorbells
from sms.models import Message, MessageTemplate
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

BULK = "/api/orders/bulk/"


def rows(count: int, **facts: Any) -> list[dict[str, Any]]:
    return [
        {"customer_code": "CUST001", "item": f"Laptop {number}", "amount": "10.00"} | facts
        for number in range(count)
    ]


@pytest.fixture
def customer(templates: None) -> Customer:
    return factories.customer(code="CUST001", name="John Doe", phone_number="+254722000000")


def nothing_is_written() -> bool:
    written = (Order, Order.history.model, Message, OrmQ)
    return not any(table._default_manager.exists() for table in written)


def test_many_orders_are_placed_each_with_its_text(
    api: Api, boss: User, customer: Customer
) -> None:
    other = factories.customer(code="OTHER", language="sw")
    body = [*rows(2), {"customer_id": str(other.pk), "item": "Mouse", "amount": 5.5}]
    response = api.post(BULK, body)
    assert response.status_code == 201
    told = response.json()
    assert [order["item"] for order in told] == ["Laptop 0", "Laptop 1", "Mouse"]
    assert [order["customer_code"] for order in told] == ["CUST001", "CUST001", "OTHER"]
    assert {order["sms_status"] for order in told} == {"queued"}
    assert {order["status"] for order in told} == {"PENDING"}
    for order in told:
        alone = api.get(f"/api/orders/{order['id']}/")
        assert alone.json() == order
    texts = {message.about_id: message for message in Message.objects.all()}
    assert len(texts) == 3
    swahili = texts[Order.objects.get(customer=other).pk]
    assert (swahili.phone_number, swahili.recipient_id) == (other.phone_number, other.pk)
    assert swahili.text.startswith("Habari")
    assert {row.history_user for row in Order.history.all()} == {boss}
    assert [task.func() for task in OrmQ.objects.all()] == [doorbells.SEND_MANY_TASK]


@pytest.mark.parametrize("count", [2, 1000])
def test_a_thousand_orders_cost_what_two_do(api: Api, customer: Customer, count: int) -> None:
    for number in range(50):
        factories.customer(code=f"C{number:03d}")
    body = [
        row | {"customer_code": f"C{number % 50:03d}"} for number, row in enumerate(rows(count))
    ]
    with CaptureQueriesContext(connection) as queries:
        assert api.post(BULK, body).status_code == 201
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 8, statements  # token, customers, again held, 2 orders, 3 texts
    assert len(queries) <= 12
    assert Order.objects.count() == Order.history.count() == Message.objects.count() == count
    assert Order.objects.values("order_number").distinct().count() == count


def test_every_wrong_field_of_every_row_is_named_and_nothing_is_placed(
    api: Api, customer: Customer
) -> None:
    body: list[Any] = rows(6)
    body[1] = body[1] | {"amount": "1.999", "item": ""}
    body[2] = body[2] | {"customer_code": "NOBODY"}
    body[3] = {"item": "Mouse", "amount": "1"}
    body[4] = "a mouse"
    body[5] = body[5] | {"customer_code": "NOBODY", "amount": "0"}
    with CaptureQueriesContext(connection) as queries:
        response = api.post(BULK, body)
    assert response.status_code == 400
    problem = response.json()
    assert {name: len(messages) for name, messages in problem["errors"].items()} == {
        "1.amount": 1,
        "1.item": 1,
        "2.customer_code": 1,
        "3.customer_code": 1,
        "4": 1,
        "5.customer_code": 1,
        "5.amount": 1,
    }
    assert problem["errors"]["2.customer_code"] == ["Invalid customer code."]
    assert problem["errors"]["3.customer_code"] == ["This field is required."]
    assert len(queries) == 3  # the token, all the customers, and those that were merged
    assert nothing_is_written()


def test_rows_that_only_name_no_customer_are_refused(api: Api, customer: Customer) -> None:
    response = api.post(BULK, [*rows(1), *rows(1, customer_code="NOBODY")])
    assert response.status_code == 400
    assert response.json()["errors"] == {"1.customer_code": ["Invalid customer code."]}
    assert nothing_is_written()


@pytest.mark.parametrize("body", [[], {}, {"orders": []}])
def test_a_body_that_is_no_list_of_orders_is_refused(
    api: Api, customer: Customer, body: Any
) -> None:
    response = api.post(BULK, body)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"body"}
    assert nothing_is_written()


def test_more_than_a_thousand_are_refused(api: Api, customer: Customer) -> None:
    response = api.post(BULK, rows(1001))
    assert response.status_code == 400
    assert "1000" in response.json()["errors"]["body"][0]
    assert nothing_is_written()


def test_a_thousand_long_items_fit(api: Api, customer: Customer) -> None:
    assert api.post(BULK, rows(1000, item="\N{SNOWMAN}" * 200)).status_code == 201


def test_a_customer_places_orders_one_by_one(
    as_user: Callable[[User | None], Api], customer: Customer
) -> None:
    own = factories.customer(user=factories.user())
    assert as_user(own.user).post(BULK, [{"item": "Mouse", "amount": 1}]).status_code == 403
    assert nothing_is_written()


def test_no_text_is_queued_where_the_event_is_switched_off(api: Api, customer: Customer) -> None:
    MessageTemplate.objects.update(is_active=False)
    response = api.post(BULK, rows(2))
    assert [order["sms_status"] for order in response.json()] == [None, None]
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_number_that_is_taken_is_drawn_again_for_all(customer: Customer) -> None:
    taken = factories.order(customer=customer, text_customer=False)
    made = [Order(customer=customer, item="Mouse", amount="1.00") for _ in range(2)]
    numbers = iter([taken.order_number, "MO1-0001", "MO1-0002", "MO1-0002", "MO1-0003"])
    with patch("crm.orders._new_order_number", side_effect=lambda order: next(numbers)):
        orders.place_orders(made)
    assert [order.order_number for order in made] == ["MO1-0002", "MO1-0003"]
    assert Order.objects.count() == Order.history.count() == 3
    assert Message.objects.count() == 2


def test_a_reference_twice_among_them_is_named_at_each(customer: Customer) -> None:
    made = [
        Order(customer=customer, item="Mouse", amount="1.00", reference=reference)
        for reference in ("A1", "A2", "A1")
    ]
    with pytest.raises(ValidationError) as refusal:
        orders.place_orders(made)
    assert set(refusal.value.message_dict) == {"0.reference", "2.reference"}
    assert nothing_is_written()


def test_a_customer_who_is_deleted_meanwhile_is_named(customer: Customer) -> None:
    made = [Order(customer=customer, item="Mouse", amount="1.00")]
    Customer.objects.all().delete()
    with pytest.raises(ValidationError) as refusal:
        orders.place_orders(made)
    assert refusal.value.message_dict == {"0.customer": ["The customer was just deleted."]}
    assert nothing_is_written()
