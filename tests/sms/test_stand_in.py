"""Does the stand-in do to texts what it says, so that tests against it mean what they say?"""

import json
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.sms.stand_in_control import Control
from tests.sms.stand_in_faults import Faults, Rates
from tests.sms.stand_in_gateway import Answer, StandInGateway
from tests.sms.stand_in_process import RunningStandIn, stand_in_process
from tests.sms.stand_in_reports import Report, ReportRates, reports_of

PHONE = "+254722000000"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def stand_in() -> Iterator[StandInGateway]:
    with StandInGateway() as gateway:
        yield gateway


@pytest.fixture
def running() -> Iterator[RunningStandIn]:
    with stand_in_process(seed=7) as gateway:
        yield gateway


def send(base_url: str, text: str = "Hello") -> Any:
    form = {"username": "duka", "to": PHONE, "message": text}
    with DIRECT.open(f"{base_url}/version1/messaging", urlencode(form).encode()) as answer:
        [recipient] = json.load(answer)["SMSMessageData"]["Recipients"]
    return recipient


def balance(base_url: str) -> str:
    with DIRECT.open(f"{base_url}/version1/user?username=duka") as answer:
        return str(json.load(answer)["UserData"]["balance"])


# The account


def test_each_text_is_paid_for_until_the_balance_is_used_up(stand_in: StandInGateway) -> None:
    stand_in.balance = Decimal("2.00")
    codes = [send(stand_in.base_url)["statusCode"] for _ in range(3)]
    assert codes == [101, 101, 405]
    assert balance(stand_in.base_url) == "KES 0.40"
    assert len(stand_in.ledger) == 2


def test_without_an_account_there_always_is_enough(stand_in: StandInGateway) -> None:
    assert send(stand_in.base_url)["statusCode"] == 101
    assert balance(stand_in.base_url) == "KES 1785.50"


def test_an_account_may_be_empty_for_a_while(stand_in: StandInGateway) -> None:
    stand_in.answer_next(Answer(empty_for=0.2))
    assert [send(stand_in.base_url)["statusCode"] for _ in range(2)] == [405, 405]
    assert balance(stand_in.base_url) == "KES 0.00"
    time.sleep(0.2)
    assert send(stand_in.base_url)["statusCode"] == 101
    assert balance(stand_in.base_url) == "KES 1785.50"


# Outages


def test_connections_are_refused_and_then_accepted_again(stand_in: StandInGateway) -> None:
    address = stand_in.base_url
    stand_in.refuse_connections()
    with pytest.raises(urllib.error.URLError, match="refused"):
        send(address)
    stand_in.accept_connections()
    assert send(address)["statusCode"] == 101
    assert stand_in.base_url == address


@pytest.mark.parametrize("abruptly", [False, True])
def test_what_is_being_answered_is_answered_or_broken_off(
    stand_in: StandInGateway, abruptly: bool
) -> None:
    stand_in.answer_next(Answer(delay=0.4))
    outcomes: list[Any] = []

    def call() -> None:
        try:
            outcomes.append(send(stand_in.base_url)["statusCode"])
        except OSError as error:
            outcomes.append(type(error).__name__)

    caller = Thread(target=call)
    caller.start()
    while not stand_in.ledger:
        time.sleep(0.01)
    stand_in.refuse_connections(abruptly=abruptly)
    caller.join()
    assert outcomes == ["RemoteDisconnected" if abruptly else 101]


def test_out_of_service_is_503_for_all(stand_in: StandInGateway) -> None:
    stand_in.is_out_of_service = True
    for ask in (send, balance):
        with pytest.raises(urllib.error.HTTPError, match="503"):
            ask(stand_in.base_url)
    assert stand_in.ledger == []


# Faults by rate

ALL_RATES = Rates(
    reset_before_taking=0.05,
    reset_after_taking=0.05,
    close_after_taking=0.05,
    cut_short=0.05,
    malformed=0.05,
    timeout=0.05,
    server_error=0.05,
    unavailable=0.05,
    too_many=0.05,
    turned_away=0.05,
    refused=0.05,
    no_balance=0.05,
)


def fates(seed: int, numbers: list[int]) -> dict[int, Answer]:
    faults = Faults(seed, ALL_RATES)
    return {number: faults({"to": PHONE, "message": f"Text {number}"}) for number in numbers}


def test_the_same_seed_deals_the_same_faults_in_whatever_order_texts_come() -> None:
    numbers = list(range(200))
    shuffled = random.Random(1).sample(numbers, 200)
    assert fates(1, numbers) == fates(1, shuffled)
    assert fates(1, numbers) != fates(2, numbers)


def test_faults_come_at_their_rates() -> None:
    dealt = fates(1, list(range(4000)))
    ordinary = sum(answer == Answer() for answer in dealt.values())
    assert 0.36 < ordinary / 4000 < 0.44
    statuses = Counter(answer.status for answer in dealt.values() if answer.fault is None)
    for status in (429, 500, 503):
        assert 0.03 < statuses[status] / 4000 < 0.07


def test_a_text_that_comes_again_may_fare_better() -> None:
    faults = Faults(1, Rates(unavailable=0.5))
    statuses = {faults({"to": PHONE, "message": "Hello"}).status for _ in range(20)}
    assert statuses == {201, 503}


# Reports


def test_reports_come_as_badly_as_they_are_told_to() -> None:
    def plan(**rates: Any) -> list[Report]:
        return reports_of(random.Random(1), ReportRates(delay=(0.4, 0.4), **rates))

    sent, success = Report(0.2, "Sent"), Report(0.4, "Success")
    assert plan() == [success, sent]
    assert plan(lost=1.0) == []
    assert plan(late=1.0, late_by=3.0) == [Report(3.4, "Success"), Report(1.7, "Sent")]
    assert plan(early=1.0)[0] == Report(0.0, "Success")
    assert plan(disordered=1.0)[1].delay > success.delay
    assert plan(doubled=1.0)[2].status == "Success"
    assert plan(unknown=1.0)[2].status == "Teleported"
    assert plan(undelivered=1.0)[0] == Report(0.4, "Failed", "DeliveryFailure")
    assert plan(contradicted=1.0)[2].status == "Failed"


@pytest.fixture
def heard() -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """The address of one who listens, and what they heard."""
    forms: list[tuple[str, dict[str, str]]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            forms.append((self.path, dict(parse_qsl(body, keep_blank_values=True))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", forms
        server.shutdown()


def test_an_early_report_is_posted_before_the_answer_to_its_text(
    running: RunningStandIn, heard: tuple[str, list[tuple[str, dict[str, str]]]]
) -> None:
    address, forms = heard
    running.control.post("reports", delivery_url=f"{address}/delivery/", early=1.0)
    sent = send(running.base_url)
    first = {
        "id": sent["messageId"],
        "status": "Success",
        "phoneNumber": PHONE,
        "networkCode": "63902",
        "failureReason": "",
        "retryCount": "0",
    }
    assert forms[0] == ("/delivery/", first)
    running.control.wait_until_all_is_told(5)
    assert [told["status"] for told in running.control.get("told")] == [200, 200]


def test_an_incoming_text_is_passed_on(
    running: RunningStandIn, heard: tuple[str, list[tuple[str, dict[str, str]]]]
) -> None:
    address, forms = heard
    running.control.post("reports", delivery_url="", incoming_url=f"{address}/incoming/")
    running.control.post("incoming", phone_number=PHONE, words="STOP", to="DUKA")
    running.control.wait_until_all_is_told(5)
    [(path, form)] = forms
    assert path == "/incoming/"
    assert (form["from"], form["text"], form["to"]) == (PHONE, "STOP", "DUKA")
    assert set(form) == {"date", "from", "id", "linkId", "text", "to"}


# The process


def test_a_process_tells_its_ledger_and_takes_new_rates(running: RunningStandIn) -> None:
    assert send(running.base_url, "First")["statusCode"] == 101
    running.control.post("faults", unavailable=1.0)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        send(running.base_url, "Second")
    running.control.post("faults")
    running.control.post("balance", balance="0.10")
    assert send(running.base_url, "Third")["statusCode"] == 405
    [taken] = running.control.get("ledger")
    assert (taken["message_id"], taken["phone_number"], taken["text"]) == (
        "ATXid_1",
        PHONE,
        "First",
    )
    answers = [request["answer"] for request in running.control.get("requests")]
    assert answers == [
        "HTTP 201, code 101, taken",
        "HTTP 503, not taken",
        "HTTP 201, code 405, not taken",
    ]
    assert running.control.get("state") == {"connections": 3, "balance": "0.10", "waiting": 0}


@pytest.mark.parametrize(("kind", "refusal"), [("unavailable", "503"), ("refused", "refused")])
def test_an_outage_of_a_process_ends_by_itself(
    running: RunningStandIn, kind: str, refusal: str
) -> None:
    running.control.post("outage", kind=kind, seconds=0.3)
    with pytest.raises(OSError, match=refusal):
        send(running.base_url)
    time.sleep(0.4)
    assert send(running.base_url)["statusCode"] == 101


def test_what_is_no_control_is_refused(running: RunningStandIn) -> None:
    def refusal(ask: Callable[[Control], object]) -> int:
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(running.control)
        caught.value.close()
        return caught.value.code

    assert refusal(lambda control: control.get("nothing")) == 404
    assert refusal(lambda control: control.post("faults", typo=1.0)) == 400
