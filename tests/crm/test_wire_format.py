"""A request is refused just where its schema in the OpenAPI document refuses it, and nowhere else:
clients that are generated from the document check nothing more, and nothing less."""

import re
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from crm.models import Customer
from project.api import api as the_api
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

JOHN = {"name": "John Doe", "phone_number": "+254722000000"}
TEA = {"customer_code": "CUST001", "item": "Tea", "amount": "10.00"}
LINES: list[Any] = [
    "x",
    " x ",
    "\u00a0x",
    "x" * 200,
    *("", " ", "\u00a0", "x" * 201, "x" * 200 + " ", "a\nb", "\na", "\ta", "a\x7f", "a\u0085"),
    *(5, None, ["x"], {}),
]
AMOUNTS: list[Any] = [
    *("0.01", "0.1", "0.10", "1", "1.5", "1.55", "1299.99", "9999999999.99", 0.01, 1, 1.5),
    *("0", "0.0", "0.00", "0.001", "1.555", "01", "00.5", ".5", "1.", "+1", "-1", "1e3", "1,5"),
    *("10000000000", "10000000000.00", " 1", "", "١", 0, -1, 1.555, 10**10, True, None, [], {}),
]
TIMES: list[Any] = [
    *("2026-01-11T10:00:00Z", "2026-01-11T10:00:00.5Z", "2026-01-11T10:00:00+03:00", None),
    *("2026-01-11T10:00:00", "2026-01-11T10:00Z", "2026-01-11", "2026-02-30T10:00:00Z"),
    *("2026-01-11 10:00:00Z", "1700000000", "now", "", 1700000000, 1.5, True, {}),
]


@cache
def validator(name: str) -> Draft202012Validator:
    components = the_api.get_openapi_schema()["components"]
    schema = components["schemas"][name] | {"components": components}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def is_accepted(api: Api, path: str, body: Any) -> bool:
    with transaction.atomic():
        status = api.post(path, body).status_code
        transaction.set_rollback(True)
    assert status in {201, 400}
    return bool(status == 201)


@pytest.mark.parametrize(
    ("name", "path", "base", "field", "values"),
    [
        ("NewCustomer", "/api/customers/", JOHN, "name", LINES),
        ("NewCustomer", "/api/customers/", JOHN, "email", ["", "a@example.com", "a", 1, None]),
        ("NewCustomer", "/api/customers/", JOHN, "language", ["en", "sw", "fr", "EN", "", None]),
        (
            "NewCustomer",
            "/api/customers/",
            JOHN,
            "sms_opted_out",
            [True, False, "true", "no", 1, 0, None],
        ),
        (
            "NewCustomer",
            "/api/customers/",
            JOHN,
            "code",
            ["AB", "A_-9", "A" * 50, None, "A", "ab", "A B", "A" * 51, "", "É1", 12],
        ),
        (
            "NewCustomer",
            "/api/customers/",
            JOHN,
            "phone_number",
            ["+254733000000", "+447400123456", "254733000000", "0733000000", "+0733000000", "+", 1],
        ),
        ("NewCustomer", "/api/customers/", JOHN, "emial", ["", None, 1]),
        ("NewOrder", "/api/orders/", TEA, "item", LINES),
        ("NewOrder", "/api/orders/", TEA, "amount", AMOUNTS),
        ("NewOrder", "/api/orders/", TEA, "order_time", TIMES),
        ("NewOrder", "/api/orders/", TEA, "status", ["PENDING", "COMPLETED", "pending", 1, None]),
        ("NewOrder", "/api/orders/", TEA, "customer_code", ["CUST001", "cust001", "", 1, []]),
    ],
)
def test_a_body_is_accepted_where_it_is_valid(
    api: Api, name: str, path: str, base: dict[str, Any], field: str, values: list[Any]
) -> None:
    factories.customer(code="CUST001", phone_number="+254711000000")
    told = {repr(value): validator(name).is_valid(base | {field: value}) for value in values}
    done = {repr(value): is_accepted(api, path, base | {field: value}) for value in values}
    assert done == told
    assert field == "emial" or set(done.values()) == {True, False}


def test_an_id_is_written_in_one_way(api: Api) -> None:
    customer = factories.customer()
    order = {"item": "Tea", "amount": "10.00"}
    known = str(customer.pk)
    for text in (known, known.upper()):
        assert is_accepted(api, "/api/orders/", order | {"customer_id": text})
    for text in (customer.pk.hex, f"{{{known}}}", f"urn:uuid:{known}", known[:-1], ""):
        assert not is_accepted(api, "/api/orders/", order | {"customer_id": text})
        assert not validator("NewOrder").is_valid(order | {"customer_id": text})


def test_what_a_missing_field_stands_for_is_said(api: Api) -> None:
    schemas = the_api.get_openapi_schema()["components"]["schemas"]
    said = {
        name: found[1]
        for name, field in schemas["NewCustomer"]["properties"].items()
        if (found := re.search("Left out: `(.*)`", field.get("description", "")))
    }
    made = api.post("/api/customers/", JOHN).json()
    assert said == {"language": '"en"', "sms_opted_out": "false"}
    assert (made["language"], made["sms_opted_out"]) == ("en", False)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/customers/", "post", 201),
        ("/api/customers/{customer_id}/", "put", 200),
        ("/api/customers/{customer_id}/", "patch", 200),
        ("/api/orders/", "post", 201),
        ("/api/orders/bulk/", "post", 201),
        ("/api/orders/{order_id}/", "put", 200),
        ("/api/orders/{order_id}/", "patch", 200),
    ],
)
def test_the_example_of_a_body_can_be_sent_as_it_is(
    api: Api, path: str, method: str, status: int
) -> None:
    order = factories.order(customer=factories.customer(code="CUST001"))
    if path == "/api/customers/":
        Customer.objects.update(code="ANOTHER")
    operation = the_api.get_openapi_schema()["paths"][path][method]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    address = path.format(customer_id=order.customer_id, order_id=order.pk)
    assert getattr(api, method)(address, example).status_code == status


def test_an_answer_looks_like_its_example(api: Api, templates: None) -> None:
    john = factories.customer(code="CUST001", name="John Doe", phone_number="+254722000000")
    order = factories.order(customer=john)
    paths = the_api.get_openapi_schema()["paths"]
    for path, row in (("customers", john), ("orders", order)):
        told = api.get(f"/api/{path}/{row.pk}/").json()
        response = paths[f"/api/{path}/{{{path[:-1]}_id}}/"]["get"]["responses"]["200"]
        example = response["content"]["application/json"]["example"]
        assert list(told) == list(example)
        for name in ("code", "customer_code", "item", "amount", "currency", "status", "sms_status"):
            assert told.get(name) == example.get(name)
