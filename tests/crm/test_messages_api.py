"""Texts over the API: sent by a program, watched, and sent again."""

from decimal import Decimal
from typing import Any

import pytest
from django_q.models import OrmQ

from crm.models import Customer
from identity.models import User
from sms import doorbells, tasks
from sms.models import Message
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

MESSAGES = "/api/messages/"


@pytest.fixture
def customer() -> Customer:
    return factories.customer(code="CUST001", phone_number="+254722000000")


def test_a_text_to_a_customer_is_queued_and_sent(api: Api, customer: Customer) -> None:
    response = api.post(MESSAGES, {"customer_id": str(customer.pk), "text": " Come by! "})
    assert response.status_code == 202
    told = response.json()
    assert told | {"id": "", "created_at": ""} == {
        "id": "",
        "phone_number": "+254722000000",
        "text": "Come by!",
        "status": "queued",
        "event": None,
        "order_id": None,
        "customer_id": str(customer.pk),
        "segments": 1,
        "encoding": "GSM-7",
        "cost": None,
        "currency": None,
        "failure_reason": None,
        "may_be_double": False,
        "created_at": "",
        "sent_at": None,
        "final_at": None,
    }
    assert [task.func() for task in OrmQ.objects.all()] == [doorbells.SEND_TASK]

    tasks.drain()

    sent = api.get(f"{MESSAGES}{told['id']}/").json()
    assert sent["status"] == "sent"
    assert sent["sent_at"]


@pytest.mark.parametrize(
    ("phone_number", "is_known"), [("+254722000000", True), ("+254722000001", False)]
)
def test_a_text_to_a_phone_knows_its_customer(
    api: Api, customer: Customer, phone_number: str, is_known: bool
) -> None:
    told = api.post(MESSAGES, {"phone_number": phone_number, "text": "Hello"}).json()
    assert told["customer_id"] == (str(customer.pk) if is_known else None)
    assert told["phone_number"] == phone_number


def test_who_opted_out_gets_no_text(api: Api) -> None:
    customer = factories.customer(sms_opted_out=True)
    told = api.post(MESSAGES, {"customer_id": str(customer.pk), "text": "Hello"}).json()
    tasks.drain()
    assert api.get(f"{MESSAGES}{told['id']}/").json()["status"] == "suppressed"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"text": "Hi"}, {"body": ["Give either a customer_id or a phone_number."]}),
        (
            {"customer_id": "CUSTOMER", "phone_number": "+254722000000", "text": "Hi"},
            {"body": ["Give either a customer_id or a phone_number."]},
        ),
        (
            {"customer_id": "01890000-0000-7000-8000-000000000000", "text": "Hi"},
            {"customer_id": ["Invalid customer id."]},
        ),
        ({"customer_id": "CUSTOMER", "text": " \n"}, {"text": ["This field may not be blank."]}),
        (
            {"customer_id": "CUSTOMER", "text": "x" * 1001},
            {"text": ["Ensure that the text has at most 1000 characters."]},
        ),
        (
            {"customer_id": "CUSTOMER", "text": "x" * 1000 + " "},
            {"text": ["Ensure that the text has at most 1000 characters."]},
        ),
        ({"customer_id": "CUSTOMER"}, {"text": ["This field is required."]}),
    ],
)
def test_a_wrong_text_is_refused_and_nothing_is_queued(
    api: Api, customer: Customer, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    if body.get("customer_id") == "CUSTOMER":
        body = body | {"customer_id": str(customer.pk)}
    response = api.post(MESSAGES, body)
    assert response.status_code == 400
    assert response.json()["errors"] == errors
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_texts_are_listed_by_state_phone_and_order(api: Api, templates: None) -> None:
    order = factories.order()
    plain = factories.message("+254722000009")
    Message.objects.filter(pk=plain.pk).update(status="failed")

    def found(**query: Any) -> list[str]:
        return [row["phone_number"] for row in api.get(MESSAGES, **query).json()["results"]]

    phone = order.customer.phone_number
    assert found() == ["+254722000009", phone]
    assert found(status=["failed", "sent"]) == ["+254722000009"]
    assert found(phone_number=phone) == [phone]
    assert found(order_id=str(order.pk)) == [phone]
    about = api.get(MESSAGES, order_id=str(order.pk)).json()["results"][0]
    assert (about["order_id"], about["event"]) == (str(order.pk), "order_placed")


def test_a_text_of_a_broadcast_is_about_no_order(api: Api) -> None:
    broadcast = factories.confirmed()
    tasks.feed_broadcast(str(broadcast.pk))
    [row] = api.get(MESSAGES).json()["results"]
    assert (row["event"], row["order_id"]) == ("broadcast", None)
    assert api.get(f"{MESSAGES}{row['id']}/").json()["order_id"] is None
    assert api.get(MESSAGES, order_id=str(broadcast.pk)).json()["results"] == []


def test_it_is_written_down_who_sent_a_text(api: Api) -> None:
    api.post(MESSAGES, {"phone_number": "+254722000009", "text": "Hello"})
    assert Message.objects.get().queued_by == User.objects.get()


@pytest.mark.parametrize(
    ("cost", "told"), [("0.8000", "0.80"), ("12.0000", "12.00"), ("0.0125", "0.0125")]
)
def test_a_price_is_told_exactly(api: Api, cost: str, told: str) -> None:
    message = factories.message()
    Message.objects.update(cost=Decimal(cost), currency="KES")
    assert api.get(f"{MESSAGES}{message.pk}/").json()["cost"] == told


@pytest.mark.parametrize(("status", "is_double"), [("failed", False), ("unconfirmed", True)])
def test_a_text_is_sent_again(api: Api, status: str, is_double: bool) -> None:
    message = factories.message()
    Message.objects.update(status=status)
    response = api.post(f"{MESSAGES}{message.pk}/retry/")
    assert response.status_code == 202
    assert (response.json()["status"], response.json()["may_be_double"]) == ("queued", is_double)


def test_a_text_that_is_on_its_way_is_not_sent_again(api: Api) -> None:
    message = factories.message()
    OrmQ.objects.all().delete()
    response = api.post(f"{MESSAGES}{message.pk}/retry/")
    assert response.status_code == 409
    assert response.json()["detail"] == (
        "This text is queued. Only a failed or an unconfirmed one can be sent again."
    )
    assert not OrmQ.objects.exists()
