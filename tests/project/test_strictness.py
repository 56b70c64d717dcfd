"""What an operation does not know is refused by name, and nothing is done."""

from collections.abc import Callable
from typing import Any

import pytest
from django_q.models import OrmQ

from crm.models import Customer, Order
from identity.models import SessionToken, User
from sms.models import Message
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

FIELD, PARAMETER = ["Unknown field."], ["Unknown parameter."]
JOHN = {"name": "John Doe", "phone_number": "+254722000000"}
TEA = {"customer_code": "CUST001", "item": "Tea", "amount": "10.00"}


def rows() -> list[Any]:
    return [
        *Customer.objects.order_by("pk").values(),
        *Order.objects.order_by("pk").values(),
        *Message.objects.order_by("pk").values(),
        *OrmQ.objects.order_by("pk").values(),
        *SessionToken.objects.order_by("pk").values(),
    ]


def assert_refused(api: Api, method: str, path: str, body: Any, errors: dict[str, Any]) -> None:
    before = rows()
    call: Callable[..., Any] = getattr(api, method)
    answer = call(path) if body is None else call(path, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"] == errors
    assert rows() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        ("post", "/api/customers/", JOHN | {"emial": "j@example.com"}, {"emial": FIELD}),
        ("put", "/api/customers/{customer}/", JOHN | {"code": "J1", "id": 1}, {"id": FIELD}),
        ("patch", "/api/customers/{customer}/", {"nmae": "Jane"}, {"nmae": FIELD}),
        ("post", "/api/orders/", TEA | {"currency": "USD"}, {"currency": FIELD}),
        ("post", "/api/orders/bulk/", [TEA, TEA | {"itme": "Tea"}], {"1.itme": FIELD}),
        ("put", "/api/orders/{order}/", {"item": "Tea", "amount": 1, "sum": 1}, {"sum": FIELD}),
        ("patch", "/api/orders/{order}/", {"stauts": "CANCELLED"}, {"stauts": FIELD}),
        ("post", "/api/token/", {"username": "a", "password": "b", "otp": 1}, {"otp": FIELD}),
        ("post", "/api/token/refresh/", {"refresh": "a", "scope": ""}, {"scope": FIELD}),
    ],
)
def test_a_field_that_is_not_known_is_named(
    api: Api, method: str, path: str, body: Any, errors: dict[str, Any]
) -> None:
    order = factories.order(customer=factories.customer(code="CUST001"))
    path = path.format(customer=order.customer_id, order=order.pk)
    assert_refused(api, method, path, body, errors)


def test_it_is_named_beside_every_other_wrong_field(api: Api) -> None:
    factories.customer(code="TAKEN")
    wrong = {"name": "John", "code": "TAKEN", "phone": "+254722000000"}
    errors = {
        "phone_number": ["This field is required."],
        "phone": FIELD,
        "code": ["Customer with this code already exists."],
    }
    assert_refused(api, "post", "/api/customers/", wrong, errors)


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        ("get", "/api/orders/?stauts=PENDING", None, {"stauts": PARAMETER}),
        ("get", "/api/orders/?status[]=PENDING", None, {"status[]": PARAMETER}),
        ("get", "/api/me/?a=1&a=2&b=3", None, {"a": PARAMETER, "b": PARAMETER}),
        ("get", "/api/orders/{order}/?expand=customer", None, {"expand": PARAMETER}),
        ("post", "/api/customers/?dry_run=1", JOHN, {"dry_run": PARAMETER}),
        ("patch", "/api/orders/{order}/?item=Tea", {"amount": 1}, {"item": PARAMETER}),
        ("delete", "/api/orders/{order}/?dry_run=1", None, {"dry_run": PARAMETER}),
    ],
)
def test_a_parameter_that_is_not_known_is_named(
    api: Api, method: str, path: str, body: Any, errors: dict[str, Any]
) -> None:
    assert_refused(api, method, path.format(order=factories.order().pk), body, errors)


def test_parameters_are_named_beside_what_is_wrong_with_the_others(api: Api) -> None:
    answer = api.get("/api/orders/?limit=0&odering=amount&customer_id=x")
    assert set(answer.json()["errors"]) == {"limit", "odering", "customer_id"}
    assert answer.json()["detail"] == "The request has 3 invalid fields."


def test_every_parameter_that_is_declared_is_known(api: Api) -> None:
    query = (
        "limit=1&ordering=amount&q=a&status=PENDING&status=COMPLETED&start_date=2026-01-01"
        "&end_date=2026-12-31&min_amount=1&max_amount=2&customer_code=A1"
    )
    assert api.get(f"/api/orders/?{query}").status_code == 200
    page = api.get("/api/customers/?limit=1&ordering=name&created_after=2026-01-01T00:00:00Z")
    assert page.status_code == 200


def test_a_link_to_the_next_page_is_made_of_parameters_that_are_known(api: Api) -> None:
    for _ in range(3):
        factories.order()
    page = api.get("/api/orders/?limit=1&status=PENDING").json()
    while page["next"]:
        page = api.get(page["next"].partition("testserver")[2]).json()
    assert page["results"]


def test_who_may_not_learns_nothing_of_what_is_known(as_user: Callable[..., Api]) -> None:
    stranger: User | None = None
    assert as_user(stranger).get("/api/orders/?stauts=PENDING").status_code == 401
    refused = as_user(factories.user()).post("/api/customers/?dry_run=1", JOHN | {"emial": ""})
    assert refused.status_code == 403
    assert not Customer.objects.exists()
