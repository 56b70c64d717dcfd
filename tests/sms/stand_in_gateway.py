"""A stand-in for Africa's Talking: its SMS API over real HTTP, on a port of this machine.

It takes texts and keeps a ledger of them, and does what it was told to do with the next requests:
refuse, stall, cut the line, talk nonsense. What a test asserts is then what a customer would have
received, and not what the sender believes. The wire format is that of
https://developers.africastalking.com/docs/sms/sending/bulk

    with StandInGateway() as stand_in:
        stand_in.answer_next(Answer(status=503), Answer(delay=1.0))
        ...
        assert [taken.text for taken in stand_in.ledger] == ["Hello"]
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.sms.stand_in_server import ORDINARY, Answer, Fault, Server

__all__ = ["ORDINARY", "Answer", "Fault", "RecordedRequest", "StandInGateway", "TakenText"]

PRICE = Decimal("0.8000")  # KES, of each text
PLENTY = Decimal("1785.50")  # KES

# The status code of a recipient, and the word that comes with it.
STATUS_WORDS = {
    100: "Processed",
    101: "Success",
    102: "Queued",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}
_MESSAGING, _BALANCE = ("POST", "/version1/messaging"), ("GET", "/version1/user")
_OUT_OF_SERVICE, _TOLD = Answer(status=503), Answer(status=200)


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came, and what was done with it. The names of its headers are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    answer: Answer
    taken: int  # texts
    came_at: float  # seconds since 1970


@dataclass(frozen=True)
class TakenText:
    """A text that a customer would receive."""

    message_id: str
    phone_number: str
    text: str
    sender_id: str
    taken_at: float  # seconds since 1970


class StandInGateway:
    """Serves from entering its context to leaving it, when it drops all connections."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[RecordedRequest] = []
        self.ledger: list[TakenText] = []
        self.connections = 0  # accepted so far
        self.balance: Decimal | None = None  # KES; None: there always is enough
        self.is_out_of_service = False  # all is answered with 503 then
        # Says what is done with a text where nothing was told beforehand.
        self.usual_answer: Callable[[Mapping[str, str]], Answer] = lambda form: ORDINARY
        # Called with each text after it is taken and before that is answered.
        self.after_taking: Callable[[TakenText], object] = lambda text: None
        self.stopping = threading.Event()
        self._answers: deque[Answer] = deque()
        self._empty_until = 0.0
        self._lock = threading.Lock()
        self._server = Server(self, port)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_next(self, *answers: Answer) -> None:
        """Answer the requests to come with these, one each; after them, the usual way."""
        with self._lock:
            self._answers.extend(answers)

    def refuse_connections(self, *, abruptly: bool = False) -> None:
        """Be gone for all who call, until connections are accepted again.

        What is being answered is answered to its end, or not at all if it is to be abrupt.
        """
        left = self._server
        left.stop()
        if abruptly:
            left.drop_connections()
        self._server = Server(self, left.server_port)

    def accept_connections(self) -> None:
        self._server.start()

    def __enter__(self) -> Self:
        self.accept_connections()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.stop()
        self._server.drop_connections()

    def count_connection(self) -> None:
        with self._lock:
            self.connections += 1

    def resets_before_reading(self) -> bool:
        with self._lock:
            if self._answers and self._answers[0].fault is Fault.RESET_BEFORE_READING:
                self._answers.popleft()
                return True
            return False

    def receive(
        self, method: str, path: str, headers: Mapping[str, str], form: Mapping[str, str]
    ) -> tuple[Answer, str]:
        """Record a request, take its texts or not, and say what to answer and in which words."""
        came_at, door = time.time(), (method, urlsplit(path).path)
        with self._lock:
            known = len(self.ledger)
            answer, body = self._act(door, form)
            taken = self.ledger[known:]
            self.requests.append(
                RecordedRequest(method, path, headers, form, answer, len(taken), came_at)
            )
        for text in taken:
            self.after_taking(text)
        return answer, body

    def _act(self, door: tuple[str, str], form: Mapping[str, str]) -> tuple[Answer, str]:
        if door not in {_MESSAGING, _BALANCE}:
            return Answer(status=404), "Not Found"
        if self._answers:
            answer = self._answers.popleft()
        elif self.is_out_of_service:
            answer = _OUT_OF_SERVICE
        else:
            answer = self.usual_answer(form) if door == _MESSAGING else _TOLD
        if answer.empty_for:
            self._empty_until = time.monotonic() + answer.empty_for
        body = self._take(answer, form) if door == _MESSAGING else self._tell_balance()
        if answer.body is not None:
            return answer, answer.body
        if not 200 <= answer.status < 300:
            return answer, "The stand-in was told to answer so."
        return answer, body

    def _has(self) -> Decimal:
        if time.monotonic() < self._empty_until:
            return Decimal(0)
        return PLENTY if self.balance is None else self.balance

    def _tell_balance(self) -> str:
        return json.dumps({"UserData": {"balance": f"KES {self._has():.2f}"}})

    def _take(self, answer: Answer, form: Mapping[str, str]) -> str:
        """Take the texts if the answer says so, and write the receipt for them."""
        numbers = [number for number in form.get("to", "").split(",") if number]
        recipients = [self._deliver(answer, number, form) for number in numbers]
        taken = sum(recipient["cost"] != "0" for recipient in recipients)
        cost = f"KES {PRICE * taken}" if taken else "0"
        message = f"Sent to {taken}/{len(recipients)} Total Cost: {cost}"
        return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}})

    def _deliver(self, answer: Answer, number: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Write a text into the ledger if it is taken; its recipient's part of the answer."""
        message_id = "None"
        if answer.takes and self._has() < PRICE:
            answer = replace(answer, code=405, taken=False)
        if answer.takes:
            if self.balance is not None:
                self.balance -= PRICE
            message_id = answer.message_id or f"ATXid_{len(self.ledger) + 1}"
            self.ledger.append(
                TakenText(
                    message_id, number, form.get("message", ""), form.get("from", ""), time.time()
                )
            )
        recipient: dict[str, Any] = {
            "statusCode": answer.code,
            "number": number,
            "cost": f"KES {PRICE}" if answer.takes else "0",
            "status": STATUS_WORDS.get(answer.code, "Unheard"),
            "messageId": answer.message_id or message_id,
        }
        if answer.takes:
            recipient["messageParts"] = answer.parts
        return recipient
