"""How large a body may be, told by its length or found by reading; with and without a server. And
how long an address."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django.live_server_helper import LiveServer

from crm.models import Customer, Order
from identity.session_tokens import issue_tokens
from project.environment import BASE_DIR
from project.request_bodies import BodySizeMiddleware, WholeBodies
from tests import factories

JSON = "application/json"
PROBLEM = "application/problem+json"
MEBIBYTE = 1024 * 1024


# --- By the length that it says to have ---------------------------------------------------------


def status(length: str, content_type: str = JSON, path: str = "/api/token/") -> int:
    """What a request with these headers comes to; 200 where it is let through."""
    facts: dict[str, Any] = {"CONTENT_LENGTH": length, "CONTENT_TYPE": content_type}
    request = RequestFactory().post(path, **facts)
    return BodySizeMiddleware(lambda _: HttpResponse())(request).status_code


@pytest.mark.parametrize(
    ("content_type", "most"),
    [
        (JSON, 2 * MEBIBYTE),
        ("application/x-www-form-urlencoded", 2 * MEBIBYTE),
        ("", 2 * MEBIBYTE),
        ("multipart/form-data; boundary=x", 10 * MEBIBYTE + 64 * 1024),
        ("Multipart/Form-Data; boundary=x", 10 * MEBIBYTE + 64 * 1024),
    ],
)
def test_a_body_goes_by_the_length_that_it_says_to_have(content_type: str, most: int) -> None:
    assert status(str(most), content_type) == 200
    assert status(str(most + 1), content_type) == 413
    assert status("9" * 30, content_type) == 413


@pytest.mark.parametrize("length", ["", "many", "-1"])
def test_a_length_that_is_none_is_left_to_django(length: str) -> None:
    assert status(length) == 200


def test_the_pages_for_people_say_themselves_what_is_too_large() -> None:
    assert status("99999999", path="/sign-in/") == 200


@pytest.mark.parametrize("content_type", [JSON, "multipart/form-data; boundary=x"])
def test_a_body_that_is_too_large_is_a_413_before_it_is_read(content_type: str) -> None:
    facts: dict[str, Any] = {"CONTENT_LENGTH": str(10**9), "CONTENT_TYPE": content_type}
    with patch("django.test.client.FakePayload.read", side_effect=AssertionError("read")):
        response = Client().post("/api/token/", **facts)
    assert response.status_code == 413
    assert response["Content-Type"] == PROBLEM
    assert response.json() == {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "The body of the request is too large.",
        "request_id": response["X-Request-ID"],
    }


@pytest.mark.django_db
def test_a_thousand_orders_with_long_items_in_another_script_are_not_too_large() -> None:
    access = issue_tokens(factories.superuser()).access
    customer = factories.customer()
    order = {"customer_code": customer.code, "item": "ላ" * 200, "amount": "1299.99"}
    body = json.dumps({"orders": [order] * 1000})
    assert MEBIBYTE < len(body) < 2 * MEBIBYTE
    response = Client().post(
        "/api/orders/bulk/",
        body,
        content_type=JSON,
        headers={"Authorization": f"Bearer {access}"},
    )
    assert response.status_code != 413


@pytest.mark.django_db
def test_a_form_beyond_the_limit_is_refused_and_nothing_is_written() -> None:
    access = issue_tokens(factories.superuser()).access
    file = SimpleUploadedFile("orders.csv", b"x" * (settings.UPLOAD_MAX_SIZE + 1))
    response = Client().post(
        "/api/imports/", {"file": file}, headers={"Authorization": f"Bearer {access}"}
    )
    assert (response.status_code, response["Content-Type"]) == (413, PROBLEM)
    assert not Order.objects.exists()


# --- Over a socket ------------------------------------------------------------------------------


def call(address: str, length: int, sent: bytes) -> tuple[int, str, dict[str, Any]]:
    """POST with this declared length, whatever is sent."""
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.putrequest("POST", "/api/customers/")
        connection.putheader("Content-Type", JSON)
        connection.putheader("Content-Length", str(length))
        connection.endheaders(sent)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], json.loads(response.read())


@pytest.mark.django_db(transaction=True)
def test_a_server_answers_before_a_large_body_is_sent(live_server: LiveServer) -> None:
    address = live_server.url.removeprefix("http://")
    status, content_type, problem = call(address, 10**12, b"{")
    assert (status, content_type, problem["status"]) == (413, PROBLEM, 413)
    assert not Customer.objects.exists()


# --- In chunks ----------------------------------------------------------------------------------


class Chunks(io.BytesIO):
    """What the server gives of a chunked body: no length, but an end."""


def through_whole_bodies(body: io.BytesIO, **more: Any) -> tuple[str, bytes, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": JSON,
        **more,
    }
    seen: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        given = environ["wsgi.input"]
        seen.extend([environ.get("CONTENT_LENGTH"), given.read(), type(given)])
        return [b""]

    WholeBodies(application)(environ, lambda *_: lambda _: None)
    return seen[0], seen[1], seen[2]


@pytest.mark.parametrize("length", [0, 1, 100_000, 2 * MEBIBYTE])
def test_a_chunked_body_is_given_its_length(length: int) -> None:
    body = os.urandom(length)
    assert through_whole_bodies(io.BytesIO(body))[:2] == (str(length), body)


@pytest.mark.parametrize(
    ("content_type", "most"),
    [(JSON, 2 * MEBIBYTE), ("multipart/form-data; boundary=x", 10 * MEBIBYTE + 64 * 1024)],
)
def test_of_a_chunked_body_that_is_too_large_one_byte_too_many_is_read(
    content_type: str, most: int
) -> None:
    body = io.BytesIO(bytes(most + 1000))
    told, given, _ = through_whole_bodies(body, CONTENT_TYPE=content_type)
    assert (told, len(given), body.tell()) == (str(most + 1), most + 1, most + 1)


@pytest.mark.parametrize(
    "other",
    [{"CONTENT_LENGTH": "3"}, {"wsgi.input_terminated": False}, {"wsgi.input_terminated": None}],
)
def test_any_other_body_is_left_as_it_is(other: dict[str, Any]) -> None:
    told, _, kind = through_whole_bodies(Chunks(b"abc"), **other)
    assert kind is Chunks
    assert told == other.get("CONTENT_LENGTH")


def test_djangos_own_application_is_inside() -> None:
    from project.wsgi import application

    assert isinstance(application, WholeBodies)
    assert isinstance(application.application, WSGIHandler)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real web server; it needs no database for what is asked of it here."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path_factory.mktemp("data")
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "ENV_FILE") if name in os.environ
    }
    environment |= {
        "DATA_DIR": str(data),
        "PORT": str(port),
        "SECRET_KEY": "only-for-the-tests",
        "WEB_CONCURRENCY": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:project.gunicorn", "project.wsgi"]
    process = subprocess.Popen(command, cwd=BASE_DIR, env=environment)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            assert process.poll() is None
            time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def in_chunks(server: str, body: bytes) -> tuple[int, str, dict[str, Any]]:
    with closing(http.client.HTTPConnection(server, timeout=30)) as connection:
        pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
        headers = {"Content-Type": JSON, "Transfer-Encoding": "chunked"}
        connection.request("POST", "/api/token/", pieces, headers, encode_chunked=True)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], json.loads(response.read())


def test_the_web_server_takes_a_body_in_chunks(server: str) -> None:
    status, content_type, problem = in_chunks(server, b'{"username": "wanjiku"}')
    assert (status, content_type) == (400, PROBLEM)
    assert problem["errors"] == {"password": ["This field is required."]}


def test_the_web_server_refuses_a_body_in_chunks_that_is_too_large(server: str) -> None:
    status, content_type, problem = in_chunks(server, b" " * (2 * MEBIBYTE + 1))
    assert (status, content_type) == (413, PROBLEM)
    assert problem["detail"] == "The body of the request is too large."


def test_the_web_server_refuses_a_length_that_is_too_large_before_it_comes(server: str) -> None:
    status, content_type, _ = call(server, 10**12, b"{")
    assert (status, content_type) == (413, PROBLEM)


# --- Addresses ----------------------------------------------------------------------------------


def get(server: str, address: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(server, timeout=30)) as connection:
        connection.request("GET", address)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"]


def test_the_web_server_takes_every_filter_at_its_longest_and_a_cursor(server: str) -> None:
    letter = "%F0%9F%98%80"
    filters = f"q={letter * 200}&customer_code={letter * 50}&cursor={'A' * 2000}"
    assert get(server, f"/api/orders/?{filters}") == (401, PROBLEM)


def refused_by_the_web_server(server: str, request: bytes) -> tuple[int, dict[str, Any], str]:
    """Its status, the problem that it tells, and what X-Request-ID says."""
    host, port = server.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.headers["Content-Type"] == PROBLEM
        return response.status, json.loads(response.read()), response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("request_line", "header", "status", "title", "detail"),
    [
        ("/api/orders/?q=" + "a" * 8190, "", 414, "URI Too Long", "Request Line is too large"),
        ("/", "Cookie: sessionid=\x00", 400, "Bad Request", "Invalid HTTP Header: 'COOKIE'"),
        ("/", "X-Odd\xe9: 1", 400, "Bad Request", "Invalid HTTP header name"),
        ("/", "X-Long: " + "a" * 10_000, 431, "Request Header Fields Too Large", "Error parsing"),
        ("/", "Transfer-Encoding: rot13", 501, "Not Implemented", "Unsupported transfer coding"),
    ],
)
def test_what_the_web_server_refuses_by_itself_is_a_problem(
    server: str, request_line: str, header: str, status: int, title: str, detail: str
) -> None:
    request = f"GET {request_line} HTTP/1.1\r\nHost: {server}\r\n{header}\r\n\r\n"
    told, problem, request_id = refused_by_the_web_server(server, request.encode("latin-1"))
    assert (told, problem["status"], problem["title"]) == (status, status, title)
    assert problem["detail"].startswith(detail)
    assert (problem["type"], problem["request_id"]) == ("about:blank", request_id)
