"""Does the adapter say what became of a text, whatever the gateway and the line do?

Each outcome is told over real HTTP by a stand-in that keeps a ledger of the texts it took, so that
"not taken" is checked against what a customer would have received.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from sms.gateway import (
    Balance,
    GatewayError,
    Hold,
    NotTaken,
    OnHold,
    Refused,
    SlowDown,
    Submission,
    TurnedAway,
    Unclear,
    Unreachable,
    connections,
)
from sms.gateway.africastalking import AfricasTalking
from tests.sms.stand_in_gateway import Answer, Fault, StandInGateway

PHONE = "+254722000000"
TEXT = "Hello Amina & co: 100% = done, €5"
API_KEY = "atsk_0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(autouse=True)
def _close_sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A gateway keeps its connections as long as its process lives; here, as long as its test."""
    with ExitStack() as sessions:
        session = connections._Session
        monkeypatch.setattr(connections, "_Session", lambda: sessions.enter_context(session()))
        yield


@pytest.fixture
def stand_in() -> Iterator[StandInGateway]:
    with StandInGateway() as gateway:
        yield gateway


def africas_talking(
    base_url: str, *, sender_id: str = "", read_timeout: float = 5.0
) -> AfricasTalking:
    return AfricasTalking(
        username="duka",
        api_key=API_KEY,
        sender_id=sender_id,
        base_url=base_url,
        read_timeout=read_timeout,
    )


def error_of(stand_in: StandInGateway, answer: Answer, read_timeout: float = 5.0) -> GatewayError:
    """The error of one submission that is answered so; it never tells the API key or the text."""
    stand_in.answer_next(answer)
    return error_at(stand_in.base_url, read_timeout)


def error_at(base_url: str, read_timeout: float = 5.0) -> GatewayError:
    gateway = africas_talking(base_url, read_timeout=read_timeout)
    with pytest.raises(GatewayError) as caught:
        gateway.submit(PHONE, TEXT)
    assert API_KEY not in repr(caught.value)
    assert TEXT not in repr(caught.value)
    return caught.value


def receipt(message: str, *recipients: dict[str, object]) -> str:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": list(recipients)}})


def recipient(**changes: object) -> dict[str, object]:
    return {
        "statusCode": 101,
        "number": PHONE,
        "cost": "KES 0.8000",
        "status": "Success",
        "messageId": "ATXid_7",
        "messageParts": 1,
    } | changes


# The request


def test_a_text_is_posted_as_the_form_the_gateway_expects(stand_in: StandInGateway) -> None:
    africas_talking(stand_in.base_url).submit(PHONE, TEXT)

    (request,) = stand_in.requests
    assert (request.method, request.path) == ("POST", "/version1/messaging")
    assert request.form == {"username": "duka", "to": PHONE, "message": TEXT, "bulkSMSMode": "1"}


def test_the_sender_id_goes_along_where_there_is_one(stand_in: StandInGateway) -> None:
    africas_talking(stand_in.base_url, sender_id="DUKA").submit(PHONE, TEXT)

    (request,) = stand_in.requests
    assert request.form["from"] == "DUKA"


def test_the_api_key_and_the_wish_for_json_are_headers(stand_in: StandInGateway) -> None:
    africas_talking(stand_in.base_url).submit(PHONE, TEXT)

    (request,) = stand_in.requests
    assert request.headers["apikey"] == API_KEY
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert API_KEY not in request.form.values()


@pytest.mark.parametrize(
    ("username", "url"),
    [
        ("sandbox", "https://api.sandbox.africastalking.com/version1/messaging"),
        ("duka", "https://api.africastalking.com/version1/messaging"),
    ],
)
def test_the_username_decides_between_sandbox_and_live(username: str, url: str) -> None:
    assert AfricasTalking(username=username, api_key=API_KEY).url == url


@pytest.mark.parametrize("username", ["sandbox", "duka"])
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8099", "http://127.0.0.1:8099/"])
def test_a_base_url_stands_in_for_scheme_and_host(username: str, base_url: str) -> None:
    gateway = AfricasTalking(username=username, api_key=API_KEY, base_url=base_url)

    assert gateway.url == "http://127.0.0.1:8099/version1/messaging"


# Taken


@pytest.mark.parametrize("username", ["sandbox", "duka"])
def test_a_text_taken_gives_its_receipt(stand_in: StandInGateway, username: str) -> None:
    stand_in.answer_next(Answer(message_id="ATXid_42", parts=2))
    gateway = AfricasTalking(username=username, api_key=API_KEY, base_url=stand_in.base_url)

    submission = gateway.submit(PHONE, TEXT)

    assert submission == Submission("ATXid_42", Decimal("0.8000"), "KES", 2)
    assert [(taken.phone_number, taken.text) for taken in stand_in.ledger] == [(PHONE, TEXT)]


@pytest.mark.parametrize("code", [100, 101, 102])
def test_processed_sent_and_queued_all_mean_taken(stand_in: StandInGateway, code: int) -> None:
    stand_in.answer_next(Answer(code=code))

    assert africas_talking(stand_in.base_url).submit(PHONE, TEXT).gateway_message_id == "ATXid_1"


def test_a_receipt_is_read_whatever_its_content_type(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(headers={"Content-Type": "application/json; charset=utf-8"}))

    assert africas_talking(stand_in.base_url).submit(PHONE, TEXT).gateway_message_id == "ATXid_1"


@pytest.mark.parametrize("cost", ["0", "KES", "KES 1e9", "KES 12345678", "-1", 0.8, None])
def test_a_text_taken_at_an_odd_cost_is_taken(stand_in: StandInGateway, cost: object) -> None:
    stand_in.answer_next(Answer(body=receipt("Sent to 1/1", recipient(cost=cost))))

    submission = africas_talking(stand_in.base_url).submit(PHONE, TEXT)

    assert submission == Submission("ATXid_7", None, "", 1)


@pytest.mark.parametrize("parts", [None, 0, -1, 256, "many"])
def test_a_text_taken_in_an_odd_number_of_parts_is_taken(
    stand_in: StandInGateway, parts: object
) -> None:
    stand_in.answer_next(Answer(body=receipt("Sent to 1/1", recipient(messageParts=parts))))

    submission = africas_talking(stand_in.base_url).submit(PHONE, TEXT)

    assert submission == Submission("ATXid_7", Decimal("0.8000"), "KES", None)


# The connection


def test_texts_one_after_the_other_share_a_connection(stand_in: StandInGateway) -> None:
    gateway = africas_talking(stand_in.base_url)

    for _ in range(5):
        gateway.submit(PHONE, TEXT)

    assert (len(stand_in.ledger), stand_in.connections) == (5, 1)


def test_sixteen_texts_at_a_time_keep_sixteen_connections(stand_in: StandInGateway) -> None:
    stand_in.answer_next(*[Answer(delay=0.3)] * 32)
    gateway = africas_talking(stand_in.base_url)

    with ThreadPoolExecutor(16) as workers:
        for _ in range(2):
            list(workers.map(lambda _: gateway.submit(PHONE, TEXT), range(16)))

    assert (len(stand_in.ledger), stand_in.connections) == (32, 16)


def test_a_refused_text_leaves_its_connection_in_use(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(code=403), Answer(status=503))
    gateway = africas_talking(stand_in.base_url)

    for error in (Refused, NotTaken):
        with pytest.raises(error):
            gateway.submit(PHONE, TEXT)
    gateway.submit(PHONE, TEXT)

    assert (len(stand_in.requests), stand_in.connections) == (3, 1)


def test_a_connection_closed_between_two_texts_is_no_error(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(close=True))
    gateway = africas_talking(stand_in.base_url)

    gateway.submit(PHONE, TEXT)
    gateway.submit(PHONE, TEXT)

    assert (len(stand_in.ledger), stand_in.connections) == (2, 2)


def test_a_connection_long_idle_is_not_trusted_with_a_text(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_MAX_IDLE", 0.0)
    gateway = africas_talking(stand_in.base_url)

    gateway.submit(PHONE, TEXT)
    gateway.submit(PHONE, TEXT)

    assert (len(stand_in.ledger), stand_in.connections) == (2, 2)


# Before the request is written


def test_a_gateway_that_does_not_listen_has_not_taken_the_text() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: a connection is refused
        error = error_at(f"http://127.0.0.1:{bound.getsockname()[1]}")

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [ConnectionRefusedError]."
    assert error.http_status is None
    assert error.retry_after is None


def test_a_gateway_whose_name_is_unknown_has_not_taken_the_text() -> None:
    error = error_at("http://gateway.invalid")

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [gaierror]."


def test_a_gateway_slow_to_connect_has_not_taken_the_text(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_out(*_arguments: object, **_options: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(connections, "create_connection", time_out)
    error = error_at(stand_in.base_url)

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [TimeoutError]."


def test_a_gateway_that_speaks_no_tls_has_not_taken_the_text(stand_in: StandInGateway) -> None:
    error = error_at(stand_in.base_url.replace("http:", "https:"))

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [SSLError]."
    assert stand_in.ledger == []


def test_a_reset_in_the_tls_handshake_is_before_writing(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(fault=Fault.RESET_BEFORE_READING))

    error = error_at(stand_in.base_url.replace("http:", "https:"))

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [ConnectionResetError]."


def test_a_timeout_in_the_tls_handshake_is_before_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LONGEST_CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = error_at(f"https://127.0.0.1:{silent.getsockname()[1]}")

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [TimeoutError]."


def test_a_name_that_nobody_looks_up_has_not_taken_the_text(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver of the system waits for its servers for half a minute and more."""
    answered = threading.Event()
    look_up = socket.getaddrinfo

    def wait(*arguments: Any) -> Any:
        answered.wait(30)
        return look_up(*arguments)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 0.05)
    error = error_at(stand_in.base_url)
    answered.set()

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [TimeoutError]."
    assert (stand_in.ledger, stand_in.connections) == ([], 0)


def test_of_several_addresses_the_next_is_tried(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    port = int(stand_in.base_url.rpartition(":")[2])
    found = [(*place, ("::1", port)), (*place, ("127.0.0.1", port))]
    monkeypatch.setattr(connections, "_look_up", lambda host, port: found)

    assert africas_talking(stand_in.base_url).submit(PHONE, TEXT).gateway_message_id


def test_all_that_comes_before_writing_ends_in_time(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeout is for each address; a name may have many, and none of them answer."""
    tried = []

    def time_out(place: tuple[str, int], timeout: float, **_options: object) -> None:
        tried.append(place[0])
        time.sleep(timeout)
        raise TimeoutError

    found = [(0, 0, 0, "", (f"127.0.0.{number}", 1)) for number in range(2, 30)]
    monkeypatch.setattr(connections, "_look_up", lambda host, port: found)
    monkeypatch.setattr(connections, "create_connection", time_out)
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 0.1)
    monkeypatch.setattr(connections, "LONGEST_CONNECT", 0.25)
    error = error_at(stand_in.base_url)

    assert type(error) is NotTaken
    assert str(error) == "The gateway could not be reached [TimeoutError]."
    assert 1 < len(tried) <= 4


def test_a_connection_that_stands_too_late_is_not_written_to(
    stand_in: StandInGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.create_connection

    def be_late(place: tuple[str, int], timeout: float, **_options: object) -> socket.socket:
        time.sleep(0.1)
        return connect(place, timeout)

    monkeypatch.setattr(connections, "create_connection", be_late)
    monkeypatch.setattr(connections, "LONGEST_CONNECT", 0.05)
    error = error_at(stand_in.base_url)

    assert type(error) is NotTaken
    assert stand_in.ledger == []


@pytest.mark.parametrize("base_url", ["gateway.example", "ftp://gateway.example", "http://[::1"])
def test_an_unusable_address_in_the_settings_takes_no_text(base_url: str) -> None:
    error = error_at(base_url)

    assert type(error) is NotTaken
    assert str(error).startswith("The request to the gateway could not be made up; check its")


@pytest.mark.parametrize("api_key", ["atsk_secret\n", " atsk_secret", "atsk_secret\u200b"])
def test_an_unusable_api_key_is_not_told_in_the_error(
    stand_in: StandInGateway, api_key: str
) -> None:
    gateway = AfricasTalking(username="duka", api_key=api_key, base_url=stand_in.base_url)

    with pytest.raises(NotTaken) as caught:
        gateway.submit(PHONE, TEXT)

    assert "atsk_secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert stand_in.requests == []


@pytest.mark.parametrize("phone_number", ["0722000000", "", "+", "+254722000000,+254722000001"])
def test_a_number_not_in_international_form_is_refused_unasked(
    stand_in: StandInGateway, phone_number: str
) -> None:
    with pytest.raises(Refused, match="The phone number is not in international form"):
        africas_talking(stand_in.base_url).submit(phone_number, TEXT)

    assert stand_in.requests == []


# After the request is written


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.RESET_BEFORE_READING, "ConnectionError"),  # the gateway knows; we cannot
        (Fault.RESET_AFTER_TAKING, "ConnectionError"),
        (Fault.CLOSE_AFTER_TAKING, "ConnectionError"),
    ],
)
def test_a_line_cut_after_writing_leaves_doubt(
    stand_in: StandInGateway, fault: Fault, kind: str
) -> None:
    error = error_of(stand_in, Answer(fault=fault))

    assert type(error) is Unclear
    assert str(error) == f"The gateway did not answer; the text may have gone out [{kind}]."
    assert error.http_status is None
    assert len(stand_in.requests) == len(stand_in.ledger) <= 1  # and no second try


def test_a_kept_connection_cut_after_writing_leaves_doubt(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(), Answer(fault=Fault.RESET_AFTER_TAKING))
    gateway = africas_talking(stand_in.base_url)
    gateway.submit(PHONE, "First")

    with pytest.raises(Unclear):
        gateway.submit(PHONE, "Second")

    assert [taken.text for taken in stand_in.ledger] == ["First", "Second"]
    assert stand_in.connections == 1


def test_an_answer_that_does_not_come_in_time_leaves_doubt(stand_in: StandInGateway) -> None:
    started = time.monotonic()

    error = error_of(stand_in, Answer(delay=30.0), read_timeout=0.2)

    assert type(error) is Unclear
    assert str(error) == "The gateway did not answer; the text may have gone out [ReadTimeout]."
    assert 0.2 <= time.monotonic() - started < 3
    assert len(stand_in.ledger) == 1


def test_an_answer_that_ends_halfway_leaves_doubt(stand_in: StandInGateway) -> None:
    error = error_of(stand_in, Answer(fault=Fault.CUT_SHORT))

    assert type(error) is Unclear
    assert str(error) == (
        "The gateway's answer could not be read; the text may have gone out [HTTP 201]."
    )
    assert error.http_status == 201


def test_a_refusal_whose_words_end_halfway_is_a_refusal(stand_in: StandInGateway) -> None:
    error = error_of(stand_in, Answer(status=401, fault=Fault.CUT_SHORT))

    assert type(error) is OnHold


# HTTP statuses


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, Refused, "The gateway could not make sense of the request [HTTP 400]."),
        (401, OnHold, "The gateway does not accept the username and API key [HTTP 401]."),
        (403, OnHold, "The gateway does not let this account send texts [HTTP 403]."),
        (415, Refused, "The gateway could not make sense of the request [HTTP 415]."),
        (429, SlowDown, "The gateway asks to be sent texts more slowly [HTTP 429]."),
        (503, NotTaken, "The gateway is out of service for now [HTTP 503]."),
    ],
)
def test_an_http_status_that_tells_what_became_of_the_text(
    stand_in: StandInGateway, status: int, kind: type[GatewayError], message: str
) -> None:
    error = error_of(stand_in, Answer(status=status))

    assert type(error) is kind
    assert str(error) == message
    assert error.http_status == status
    assert stand_in.ledger == []


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("status", [500, 502, 504, 404, 408, 418, 501, 304])
def test_any_other_http_status_leaves_doubt(
    stand_in: StandInGateway, status: int, taken: bool
) -> None:
    error = error_of(stand_in, Answer(status=status, taken=taken, close=True))

    assert type(error) is Unclear
    assert str(error) == (
        f"The gateway failed over the text, which may have gone out [HTTP {status}]."
    )
    assert error.http_status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/version1/messaging", "http://[::1", "\xff"])
def test_a_redirect_is_not_followed(stand_in: StandInGateway, status: int, location: str) -> None:
    error = error_of(stand_in, Answer(status=status, headers={"Location": location}))

    assert type(error) is Unclear
    assert error.http_status == status
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("0", 0.0),
        ("999999999", 900.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_wait_the_gateway_asks_for_is_passed_on(
    stand_in: StandInGateway, status: int, header: str, seconds: float | None
) -> None:
    error = error_of(stand_in, Answer(status=status, headers={"Retry-After": header}))

    assert isinstance(error, NotTaken)
    assert error.retry_after == seconds


def test_a_wait_until_a_date_is_passed_on_in_seconds(stand_in: StandInGateway) -> None:
    date = formatdate(time.time() + 120, usegmt=True)

    error = error_of(stand_in, Answer(status=429, headers={"Retry-After": date}))

    assert isinstance(error, NotTaken)
    assert error.retry_after == pytest.approx(119, abs=2)


def test_no_wait_is_made_up(stand_in: StandInGateway) -> None:
    error = error_of(stand_in, Answer(status=503))

    assert isinstance(error, NotTaken)
    assert error.retry_after is None


# Codes of a recipient


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (401, Refused, "The gateway held the text back for a check of its own [RiskHold]."),
        (402, OnHold, "The gateway does not know the sender ID [InvalidSenderId]."),
        (403, Refused, "The gateway says there is no such phone number [InvalidPhoneNumber]."),
        (404, Refused, "A phone number of this kind takes no texts [UnsupportedNumberType]."),
        (
            405,
            OnHold,
            "The account with the gateway needs to be topped up [InsufficientBalance].",
        ),
        (406, Refused, "The customer has blocked texts from this sender [UserInBlacklist]."),
        (407, TurnedAway, "The gateway has no way to the customer's network [CouldNotRoute]."),
        (
            409,
            Refused,
            "The customer's number is set to take no such texts [DoNotDisturbRejection].",
        ),
        (500, TurnedAway, "The gateway has trouble of its own [InternalServerError]."),
        (501, TurnedAway, "The gateway has trouble with the customer's network [GatewayError]."),
        (502, TurnedAway, "The customer's network turned the text away [RejectedByGateway]."),
    ],
)
def test_a_code_tells_why_the_text_was_not_taken(
    stand_in: StandInGateway, code: int, kind: type[GatewayError], message: str
) -> None:
    error = error_of(stand_in, Answer(code=code))

    assert type(error) is kind
    assert str(error) == message
    assert error.http_status == 201
    assert stand_in.ledger == []


@pytest.mark.parametrize(("code", "kind"), [(500, TurnedAway), (501, TurnedAway), (405, OnHold)])
@pytest.mark.parametrize("message_id", ["None", "", None])
def test_a_passing_trouble_without_an_id_means_not_taken(
    stand_in: StandInGateway, code: int, kind: type[GatewayError], message_id: str | None
) -> None:
    body = receipt("Sent to 0/1 Total Cost: 0", recipient(statusCode=code, messageId=message_id))

    assert type(error_of(stand_in, Answer(body=body, taken=False))) is kind


@pytest.mark.parametrize(
    ("code", "reason", "word"),
    [
        (500, "The gateway has trouble of its own", "InternalServerError"),
        (501, "The gateway has trouble with the customer's network", "GatewayError"),
        (403, "The gateway says there is no such phone number", "InvalidPhoneNumber"),
        (405, "The account with the gateway needs to be topped up", "InsufficientBalance"),
        (999, "The gateway's answer is not understood", "999"),
    ],
)
def test_a_code_of_trouble_with_an_id_leaves_doubt_and_the_id(
    stand_in: StandInGateway, code: int, reason: str, word: str
) -> None:
    error = error_of(stand_in, Answer(code=code, message_id="ATXid_9", taken=True))

    assert type(error) is Unclear
    assert error.gateway_message_id == "ATXid_9"
    assert str(error) == f"{reason}; the text may have gone out [{word}]."
    assert error.http_status == 201


@pytest.mark.parametrize("code", [0, 99, 103, 200, 408, 410, 503, 999])
def test_an_unknown_code_leaves_doubt(stand_in: StandInGateway, code: int) -> None:
    error = error_of(stand_in, Answer(code=code))

    assert type(error) is Unclear
    assert str(error) == (
        f"The gateway's answer is not understood; the text may have gone out [{code}]."
    )


@pytest.mark.parametrize("message_id", ["None", "", None, "A" * 101, "ATX id", "ATXid_\u0000"])
def test_a_text_taken_without_a_usable_id_leaves_doubt(
    stand_in: StandInGateway, message_id: str | None
) -> None:
    error = error_of(stand_in, Answer(body=receipt("", recipient(messageId=message_id))))

    assert type(error) is Unclear
    assert str(error) == (
        "The gateway took the text without a receipt; the text may have gone out [Sent]."
    )


# The answer as a whole


@pytest.mark.parametrize(
    ("word", "kind", "message"),
    [
        (
            "InvalidSenderId",
            OnHold,
            "The gateway does not know the sender ID [InvalidSenderId].",
        ),
        (
            "InsufficientBalance",
            OnHold,
            "The account with the gateway needs to be topped up [InsufficientBalance].",
        ),
        ("AccountSuspended", Refused, "The gateway refused the text [AccountSuspended]."),
        ("We do not like it: atsk", Refused, "The gateway refused the text [HTTP 201]."),
    ],
)
def test_a_request_refused_as_a_whole_tells_why(
    stand_in: StandInGateway, word: str, kind: type[GatewayError], message: str
) -> None:
    error = error_of(stand_in, Answer(body=receipt(word), taken=False))

    assert type(error) is kind
    assert str(error) == message
    assert error.http_status == 201


@pytest.mark.parametrize(
    "body",
    [
        receipt("Sent to 1/1 Total Cost: KES 0.8000"),
        receipt("Sent to 0/1 Total Cost: 0"),
        receipt("Success"),
        receipt(""),
        receipt("Sent to 1/1", recipient(number="+254722000001")),
        receipt("Sent to 1/1", recipient(number="0722000000")),
        receipt("Sent to 2/2", recipient(), recipient(statusCode=403)),
    ],
)
def test_an_answer_without_our_phone_number_leaves_doubt(
    stand_in: StandInGateway, body: str
) -> None:
    error = error_of(stand_in, Answer(body=body))

    assert type(error) is Unclear
    assert str(error) == (
        "The gateway's answer says nothing of this phone number; "
        "the text may have gone out [HTTP 201]."
    )


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>It works!</html>",
        "The supplied authentication is invalid",
        "null",
        "[]",
        "{}",
        '{"SMSMessageData": null}',
        '{"SMSMessageData": {"Message": "Sent to 1/1"}}',
        '{"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": null}}',
        '{"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [null]}}',
        receipt("Sent to 1/1", recipient(statusCode="fine")),
        receipt("Sent to 1/1", recipient(messageId=7)),
        "[" * 100_000,
    ],
)
def test_an_answer_that_cannot_be_read_leaves_doubt(
    stand_in: StandInGateway, status: int, body: str
) -> None:
    error = error_of(stand_in, Answer(status=status, body=body))

    assert type(error) is Unclear
    assert str(error) == (
        f"The gateway's answer could not be read; the text may have gone out [HTTP {status}]."
    )
    assert error.http_status == status
    assert len(stand_in.ledger) == 1


# The facts that come with an error


def test_what_somebody_must_mend_is_told_with_the_error(stand_in: StandInGateway) -> None:
    holds = [
        error_of(stand_in, answer)
        for answer in (Answer(code=405), Answer(code=402), Answer(status=401), Answer(status=403))
    ]
    assert [type(error) for error in holds] == [OnHold] * 4
    assert [error.hold for error in holds if isinstance(error, OnHold)] == [
        *(Hold.BALANCE, Hold.SENDER, Hold.CREDENTIALS, Hold.CREDENTIALS)
    ]
    assert [error.word for error in holds] == [
        *("InsufficientBalance", "InvalidSenderId", "HTTP 401", "HTTP 403")
    ]


@pytest.mark.parametrize(
    ("answer", "unreachable", "needs_staff"),
    [
        (Answer(code=403), Unreachable.INVALID, False),
        (Answer(code=404), Unreachable.KIND, False),
        (Answer(code=406), Unreachable.BLOCKED, False),
        (Answer(code=409), None, False),
        (Answer(code=401), None, True),
        (Answer(status=400), None, True),
        (Answer(status=415), None, True),
    ],
)
def test_a_refusal_says_whether_the_phone_or_we_are_the_reason(
    stand_in: StandInGateway, answer: Answer, unreachable: Unreachable | None, needs_staff: bool
) -> None:
    error = error_of(stand_in, answer)

    assert isinstance(error, Refused)
    assert (error.unreachable, error.needs_staff) == (unreachable, needs_staff)


def test_a_text_turned_away_is_tried_again_by_the_schedule_of_its_code(
    stand_in: StandInGateway,
) -> None:
    gateway = AfricasTalking(
        username="duka",
        api_key=API_KEY,
        base_url=stand_in.base_url,
        delays={407: (900.0,), 500: (30.0, 120.0)},
    )
    told = []
    for code in (407, 500, 502):
        stand_in.answer_next(Answer(code=code))
        with pytest.raises(TurnedAway) as caught:
            gateway.submit(PHONE, TEXT)
        told.append(caught.value.delays)
    assert told == [(900.0,), (30.0, 120.0), ()]


# The balance


@pytest.mark.parametrize("amount", ["1785.50", "0.00", "-3.20", "2500000.00"])
def test_the_balance_is_asked_for_and_costs_nothing(stand_in: StandInGateway, amount: str) -> None:
    stand_in.balance = Decimal(amount)

    balance = africas_talking(stand_in.base_url).balance()

    assert balance == Balance(Decimal(amount), "KES")
    [request] = stand_in.requests
    assert (request.method, request.path) == ("GET", "/version1/user?username=duka")
    assert request.headers["apikey"] == API_KEY
    assert stand_in.ledger == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=401), OnHold),
        (Answer(status=403), OnHold),
        (Answer(status=400), NotTaken),
        (Answer(status=429), NotTaken),
        (Answer(status=500), NotTaken),
        (Answer(status=503), NotTaken),
        (Answer(body="{}"), NotTaken),
        (Answer(body='{"UserData": {"balance": "plenty"}}'), NotTaken),
        (Answer(body="<html>"), NotTaken),
        (Answer(fault=Fault.CLOSE_AFTER_TAKING), NotTaken),
    ],
)
def test_a_balance_that_is_not_told_is_an_error(
    stand_in: StandInGateway, answer: Answer, kind: type[GatewayError]
) -> None:
    stand_in.answer_next(answer)

    with pytest.raises(GatewayError) as caught:
        africas_talking(stand_in.base_url).balance()

    assert type(caught.value) is kind
    assert API_KEY not in repr(caught.value)
