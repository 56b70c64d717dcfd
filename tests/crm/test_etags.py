"""Two people change one record: nobody overwrites what they have not seen."""

import json
from typing import Any

import pytest
from django_q.models import OrmQ

from crm import customers, orders
from crm.models import Customer, Order
from sms.models import Message
from tests import factories
from tests.conftest import JSON, Api

pytestmark = pytest.mark.django_db

HAS_CHANGED = "The record has changed since you read it. Read it again, then decide."


def call(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.generic(method, path, content, JSON, headers=api.headers | named)


def address(row: Customer | Order) -> str:
    return f"/api/{row._meta.model_name}s/{row.pk}/"


@pytest.fixture
def order(templates: None) -> Order:
    return factories.order(customer=factories.customer(code="CUST001"))


CHANGES = [
    ("PATCH", {"item": "Mouse"}),
    ("PUT", {"item": "Mouse", "amount": "1.00"}),
    ("PATCH", {"status": "PROCESSING"}),
    ("DELETE", None),
]


@pytest.mark.parametrize(("method", "body"), CHANGES)
def test_a_change_of_the_version_that_was_seen_is_made(
    api: Api, order: Order, method: str, body: Any
) -> None:
    seen = api.get(address(order))["ETag"]
    assert call(api, method, address(order), body, If_Match=seen).status_code in {200, 204}


@pytest.mark.parametrize(("method", "body"), CHANGES)
def test_a_change_of_an_older_version_is_refused(
    api: Api, order: Order, method: str, body: Any
) -> None:
    seen = api.get(address(order))["ETag"]
    orders.revise_order(order, {"item": "Keyboard"})
    before = list(Order.objects.values()), Order.history.count(), OrmQ.objects.count()
    response = call(api, method, address(order), body, If_Match=seen)
    assert (response.status_code, response.json()["detail"]) == (412, HAS_CHANGED)
    assert (list(Order.objects.values()), Order.history.count(), OrmQ.objects.count()) == before


@pytest.mark.parametrize(
    "if_match", ["*", "{}", '"other", {}', "{},"], ids=["any", "one", "list", "trailing comma"]
)
def test_if_match_takes_a_list_or_anything(api: Api, order: Order, if_match: str) -> None:
    seen = api.get(address(order))["ETag"]
    changed = call(api, "PATCH", address(order), {"item": "Mouse"}, If_Match=if_match.format(seen))
    assert changed.status_code == 200


@pytest.mark.parametrize("if_match", ["", "abc", '"other"', "W/{}", "{unquoted}"])
def test_what_names_no_version_matches_none(api: Api, order: Order, if_match: str) -> None:
    seen = api.get(address(order))["ETag"]
    if_match = if_match.format(seen, unquoted=seen.strip('"'))
    response = call(api, "PATCH", address(order), {"item": "Mouse"}, If_Match=if_match)
    assert response.status_code == 412
    assert Order.objects.get().item == "Laptop Computer"


def test_the_tag_of_a_change_is_that_of_the_next_read(api: Api, order: Order) -> None:
    changed = call(api, "PATCH", address(order), {"item": "Mouse"})
    assert changed["ETag"] == api.get(address(order))["ETag"]
    made = api.post("/api/customers/", {"name": "Jane", "phone_number": "+254722000000"})
    assert made["ETag"] == api.get(f"/api/customers/{made.json()['id']}/")["ETag"]


def test_a_text_that_moves_on_fails_no_change_of_its_order(api: Api, order: Order) -> None:
    seen = api.get(address(order))["ETag"]
    Message.objects.update(status="delivered")
    read = call(api, "GET", address(order), If_None_Match=seen)
    assert (read.status_code, read.json()["sms_status"]) == (200, "delivered")
    assert call(api, "PATCH", address(order), {"item": "x"}, If_Match=seen).status_code == 200


def test_what_has_not_changed_is_not_sent_again(api: Api, order: Order) -> None:
    seen = api.get(address(order))["ETag"]
    response = call(api, "GET", address(order), If_None_Match=seen)
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", seen)


def test_consent_is_part_of_the_version_of_a_customer(api: Api, order: Order) -> None:
    customer = order.customer
    seen = api.get(address(customer))["ETag"]
    customers.update_customer(customer, {}, word=factories.NO_TEXTS)
    response = call(api, "PATCH", address(customer), {"name": "Jane"}, If_Match=seen)
    assert response.status_code == 412
    assert Customer.objects.get().name == customer.name


def test_who_may_not_see_a_record_learns_nothing_from_if_match(api: Api, order: Order) -> None:
    stranger = Api(factories.user())
    response = call(stranger, "PATCH", address(order), {"item": "x"}, If_Match='"guess"')
    assert response.status_code == 404
