"""The gateway's callbacks: whatever comes is kept and answered, and a stranger finds no door."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sms import opt_outs
from sms.models import ConsentChange, DeliveryReport, IncomingText, Message, OptOut, OptOutNotice
from tests import factories

pytestmark = pytest.mark.django_db

SECRET = "a-secret-of-the-gateway-0123456789"
WRONG = "a-secret-of-the-gateway-0123456780"
CALLBACKS = f"/sms/callbacks/{SECRET}"
PLACES = ("delivery", "incoming", "opt-out")
FORM = "application/x-www-form-urlencoded"
PHONE = "+254722000000"

REPORT = {
    "id": "ATXid_1",
    "status": "Failed",
    "phoneNumber": PHONE,
    "networkCode": "63902",
    "failureReason": "UserInBlackList",
    "retryCount": "0",
}
SENT_AT = timezone.now().replace(microsecond=0) - timedelta(days=2)
TEXT = {
    "date": f"{SENT_AT:%Y-%m-%d %H:%M:%S}",
    "from": PHONE,
    "id": "in-1",
    "linkId": "",
    "text": "Stop",
    "to": "22141",
    "cost": "KES 0.0000",
    "networkCode": "63902",
}
OPT_OUT = {"senderId": "DUKA", "phoneNumber": PHONE}
FIELDS = {"delivery": REPORT, "incoming": TEXT, "opt-out": OPT_OUT}


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.SMS_CALLBACK_SECRET = SECRET


def call(place: str, fields: Any, content_type: str = FORM) -> Any:
    """What the gateway is answered; it has no cookies, and knows nothing of our forms."""
    client = Client(enforce_csrf_checks=True)
    body = fields if isinstance(fields, bytes) else urlencode(fields)
    return client.generic("POST", f"{CALLBACKS}/{place}/", body, content_type)


def kept(place: str) -> Any:
    tables: Any = {"delivery": DeliveryReport, "incoming": IncomingText, "opt-out": OptOutNotice}
    return tables[place].objects.get()


def rows() -> int:
    tables: list[Any] = [DeliveryReport, IncomingText, OptOutNotice, ConsentChange, OptOut, Message]
    return sum(table.objects.count() for table in tables)


# --- What they tell ------------------------------------------------------------------------------


def test_a_delivery_report_is_kept_and_moves_its_text() -> None:
    message = factories.message(PHONE)
    Message.objects.update(status="sent", gateway_message_id="ATXid_1")
    response = call("delivery", REPORT)
    assert (response.status_code, response.content) == (200, b"")
    report = DeliveryReport.objects.get()
    assert (report.gateway_message_id, report.status) == ("ATXid_1", "Failed")
    assert (report.phone_number, report.network_code) == (PHONE, "63902")
    assert report.failure_reason == "The owner of the phone blocks texts from this sender."
    assert report.raw == REPORT
    message.refresh_from_db()
    assert message.status == "undelivered"
    assert message.failure_reason == "The owner of the phone blocks texts from this sender."


def test_a_reason_that_is_new_is_told_in_the_gateways_own_word() -> None:
    call("delivery", REPORT | {"failureReason": "MoonIsFull"})
    assert DeliveryReport.objects.get().failure_reason == "MoonIsFull"


def test_a_report_that_brings_an_unknown_id_settles_the_text_it_fits() -> None:
    message = factories.message(PHONE)
    now = timezone.now()
    Message.objects.update(status="unconfirmed", claimed_at=now - timedelta(minutes=1))
    call("delivery", REPORT | {"status": "Success"})
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("delivered", "ATXid_1")


def test_an_incoming_text_is_kept_and_heeded() -> None:
    response = call("incoming", TEXT)
    assert (response.status_code, response.content) == (200, b"")
    text = IncomingText.objects.get()
    assert (text.phone_number, text.text, text.meaning) == (PHONE, "Stop", "stop")
    assert text.gateway_message_id == "in-1"
    assert text.sent_at == SENT_AT
    assert text.raw == TEXT
    assert ConsentChange.objects.get().source == "text"
    assert opt_outs.is_opted_out(PHONE)


def test_an_opt_out_is_kept_and_heeded() -> None:
    response = call("opt-out", OPT_OUT)
    assert (response.status_code, response.content) == (200, b"")
    assert OptOutNotice.objects.get().raw == OPT_OUT
    assert ConsentChange.objects.get().source == "gateway"
    assert opt_outs.is_opted_out(PHONE)


@pytest.mark.parametrize("place", PLACES)
def test_each_may_be_told_any_number_of_times(place: str) -> None:
    assert [call(place, FIELDS[place]).status_code for _ in range(3)] == [200] * 3
    assert ConsentChange.objects.count() == (place != "delivery")
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    "written", ["+254722000000", "254722000000", "0722000000", " 254722000000", "0722 000 000"]
)
def test_a_phone_is_the_same_however_it_is_written(written: str) -> None:
    for place, field in (("delivery", "phoneNumber"), ("incoming", "from")):
        call(place, FIELDS[place] | {field: written})
        assert kept(place).phone_number == PHONE


def test_a_plus_sign_that_nobody_encoded_is_one() -> None:
    call("opt-out", b"senderId=DUKA&phoneNumber=+442083661177")
    assert OptOut.objects.get().phone_number == "+442083661177"


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [
        (f"{SENT_AT:%Y-%m-%d %H:%M:%S}", SENT_AT),
        (f"{SENT_AT:%Y-%m-%dT%H:%M:%SZ}", SENT_AT),
        (f"{SENT_AT:%Y-%m-%dT%H:%M:%S}.000+03:00", SENT_AT - timedelta(hours=3)),
        *((date, None) for date in ("", "yesterday", "2026-02-31 00:00:00")),
        *((date, None) for date in ("2020-01-01 00:00:00", "2999-01-01 00:00:00")),
        *((date, None) for date in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00")),
    ],
    ids=range(10),  # of those told by the clock, two processes would make other names
)
def test_when_a_text_was_sent_is_kept_where_it_is_told(date: str, sent_at: datetime | None) -> None:
    assert call("incoming", TEXT | {"date": date}).status_code == 200
    assert IncomingText.objects.get().sent_at == sent_at
    assert IncomingText.objects.get().raw["date"] == date


# --- What makes no sense -------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("body", "raw"),
    [
        (b"", {}),
        (b"&&==&", {"": "="}),
        (b"id", {"id": ""}),
        (b"unheard=of", {"unheard": "of"}),
        (b'{"id": "ATXid_1"}', {'{"id": "ATXid_1"}': ""}),
        (b"id=1&id=2&id=3", {"id": ["1", "2", "3"]}),
        (b"text=a%00b&x%00=1", {"text": "a\ufffdb", "x\ufffd": "1"}),
        (b"text=a\0b", {"text": "a\ufffdb"}),
        (b"text=%ff%fe&\xff=\xfe", {"text": "\ufffd\ufffd", "\ufffd": "\ufffd"}),
        (b"text=%ed%a0%80", {"text": "\ufffd\ufffd\ufffd"}),
        (b"text=%F0%9F%98%80%zz", {"text": "😀%zz"}),
        (b"&".join([b"a=1"] * 51), {"body": "&".join(["a=1"] * 51)}),
    ],
)
def test_what_makes_no_sense_is_kept_and_answered(
    place: str, body: bytes, raw: dict[str, Any]
) -> None:
    response = call(place, body)
    assert (response.status_code, response.content) == (200, b"")
    assert kept(place).raw == raw
    assert not OptOut.objects.exists()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "multipart/form-data; boundary=x", "multipart/form-data", ""),
        *("text/plain; charset=utf-16", f"{FORM}; charset=utf-7", f"{FORM}; charset=none", "\0"),
    ],
)
def test_whatever_it_says_to_be_it_is_read_as_a_form(place: str, content_type: str) -> None:
    assert call(place, FIELDS[place], content_type).status_code == 200
    assert kept(place).raw == FIELDS[place]


@pytest.mark.parametrize("place", PLACES)
def test_a_part_of_what_is_too_long_is_kept_and_all_of_it_as_it_came(place: str) -> None:
    fields = dict.fromkeys(FIELDS[place], "9" * 5000)
    assert call(place, fields).status_code == 200
    row = kept(place)
    assert row.raw == fields
    assert len(row.phone_number) in {16, 30}
    if place != "opt-out":
        assert row.gateway_message_id == ""  # a part of it would be another's
        assert rows() == 1
    if place == "incoming":
        assert row.text == "9" * 5_000


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 413)])
def test_no_callback_is_larger_than_any_text(size: int, status: int) -> None:
    response = call("incoming", b"text=".ljust(size, b"x"))
    assert response.status_code == status
    assert IncomingText.objects.count() == (status == 200)


def test_one_of_megabytes_is_refused_before_it_is_read() -> None:
    assert call("incoming", b"text=".ljust(2 * 1024 * 1024 + 1, b"x")).status_code == 400
    assert rows() == 0


# --- Who they are --------------------------------------------------------------------------------


def seen(response: Any) -> tuple[Any, ...]:
    """All that an answer tells but its own number."""
    headers = {name: value for name, value in response.items() if name != "X-Request-ID"}
    return response.status_code, headers, response.content


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("place", [*PLACES, ""])
def test_with_a_wrong_secret_there_is_no_such_page(
    settings: Any, debug: bool, method: str, place: str
) -> None:
    settings.DEBUG = debug
    client = Client(enforce_csrf_checks=True)
    for wrong in (WRONG, SECRET[:-1], f"{SECRET}x", SECRET.upper(), "x", "é"):
        for end in ("/", ""):
            tried = f"/sms/callbacks/{wrong}/{place}{end}"
            unknown = f"/sms/nowhere00/{wrong}/{place}{end}"
            body = urlencode(FIELDS.get(place, {}))
            answers = [client.generic(method, each, body, FORM) for each in (tried, unknown)]
            told, expected = map(seen, answers)
            assert told[0] == 404
            if debug:  # its page repeats the address
                assert answers[0].content.count(b"callbacks") > 0 or method == "HEAD"
                told, expected = told[:1], expected[:1]
            assert told == expected
    assert rows() == 0


def test_where_no_secret_is_set_there_is_no_such_page_either(settings: Any) -> None:
    settings.SMS_CALLBACK_SECRET = ""
    for secret in ("", SECRET, "x"):
        for place in PLACES:
            response = Client().post(f"/sms/callbacks/{secret}/{place}/", FIELDS[place])
            assert response.status_code == 404
    assert rows() == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("place", PLACES)
def test_they_only_send(method: str, place: str) -> None:
    response = Client().generic(method, f"{CALLBACKS}/{place}/", urlencode(FIELDS[place]), FORM)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert rows() == 0


@pytest.mark.parametrize("place", PLACES)
def test_an_address_that_lost_its_last_slash_takes_it_too(place: str) -> None:
    response = Client().post(f"{CALLBACKS}/{place}", urlencode(FIELDS[place]), FORM)
    assert response.status_code == 200
    assert kept(place).raw == FIELDS[place]


# --- Nothing is in their way ---------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_neither_https_nor_a_second_factor_nor_a_rate_stops_them(settings: Any, place: str) -> None:
    settings.SECURE_SSL_REDIRECT = settings.REQUIRE_TWO_FACTOR = True
    settings.API_RATE = 1
    assert [call(place, FIELDS[place]).status_code for _ in range(3)] == [200] * 3


def queries(place: str, fields: dict[str, str]) -> list[str]:
    client = Client()
    client.cookies["sessionid"] = "0" * 32
    with CaptureQueriesContext(connection) as asked:
        response = client.post(f"{CALLBACKS}/{place}/", urlencode(fields), FORM)
    assert response.status_code == 200
    return [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]


def test_an_answer_costs_a_handful_of_queries_and_none_for_a_session() -> None:
    factories.message(PHONE)
    now = timezone.now()
    Message.objects.update(status="unconfirmed", claimed_at=now - timedelta(minutes=1))
    counts = {
        "unknown": queries("delivery", REPORT | {"phoneNumber": "+254733000000"}),
        "adopted": queries("delivery", REPORT | {"status": "Sent", "id": "ATXid_2"}),
        "moved": queries("delivery", REPORT | {"status": "Success", "id": "ATXid_2"}),
        "repeated": queries("delivery", REPORT | {"status": "Success", "id": "ATXid_2"}),
        "text": queries("incoming", TEXT | {"text": "Hello", "id": "in-0"}),
        "stop": queries("incoming", TEXT),
        "help": queries("incoming", TEXT | {"text": "HELP", "id": "in-2"}),
        "opt-out": queries("opt-out", OPT_OUT | {"phoneNumber": "+254733000000"}),
    }
    assert {name: len(asked) for name, asked in counts.items()} == {
        "unknown": 4,  # kept; its text by the id, or by that of a try; by the phone
        "adopted": 8,  # and the text takes the id, is found by it, and moves; all that waited
        "moved": 7,
        "repeated": 7,
        "text": 1,
        "stop": 5,
        "help": 4,
        "opt-out": 4,
    }
    assert not [sql for asked in counts.values() for sql in asked if "session" in sql]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a small table whole")
def test_no_answer_reads_a_whole_table() -> None:
    factories.message(PHONE)
    now = timezone.now()
    Message.objects.update(status="unconfirmed", claimed_at=now - timedelta(minutes=1))
    calls = [
        ("delivery", REPORT | {"phoneNumber": "+254733000000"}),
        ("delivery", REPORT | {"status": "Success", "id": "ATXid_2"}),
        ("incoming", TEXT),
    ]
    asked = [sql for place, fields in calls for sql in queries(place, fields)]
    plans = [plan_of(sql) for sql in asked if sql.startswith(("SELECT", "UPDATE"))]
    assert len(plans) > 8
    assert not [plan for plan in plans if "SCAN" in plan]


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "; ".join(step for *_, step in cursor.fetchall())


# --- Where they are ------------------------------------------------------------------------------


def test_the_command_prints_where_each_is(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    out = StringIO()
    call_command("sms_callbacks", stdout=out)
    start = f"https://karani.example.com{CALLBACKS}"
    assert out.getvalue() == (
        f"Delivery reports   {start}/delivery/\n"
        f"Incoming messages  {start}/incoming/\n"
        f"Bulk SMS opt-out   {start}/opt-out/\n"
    )


def test_the_addresses_that_it_prints_are_those(settings: Any) -> None:
    settings.PUBLIC_URL = ""
    out = StringIO()
    call_command("sms_callbacks", stdout=out)
    addresses = [line.split()[-1] for line in out.getvalue().splitlines()]
    for address, fields in zip(addresses, FIELDS.values(), strict=True):
        assert Client().post(address, urlencode(fields), FORM).status_code == 200
    assert [kept(place).raw for place in PLACES] == list(FIELDS.values())


def test_without_a_secret_the_command_says_what_to_do(settings: Any) -> None:
    settings.SMS_CALLBACK_SECRET = ""
    with pytest.raises(CommandError, match="Set SMS_CALLBACK_SECRET first"):
        call_command("sms_callbacks")


@pytest.mark.parametrize(
    ("gateway", "secret", "warned"),
    [
        ("africastalking", "", ["sms.W001"]),
        ("africastalking", SECRET, []),
        ("simulator", "", []),
    ],
)
def test_a_start_with_a_real_gateway_and_no_secret_warns(
    settings: Any, gateway: str, secret: str, warned: list[str]
) -> None:
    settings.SMS_GATEWAY, settings.SMS_CALLBACK_SECRET = gateway, secret
    assert [each.id for each in run_checks() if str(each.id).startswith("sms.")] == warned
