"""How a line of the log is written: without the secrets that stand in paths.

Django logs the path of each request that it refuses, the server that of one it fails at. Whoever
reads the log could report texts as delivered, and speak for any phone, by the secret of the
gateway's callbacks; or be somebody by the link with which that one signs up.
"""

import logging
import re

from django.conf import settings
from pythonjsonlogger.json import JsonFormatter as PlainJsonFormatter

_LINKS = re.compile(
    r"(/invitation/|/sign-up/(?!sent/)|/password/new/(?!done/)|/account/email/confirm/)[^/\s\"']+"
)


def _without(secret: str, line: str) -> str:
    """Also without what is good once, in the links that people are sent."""
    line = _LINKS.sub(r"\1***", line)
    return line.replace(secret, "***") if secret else line


class TextFormatter(logging.Formatter):
    def __init__(self, format: str, style: str) -> None:  # noqa: A002  # as the settings call it
        super().__init__(format, style=style)  # type: ignore[arg-type]  # one of three letters

    def format(self, record: logging.LogRecord) -> str:
        return _without(settings.SMS_CALLBACK_SECRET, super().format(record))


class JsonFormatter(PlainJsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return _without(settings.SMS_CALLBACK_SECRET, super().format(record))


class SecretFilter(logging.Filter):
    """For a logger that has handlers of its own, and may write before Django is set up."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _without(self.secret, record.getMessage()), ()
        return True
