"""The API: its routers, mounted."""

import json
from decimal import Decimal
from typing import Any

import orjson
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.parser import Parser

from crm.api import customers, exports, imports, messages, orders, registration
from identity.api import router as identity
from project import problems
from project.idempotency import IdempotentAPI
from project.openapi import DocumentedAPI
from project.throttling import RateLimitedAPI


class StrictParser(Parser):
    """JSON by the book (RFC 8259), as far as two readers agree on it (RFC 7493): no NaN, no lone
    surrogates, no name twice; and no NUL, which no database column takes. Numbers are what is
    written, to the last digit."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise HttpError(415, "Send JSON, with Content-Type: application/json.")
        try:
            orjson.loads(request.body)  # the stricter of the two, which takes decimals for floats
            body = json.loads(request.body, parse_float=Decimal, object_pairs_hook=_each_name_once)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"The body is not valid JSON: {error}.") from None
        if b"\\u0000" in request.body:
            _refuse_null_characters(body)
        return body

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> Any:
        values = super().parse_querydict(data, list_fields, request)
        _refuse_null_characters(values)
        return values


def _refuse_null_characters(value: object) -> None:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for each in value:
            _refuse_null_characters(each)
    if isinstance(value, str) and "\0" in value:
        raise HttpError(400, "Null characters are not allowed.")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


class API(IdempotentAPI, RateLimitedAPI, DocumentedAPI):
    """Ninja's API object, with what holds for every operation."""


api = API(
    title="Karani",
    version="1",
    description="Customers and their orders; every new order is a text to its customer.",
    urls_namespace="api",
    parser=StrictParser(),
    docs_url=None,  # project.docs has pages of our own
)
problems.register_handlers(api)
api.add_router("", identity)
api.add_router("", registration.router)
api.add_router("", exports.router)
api.add_router("/customers", customers.router)
api.add_router("/orders", orders.router)
api.add_router("/imports", imports.router)
api.add_router("/messages", messages.router)
