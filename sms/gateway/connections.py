"""HTTP connections whose errors tell whether the request was written, and that give up in time.

All that fails until a connection stands is a ``ConnectTimeoutError`` of urllib3, of which its
``NewConnectionError`` is one, and nothing that fails later is. A connection that took too long to
come about is not written to any more.
"""

import queue
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.connection import allowed_gai_family, create_connection

# Seconds, for the look-up of the name and for each address; a little over 3, when TCP sends its
# first packet again.
CONNECT_TIMEOUT = 3.05
LONGEST_CONNECT = 5.0  # seconds for all of it: the look-up, each address, and TLS
# Seconds after which an idle connection is not used again. A server, or a router on the way, may
# have dropped it without a word, and a text written to it would be in doubt.
_MAX_IDLE = 4.0


def new_session(connections: int) -> requests.Session:
    """A session that keeps so many connections, tries nothing twice and follows no redirect."""
    session = _Session()
    adapter = _Adapter(pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Session(requests.Session):
    """Follows no redirect, and looks at none: one it cannot read would cost us the HTTP status."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Connection(HTTPConnection):
    """A connection that tells whether it stood, is in time, and goes stale before it is cut.

    urllib3 reports a reset or a timeout in the TLS handshake as it reports one after the request
    was written; and its timeout is that of each address, with no end to the look-up of the name.
    """

    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used_at < _MAX_IDLE and super().is_connected

    def connect(self) -> None:
        self._end = time.monotonic() + LONGEST_CONNECT
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except Exception as error:
            raise NewConnectionError(self, "The connection did not come about.") from error
        if time.monotonic() > self._end:
            self.close()
            raise ConnectTimeoutError(self, "The connection came about too late.")
        self.sock.settimeout(self.timeout)  # while the request is written

    def _new_conn(self) -> socket.socket:
        error: OSError = OSError("The name has no address.")
        for address in self._addresses():
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                connected = create_connection(
                    (address, self.port),
                    min(CONNECT_TIMEOUT, left),
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as failure:
                error = failure
            else:
                connected.settimeout(
                    max(self._end - time.monotonic(), 0.01)
                )  # of the TLS handshake
                return connected
        raise error

    def _addresses(self) -> Iterator[str]:
        for *_, place in _look_up(self._dns_host, self.port):
            yield str(place[0])

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own does
        response = super().getresponse()
        self._used_at = time.monotonic()
        return response


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    """What the system knows of a name.

    Its resolver may take half a minute where no server answers, and cannot be told to hurry: it is
    asked by a thread, which is left to itself then, and ends with it.

    :raises TimeoutError: it takes too long.
    :raises OSError: the name is not known.
    """
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
            answers.put(list(found))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="sms-look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_TIMEOUT)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    """Connects by our connections, but for a proxy: there a failed handshake is in doubt too."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: object
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
