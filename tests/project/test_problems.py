"""How the API says no: problem+json for every 4xx and 5xx, and the id that finds it in the log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.test import Client

from crm.models import Customer, Import, Order
from project.models import IdempotencyRecord
from project.request_ids import RequestIDFilter
from sms.models import Message
from tests import factories

pytestmark = pytest.mark.django_db

JSON = "application/json"
PROBLEM = "application/problem+json"
REQUEST_ID = "X-Request-ID"
UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written to the log meanwhile, by our own handler with its own format."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if any(isinstance(each, RequestIDFilter) for each in handler.filters)
    ]
    (handler,) = handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    stream = handler.setStream(written)
    yield written
    handler.setStream(stream)


def send(api: Any, body: bytes, path: str = "/api/customers/", content_type: str = JSON) -> Any:
    return api.client.post(path, body, content_type=content_type, headers=api.headers)


def assert_problem(response: Any, status: int, title: str, detail: str) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == PROBLEM
    assert response.json() == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": response[REQUEST_ID],
    }


# --- What there is not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/nothing/",
        "/api/customers",
        "/api/customers/CUST001/",
        "/api/customers/1/",
        "/api/orders/by-customer/CUST001/",
        f"/api/orders/{UNKNOWN_ID}",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_path_that_is_no_operation_is_a_404(path: str, method: str) -> None:
    assert_problem(getattr(Client(), method)(path), 404, "Not Found", "Not found.")


def test_a_row_that_is_not_there_is_a_404(api: Any) -> None:
    response = api.get(f"/api/orders/{UNKNOWN_ID}/")
    assert_problem(response, 404, "Not Found", "Not found.")


def test_what_is_not_the_api_answers_people_in_html() -> None:
    response = Client().get("/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/api/customers/", {"GET", "POST"}),
        ("post", f"/api/orders/{UNKNOWN_ID}/", {"GET", "PUT", "PATCH", "DELETE"}),
        ("delete", "/api/me/", {"GET"}),
        ("get", "/api/token/", {"POST"}),
    ],
)
def test_another_method_is_a_405_that_says_which_do(
    method: str, path: str, allowed: set[str]
) -> None:
    response = getattr(Client(), method)(path)
    assert set(response["Allow"].split(", ")) == allowed
    detail = f"The method {method.upper()} is not allowed here. Use: {response['Allow']}."
    assert_problem(response, 405, "Method Not Allowed", detail)


# --- What cannot be read ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": "John Doe",}',
        b"{'name': 'John Doe'}",
        b'{"amount": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
        b'{"name": "\x00"}',
        pytest.param(b"[" * 100_000, id="too deep"),
        b"name=John+Doe",
    ],
)
def test_a_body_that_is_no_json_is_a_400_and_nothing_is_written(api: Any, body: bytes) -> None:
    response = send(api, body)
    assert response.status_code == 400
    assert response["Content-Type"] == PROBLEM
    assert response.json()["detail"].startswith("The body is not valid JSON: ")
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "John\\u0000Doe", "phone_number": "+254722000000"}',
        b'{"name": "John Doe", "phone_number": "+254722000000", "na\\u0000me": ""}',
        b'{"name": "John Doe", "phone_number": "+254722000000", "more": [{"a": ["\\u0000"]}]}',
    ],
)
def test_a_null_character_in_a_body_is_a_400_and_nothing_is_written(api: Any, body: bytes) -> None:
    response = send(api, body)
    assert_problem(response, 400, "Bad Request", "Null characters are not allowed.")
    assert not Customer.objects.exists()


def test_the_escape_of_a_null_character_as_text_is_none(api: Any) -> None:
    response = send(api, b'{"name": "\\\\u0000", "phone_number": "+254722000000"}')
    assert response.status_code == 201
    assert Customer.objects.get().name == r"\u0000"


@pytest.mark.parametrize(
    "path",
    [
        "/api/orders/?q=%00",
        "/api/orders/?status=PENDING&status=%00",
        "/api/orders/search/?q=a%00b",
        "/api/orders/by-customer/?customer_code=%00",
        "/api/customers/?phone_number=%00",
        "/api/customers/?cursor=%00",
    ],
)
def test_a_null_character_in_a_query_is_a_400(api: Any, path: str) -> None:
    assert_problem(api.get(path), 400, "Bad Request", "Null characters are not allowed.")


def test_too_many_parameters_are_a_400(api: Any) -> None:
    response = api.get(f"/api/orders/?{'&'.join(['status=PENDING'] * 1001)}")
    assert_problem(response, 400, "Bad Request", "The request has too many parameters.")


def test_a_body_of_more_than_two_mebibytes_is_a_413_and_nothing_is_written(api: Any) -> None:
    facts = {"name": "John Doe", "phone_number": "+254722000000"}
    padded = json.dumps(facts).encode().ljust(2 * 1024 * 1024 + 1)
    assert_problem(
        send(api, padded),
        413,
        "Content Too Large",
        "The body of the request is too large.",
    )
    assert not Customer.objects.exists()
    assert send(api, padded[: 2 * 1024 * 1024]).status_code == 201


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize(
    ("content_type", "body", "detail"),
    [
        ("multipart/form-data", b"--x--", "The form cannot be read: Invalid boundary"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\norders\r\n' * 1002,
            "The request has too many parameters.",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_a_400_and_nothing_is_written(
    api: Any, content_type: str, body: bytes, detail: str, key: dict[str, str]
) -> None:
    api.headers |= key
    response = send(api, body, "/api/imports/", content_type)
    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)
    assert response.json()["detail"].startswith(detail)
    assert not Import.objects.exists()
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"1"])
def test_a_body_that_is_no_object_is_a_400_and_nothing_is_written(api: Any, body: bytes) -> None:
    response = send(api, body)
    assert response.status_code == 400
    assert response["Content-Type"] == PROBLEM
    assert response.json()["errors"]
    assert not Customer.objects.exists()


def test_every_wrong_field_is_named_at_once(api: Any) -> None:
    response = api.post("/api/customers/", {"code": "x", "email": "nobody"})
    body = response.json()
    assert response.status_code == 400
    assert body["detail"] == "The request has 4 invalid fields."
    assert body["errors"] == {
        "code": ["Use 2 to 50 capital letters, digits, hyphens and underscores."],
        "name": ["This field is required."],
        "phone_number": ["This field is required."],
        "email": ["Enter a valid email address."],
    }
    assert not Customer.objects.exists()


def test_what_the_stored_rows_forbid_is_a_409(api: Any) -> None:
    order = factories.order(customer=factories.customer(code="CUST900"))
    response = api.delete(f"/api/customers/{order.customer_id}/")
    detail = "Customer CUST900 has 1 order and cannot be deleted. Delete the order first."
    assert_problem(response, 409, "Conflict", detail)
    assert Customer.objects.count() == 1


def test_a_host_that_is_not_ours_is_a_400() -> None:
    response = Client().get("/api/me/", headers={"Host": "elsewhere.example.com"})
    assert response.status_code == 400
    assert response["Content-Type"] == PROBLEM
    assert response.json()["title"] == "Bad Request"


# --- Faults of ours -----------------------------------------------------------------------------

FAULT_DETAIL = "Something went wrong on our side. The request_id finds it in our log."


def test_a_fault_of_ours_tells_no_internals_and_is_found_in_the_log(
    api: Any, log: io.StringIO, templates: None
) -> None:
    customer = factories.customer()
    body = {"customer_id": str(customer.pk), "item": "Laptop", "amount": "1.00"}
    with patch("crm.orders.bulk_create_with_history", side_effect=RuntimeError("sesame")):
        response = api.post("/api/orders/", body)
    assert_problem(response, 500, "Internal Server Error", FAULT_DETAIL)
    found = [line for line in log.getvalue().splitlines() if response[REQUEST_ID] in line]
    assert any("POST /api/orders/ failed." in line and "sesame" in line for line in found)
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_a_fault_before_the_api_is_reached_is_a_problem_too(log: io.StringIO) -> None:
    client = Client(raise_request_exception=False)
    with patch(
        "django.contrib.sessions.middleware.SessionMiddleware.process_request",
        side_effect=RuntimeError("sesame"),
    ):
        response = client.get("/api/me/")
    assert response.status_code == 500
    assert response["Content-Type"] == PROBLEM
    assert response.json()["title"] == "Internal Server Error"
    assert b"sesame" not in response.content
    found = [line for line in log.getvalue().splitlines() if response[REQUEST_ID] in line]
    assert any("sesame" in line for line in found)


# --- Request ids --------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["a", "req-7_3.K", "x" * 128, UNKNOWN_ID])
def test_the_callers_request_id_is_kept(given: str) -> None:
    response = Client().get("/api/me/", headers={REQUEST_ID: given})
    assert response[REQUEST_ID] == given
    assert response.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "a\tb", "{}", "é", "a;b", "a\n"])
def test_an_ill_formed_request_id_is_replaced(given: str) -> None:
    response = Client().get("/api/me/", headers={REQUEST_ID: given})
    assert UUID(response[REQUEST_ID]).version == 7
    assert response.json()["request_id"] == response[REQUEST_ID]


def test_each_request_has_an_id_of_its_own() -> None:
    ids = {Client().get(path)[REQUEST_ID] for path in ("/healthz", "/api/me/", "/nothing/")}
    assert len(ids) == 3


def test_a_log_line_carries_the_id_of_its_request(log: io.StringIO) -> None:
    Client().get("/api/nothing/", headers={REQUEST_ID: "req-1"})
    Client().get("/api/nothing/", headers={REQUEST_ID: "req-2"})
    first, second = log.getvalue().splitlines()
    assert "req-1" in first
    assert "req-2" in second


@pytest.mark.django_db
def test_a_problem_made_of_djangos_own_answer_arrives_whole() -> None:
    refused = Client().delete("/api/token/")
    assert refused.status_code == 405
    assert int(refused["Content-Length"]) == len(refused.content)
