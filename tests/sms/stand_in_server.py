"""What a stand-in may do with one HTTP request: answer, stall, cut the line, talk nonsense."""

import select
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs

TAKEN_CODES = frozenset({100, 101, 102})


class Fault(Enum):
    """How the line fails, in place of an answer."""

    RESET_BEFORE_READING = auto()  # connected, then reset with the request unread and unrecorded
    RESET_BEFORE_TAKING = auto()  # the request is read, and the connection reset
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
    empty_for: float = 0.0  # seconds from now for which the account is empty, whatever is in it
    taken: bool | None = None  # None: if the status and the code say so, whatever the body says

    @property
    def takes(self) -> bool:
        """Does the gateway take the text, whatever it answers?"""
        if self.taken is not None:
            return self.taken
        if self.fault is Fault.RESET_BEFORE_TAKING:
            return False
        return 200 <= self.status < 300 and self.code in TAKEN_CODES


ORDINARY = Answer()


class Receiver(Protocol):
    """Who says what is done with the requests."""

    stopping: threading.Event  # no delay outlasts it

    def count_connection(self) -> None: ...

    def resets_before_reading(self) -> bool:
        """Is the next request to be reset unread? If so, that answer is used up."""
        ...

    def receive(
        self, method: str, path: str, headers: Mapping[str, str], form: Mapping[str, str]
    ) -> tuple[Answer, str]:
        """What to do, and the words to answer. The names of headers are in lower case."""
        ...


class Server(ThreadingHTTPServer):
    """Serves on a port of this machine, from ``start`` to ``stop``.

    Before and after, the port is taken and connections to it are refused.
    """

    daemon_threads = True
    block_on_close = False  # a kept connection would hold up the end
    request_queue_size = 128

    def __init__(self, receiver: Receiver, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.receiver = receiver
        self.is_stopped = False
        self.open_connections: set[socket.socket] = set()
        self.idle_connections: set[socket.socket] = set()  # of these, those without a request
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self.server_bind()

    def start(self) -> None:
        self.server_activate()
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests; those that are being answered are answered to their end."""
        self.is_stopped = True
        if self._thread.is_alive():  # else it was not started
            self.shutdown()
            self._thread.join()
            # To the other side a connection stands before we accept it: it may have written to it.
            while select.select([self], [], [], 0)[0]:
                self.handle_request()
        self.server_close()
        # At once, so that the other side knows before it writes: on a busy machine the handlers
        # come to it late.
        _end(filter(_is_silent, list(self.idle_connections)), socket.SHUT_RDWR)
        _end(list(self.open_connections), socket.SHUT_RD)

    def drop_connections(self) -> None:
        """Break off what is being answered, too."""
        _end(list(self.open_connections), socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whose client did not wait
            super().handle_error(request, client_address)


def _is_silent(connection: socket.socket) -> bool:
    """Has no request come over it that nobody has seen yet?"""
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:  # closed meanwhile
        pass
    return False


def _end(connections: Iterable[socket.socket], directions: int) -> None:
    for connection in connections:
        with suppress(OSError):  # closed by the other side already
            connection.shutdown(directions)


class _Handler(BaseHTTPRequestHandler):
    """One connection, and the requests that come over it."""

    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True  # else the body of an answer waits 40 ms for its headers
    wbufsize = -1  # headers and body leave together
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.receiver.count_connection()
        self.server.open_connections.add(self.connection)

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        self.server.idle_connections.add(self.connection)
        try:
            is_request = bool(self.connection.recv(1, socket.MSG_PEEK))
        finally:
            self.server.idle_connections.discard(self.connection)
        if not is_request:
            self.close_connection = True
        elif self.server.receiver.resets_before_reading():
            self._reset()
        else:
            super().handle_one_request()

    def do_GET(self) -> None:
        self._answer(form={})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the line was cut while we read
            self._reset()
            return
        fields = parse_qs(body.decode(), keep_blank_values=True)
        self._answer(form={name: values[-1] for name, values in fields.items()})

    def _answer(self, form: Mapping[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, body = self.server.receiver.receive(self.command, self.path, headers, form)
        if answer.delay and self.server.receiver.stopping.wait(answer.delay):
            self.close_connection = True
        elif answer.fault in {Fault.RESET_BEFORE_TAKING, Fault.RESET_AFTER_TAKING}:
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
        if answer.close or self.server.is_stopped:
            self.send_header("Connection", "close")  # the handler closes it, having said so
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut_short else body)
        self.wfile.flush()
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
        pass  # what came is known to the receiver
