"""Which request was that? Every answer carries ``X-Request-ID``, and so does every log line."""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from identity.identifiers import new_id

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="-")


def current_request_id() -> str:
    """The id of the request being answered, or ``-`` outside one."""
    return _current.get()


class RequestIDMiddleware:
    """Takes the caller's id when it is well-formed, else makes one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        # Left in place after the answer, for the line that logs it; the next request sets its own.
        _current.set(given if _WELL_FORMED.fullmatch(given) else str(new_id()))
        response = self.get_response(request)
        response[HEADER] = current_request_id()
        return response


class RequestIDFilter(logging.Filter):
    """Adds ``request_id`` to each log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id()
        return True
