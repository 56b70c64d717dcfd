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
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

PRICE = "KES 0.8000"

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
TAKEN_CODES = frozenset({100, 101, 102})


class Fault(Enum):
    """How the line fails, in place of an answer."""

    RESET_BEFORE_READING = auto()  # connected, then reset with the request unread and unrecorded
    RESET_AFTER_TAKING = auto()  # the text is taken, and the connection reset
    CLOSE_AFTER_TAKING = auto()  # the text is taken, and the connection closed in good order
    CUT_SHORT = auto()  # the text is taken, and the answer ends halfway through its body


@dataclass(frozen=True)
class Answer:
    """What is done with one request. By itself it is the ordinary answer to a text taken."""

    status: int = 201
    code: int = 101  # of each recipient
    message_id: str | None = None  # for each recipient; None: a new one if taken, else "None"
    parts: int = 1
    body: str | None = None  # None: the gateway's own; anything else is sent as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds between taking the text and answering
    fault: Fault | None = None
    close: bool = False  # say so, and close the connection after the answer
    taken: bool | None = None  # None: if the status and the code say so, whatever the body says

    @property
    def takes(self) -> bool:
        """Does the gateway take the text, whatever it answers?"""
        if self.taken is not None:
            return self.taken
        return 200 <= self.status < 300 and self.code in TAKEN_CODES


ORDINARY = Answer()


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


@dataclass(frozen=True)
class TakenText:
    """A text that a customer would receive."""

    message_id: str
    phone_number: str
    text: str
    sender_id: str


class StandInGateway:
    """Serves from entering its context to leaving it, when it drops all connections."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.ledger: list[TakenText] = []
        self.connections = 0  # accepted so far
        self._answers: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer_next(self, *answers: Answer) -> None:
        """Answer the requests to come with these, one each; after them, the ordinary way."""
        with self._lock:
            self._answers.extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.drop_connections()
        self._server.server_close()

    def _count_connection(self) -> None:
        with self._lock:
            self.connections += 1

    def _resets_before_reading(self) -> bool:
        """Is the next request to be reset unread? If so, that answer is used up."""
        with self._lock:
            if self._answers and self._answers[0].fault is Fault.RESET_BEFORE_READING:
                self._answers.popleft()
                return True
            return False

    def _receive(self, request: RecordedRequest) -> tuple[Answer, str]:
        """Record a request, take its texts or not, and say what to answer and in which words."""
        with self._lock:
            self.requests.append(request)
            if (request.method, request.path) != ("POST", "/version1/messaging"):
                return Answer(status=404, taken=False), "Not Found"
            answer = self._answers.popleft() if self._answers else ORDINARY
            numbers = [number for number in request.form.get("to", "").split(",") if number]
            recipients = [self._deliver(answer, number, request.form) for number in numbers]
        if answer.body is not None:
            return answer, answer.body
        if not 200 <= answer.status < 300:
            return answer, "The stand-in was told to answer so."
        return answer, _receipt(recipients)

    def _deliver(self, answer: Answer, number: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Write a text into the ledger if it is taken; its recipient's part of the answer."""
        message_id = "None"
        if answer.takes:
            message_id = answer.message_id or f"ATXid_{len(self.ledger) + 1}"
            self.ledger.append(
                TakenText(message_id, number, form.get("message", ""), form.get("from", ""))
            )
        recipient: dict[str, Any] = {
            "statusCode": answer.code,
            "number": number,
            "cost": PRICE if answer.takes else "0",
            "status": STATUS_WORDS.get(answer.code, "Unheard"),
            "messageId": answer.message_id or message_id,
        }
        if answer.takes:
            recipient["messageParts"] = answer.parts
        return recipient


def _receipt(recipients: list[dict[str, Any]]) -> str:
    taken = sum(recipient["cost"] != "0" for recipient in recipients)
    cost = PRICE if taken else "0"
    message = f"Sent to {taken}/{len(recipients)} Total Cost: {cost}"
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a kept connection would hold up the end

    def __init__(self, stand_in: StandInGateway) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in
        self.open_connections: set[socket.socket] = set()

    def drop_connections(self) -> None:
        for connection in list(self.open_connections):
            with suppress(OSError):  # closed by the other side already
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whose client did not wait
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection, and the requests that come over it."""

    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True  # else the body of an answer waits 40 ms for its headers
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.stand_in._count_connection()
        self.server.open_connections.add(self.connection)

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        if not self.connection.recv(1, socket.MSG_PEEK):
            self.close_connection = True
        elif self.server.stand_in._resets_before_reading():
            self._reset()
        else:
            super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(form={})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fields = parse_qs(body.decode(), keep_blank_values=True)
        self._answer(form={name: values[-1] for name, values in fields.items()})

    def _answer(self, form: Mapping[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, body = self.server.stand_in._receive(
            RecordedRequest(self.command, self.path, headers, form)
        )
        if answer.delay and self.server.stand_in._stopping.wait(answer.delay):
            self.close_connection = True
        elif answer.fault is Fault.RESET_AFTER_TAKING:
            self._reset()
        elif answer.fault is Fault.CLOSE_AFTER_TAKING:
            self.close_connection = True
        else:
            self._write(answer, body.encode())

    def _write(self, answer: Answer, body: bytes) -> None:
        is_cut_short = answer.fault is Fault.CUT_SHORT
        self.send_response(answer.status)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **answer.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        if answer.close:
            self.send_header("Connection", "close")  # the handler closes it, having said so
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut_short else body)
        self.close_connection = self.close_connection or is_cut_short

    def _reset(self) -> None:
        """Close so that the other side sees a reset, and not an end."""
        self.close_connection = True
        # Not to linger at all is to reset (socket(7), SO_LINGER). The reader holds on to the
        # socket, so it is closed first.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass  # what came is in ``requests``
