"""How the web server runs, in ``manage.py up`` and in the image: gunicorn reads this module."""

import json
import logging
from http import HTTPStatus
from socket import socket

from gunicorn import util  # type: ignore[import-untyped]  # it ships no types

from identity.identifiers import new_id
from project.environment import environment
from project.logs import SecretFilter

logger = logging.getLogger("gunicorn.error")
logger.addFilter(SecretFilter(environment.callback_secret))

bind = f"{environment.host}:{environment.port}"
workers = environment.web_concurrency
worker_class = "gthread"
threads = 4
timeout = 60  # seconds; an import of a large sheet is the longest request
# Seconds that a connection stays open for the next request: longer than clients and proxies keep
# theirs (a minute, most of them), or they send one into a connection that is just being closed. It
# takes no thread meanwhile.
keepalive = 75
limit_request_line = 8190  # bytes, its most: a list with a cursor, and all filters at their longest
loglevel = "warning"
proc_name = "karani-web"
# It would be one file in the home of the user, who may have none, or two installations.
control_socket_disable = True


def write_problem(client: socket, status: int, reason: str, message: str) -> None:
    """What the web server refuses before any code of ours sees it is a problem too (RFC 9457): a
    header that cannot be read, an address that is too long."""
    request_id = str(new_id())
    logger.warning("Answered %d: %s [%s]", status, message, request_id)
    title = "URI Too Long" if status == 414 else HTTPStatus(status).phrase  # Python 3.13's name
    problem = {"type": "about:blank", "title": title, "status": status, "detail": message or title}
    body = json.dumps(problem | {"request_id": request_id})
    head = (
        f"HTTP/1.1 {status} {title}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\n\r\n"
    )
    util.write_nonblock(client, f"{head}{body}".encode("ascii"))


util.write_error = write_problem  # which has no setting; its own answer is a page in HTML
