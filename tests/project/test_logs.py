"""What no line of the log tells: the secrets that stand in paths."""

import json
import logging
from logging.config import DictConfigurator
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client

from project.logs import SecretFilter

SECRET = "a-secret-of-the-gateway-0123456789"

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["text", "json"])
def lines(request: pytest.FixtureRequest, settings: Any) -> Any:
    """What is logged from now on, as the settings have it written."""
    settings.SMS_CALLBACK_SECRET = SECRET
    logging_settings: Any = configured.LOGGING
    formatter = DictConfigurator(logging_settings).configure_formatter(
        dict(logging_settings["formatters"][request.param])
    )
    written: list[str] = []

    class Writer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            record.request_id = "-"
            written.append(formatter.format(record))

    handler = Writer()
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    ("method", "place", "status"),
    [
        ("GET", f"/sms/callbacks/{SECRET}/delivery/", 405),
        ("POST", f"/sms/callbacks/{SECRET}/nothing/", 404),
        ("GET", f"/{SECRET}", 404),
    ],
)
def test_a_refused_request_is_logged_without_it(
    lines: list[str], method: str, place: str, status: int
) -> None:
    response = Client().generic(method, place)
    assert response.status_code == status
    assert len(lines) == 1
    assert SECRET not in lines[0]
    assert place.replace(SECRET, "***") in lines[0]


@pytest.mark.parametrize(
    "place",
    [
        "/invitation/{}/",
        "/sign-up/{}/",
        "/password/new/1-{}/",
        "/account/email/confirm/{}/",
    ],
)
def test_a_link_that_is_good_once_is_logged_without_what_makes_it_good(
    lines: list[str], place: str
) -> None:
    logging.getLogger("django.request").warning("Too Many Requests: %s", place.format("s3cret"))
    assert "s3cret" not in lines[0]
    logging.getLogger("django.request").warning("Not Found: %s", "/sign-up/sent/")
    assert "/sign-up/sent/" in lines[1]


def test_nor_is_it_in_the_line_of_a_request_that_fails(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("sms.delivery_reports.receive_report", fail)
    client = Client(raise_request_exception=False)
    address = f"/sms/callbacks/{SECRET}/delivery/"
    assert client.post(address, {"id": "ATXid_1"}).status_code == 500
    assert [line for line in lines if "/sms/callbacks/***/delivery/" in line]
    assert [line for line in lines if SECRET in line] == []


def test_a_line_without_it_is_written_as_ever(lines: list[str]) -> None:
    logging.getLogger("sms").warning("%d texts", 3)
    line = lines[0]
    told = json.loads(line)["message"] if line.startswith("{") else line
    assert told in {"3 texts", "WARNING sms 3 texts [-]"}


def test_without_a_secret_nothing_is_left_out(lines: list[str], settings: Any) -> None:
    settings.SMS_CALLBACK_SECRET = ""
    logging.getLogger("sms").warning("Whole")
    assert "***" not in lines[0]


def test_the_web_servers_own_lines_are_without_it(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.server")
    logger.addFilter(SecretFilter(SECRET))
    logger.error("Error handling request %s", f"/sms/callbacks/{SECRET}/delivery/")
    assert caplog.messages == ["Error handling request /sms/callbacks/***/delivery/"]
