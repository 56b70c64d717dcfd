"""How a stand-in in a process of its own is asked and told, on a port beside the gateway's: JSON.

GET  /control/ledger      every text taken: message_id, phone_number, text, sender_id, taken_at
GET  /control/requests    every request for a text: to, message, came_at, answer (in words)
GET  /control/told        every report and text passed on: form, status of HTTP, seconds
GET  /control/state       connections, balance, and how many reports are still to come
POST /control/faults      the fields of ``Rates``; those left out are 0
POST /control/reports     the fields of ``ReportRates``, and delivery_url, incoming_url
POST /control/balance     {"balance": "10.00"}, or null: there always is enough
POST /control/outage      {"kind": "unavailable" | "refused" | "dropped", "seconds": 3.0}
POST /control/incoming    {"phone_number": "+254...", "words": "STOP", "to": "DUKA"}
"""

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sms.stand_in_faults import Faults, Rates
from tests.sms.stand_in_gateway import RecordedRequest, StandInGateway
from tests.sms.stand_in_reports import ReportRates, Teller

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows our ports


class Controls:
    """What there is to ask a stand-in, and to tell it."""

    def __init__(self, gateway: StandInGateway, seed: int) -> None:
        self.gateway = gateway
        self.faults, self.teller = Faults(seed), Teller(seed)
        gateway.usual_answer = self.faults
        gateway.after_taking = self.teller.report
        self._balance: Decimal | None = None

    def get_ledger(self) -> list[dict[str, Any]]:
        return [asdict(text) for text in list(self.gateway.ledger)]

    def get_requests(self) -> list[dict[str, Any]]:
        return [
            {
                "to": request.form["to"],
                "message": request.form.get("message", ""),
                "came_at": request.came_at,
                "answer": _in_words(request),
            }
            for request in list(self.gateway.requests)
            if "to" in request.form
        ]

    def get_told(self) -> list[dict[str, Any]]:
        return [asdict(told) for told in list(self.teller.told)]

    def get_state(self) -> dict[str, Any]:
        return {
            "connections": self.gateway.connections,
            "balance": None if self.gateway.balance is None else str(self.gateway.balance),
            "waiting": self.teller.waiting,
        }

    def post_faults(self, **rates: Any) -> None:
        self.faults.rates = Rates(**rates)

    def post_reports(self, delivery_url: str, incoming_url: str = "", **rates: Any) -> None:
        self.teller.rates = ReportRates(**rates)
        self.teller.delivery_url, self.teller.incoming_url = delivery_url, incoming_url

    def post_balance(self, balance: str | None) -> None:
        self.gateway.balance = None if balance is None else Decimal(balance)

    def post_outage(self, kind: str, seconds: float) -> None:
        """Begin an outage, which ends by itself: 503s, or refused connections.

        Where they are "dropped", what was being answered is broken off, too.
        """
        if kind == "unavailable":
            self.gateway.is_out_of_service = True
        else:
            self.gateway.refuse_connections(abruptly=kind == "dropped")
        end = threading.Timer(seconds, self._end_outage, [kind])
        end.daemon = True
        end.start()

    def _end_outage(self, kind: str) -> None:
        if kind == "unavailable":
            self.gateway.is_out_of_service = False
        else:
            self.gateway.accept_connections()

    def post_incoming(self, phone_number: str, words: str, to: str = "") -> None:
        self.teller.pass_on(phone_number, words, to)


def _in_words(request: RecordedRequest) -> str:
    answer = request.answer
    words = [answer.fault.name if answer.fault else f"HTTP {answer.status}"]
    if answer.body is not None:
        words.append("malformed")
    elif not answer.fault and answer.status == 201:
        words.append(f"code {answer.code if request.taken or not answer.takes else 405}")
    if answer.delay:
        words.append(f"after {answer.delay:.2f} s")
    return ", ".join([*words, "taken" if request.taken else "not taken"])


class ControlServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, controls: Controls, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.controls = controls


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer

    def do_GET(self) -> None:
        self._answer("get", {})

    def do_POST(self) -> None:
        self._answer("post", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, verb: str, facts: dict[str, Any]) -> None:
        control: Callable[..., Any] | None = getattr(
            self.server.controls, f"{verb}_{self.path.removeprefix('/control/')}", None
        )
        try:
            status, told = (404, "No such control.") if control is None else (200, control(**facts))
        except (ArithmeticError, TypeError) as error:  # wrong facts
            status, told = 400, str(error)
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Control:
    """The other end: ``get("ledger")``, ``post("balance", balance="10.00")``."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, name: str) -> Any:
        with _DIRECT.open(f"{self.address}/control/{name}", timeout=30) as answer:
            return json.load(answer)

    def post(self, name: str, **facts: Any) -> None:
        body = json.dumps(facts).encode()
        _DIRECT.open(f"{self.address}/control/{name}", body, timeout=30).close()

    def wait_until_all_is_told(self, patience: float) -> None:
        """Wait for the reports that are still to come; so many seconds at most."""
        deadline = time.monotonic() + patience
        while self.get("state")["waiting"] and time.monotonic() < deadline:
            time.sleep(0.1)
