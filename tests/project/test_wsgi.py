"""What the web server hands over, before any code of ours is asked."""

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest


def request_with(content_type: str, query: str) -> Any:
    """The request as the application makes it that the web server runs."""
    from project.wsgi import application

    environ: dict[str, Any] = {"QUERY_STRING": query, "CONTENT_TYPE": content_type}
    setup_testing_defaults(environ)
    return application.application.request_class(environ)  # type: ignore[attr-defined]  # Django's own


@pytest.mark.parametrize(
    "charset", ["utf-8", "hex", "idna", "utf-16", "latin-1", "none-such", "", "\x00"]
)
def test_a_query_is_utf_8_whatever_charset_the_request_names(charset: str) -> None:
    request = request_with(f"application/json; charset={charset}", "q=jos%C3%A9&broken=%FF")
    assert request.GET.dict() == {"q": "josé", "broken": "\ufffd"}
    assert request.content_type == "application/json"


def test_too_many_parameters_are_for_the_operation_to_refuse() -> None:
    request_with("application/json; charset=utf-8", "&".join(["status=PENDING"] * 1001))
