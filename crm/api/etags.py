"""Which version of a record is this? An ETag on each, and ``If-Match`` against lost updates
(RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from ninja import Schema, Status
from ninja.decorators import decorate_view
from ninja.operation import Operation
from ninja.utils import contribute_operation_callback
from pydantic_core import to_json

from crm.errors import RecordHasChanged

_VERSION_LENGTH = 16  # hexadecimal digits: 64 bits, for telling versions of one record apart


class EntityTags:
    """The ETags of one kind of record.

    A tag is ``"<version>-<rest>"``. The version covers what a request can change; the rest covers
    what follows from elsewhere, such as the state of an order's text. ``If-None-Match`` compares
    all of it, ``If-Match`` only the version: nobody overwrites what they cannot write, and a text
    that is delivered meanwhile must not fail the change of its order.
    """

    MARKER: ClassVar = {"x-etag": True}  # tells the OpenAPI document of it

    def __init__(self, schema: type[Schema], *, derived: Collection[str] = ()) -> None:
        self.schema, self.derived = schema, set(derived)

    def of(self, row: object) -> str:
        """The tag of a record as it would be represented now."""
        representation = self.schema.from_orm(row)
        version = representation.model_dump(exclude=self.derived)
        rest = representation.model_dump(include=self.derived)
        return f'"{_digest(version)}-{_digest(rest)}"'

    def require_match(self, request: HttpRequest, row: object) -> None:
        """Refuse to change a record of which the caller has seen another version.

        Call it with the row locked, in the transaction of the change: of two who have seen the same
        version, one wins.

        :raises RecordHasChanged: there is an ``If-Match``, and it does not name this version.
        """
        wanted = request.headers.get("If-Match")
        if wanted is None or wanted.strip() == "*":
            return
        version = self.of(row).partition("-")[0]
        # A weak tag never matches here (RFC 9110, section 13.1.1).
        if not any(each.strip().partition("-")[0] == version for each in wanted.split(",")):
            raise RecordHasChanged

    def on(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Decorates an operation that answers with one such record."""

        @wraps(view)
        def tagged(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            result = view(request, *args, **kwargs)
            request.etag = self.of(result.value if isinstance(result, Status) else result)  # type: ignore[attr-defined]  # for `_with_header`
            return result

        contribute_operation_callback(tagged, _mark)
        return decorate_view(_with_header)(tagged)


def _mark(operation: Operation) -> None:
    operation.openapi_extra = {**(operation.openapi_extra or {}), **EntityTags.MARKER}


def _with_header(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(run)
    def with_header(request: HttpRequest, **path: Any) -> HttpResponse:
        response = run(request, **path)
        etag: str | None = getattr(request, "etag", None)
        if etag is None or response.status_code >= 300:
            return response
        response["ETag"] = etag
        if request.method in {"GET", "HEAD"}:
            return get_conditional_response(request, etag, response=response) or response
        return response

    return with_header


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(values)).hexdigest()[:_VERSION_LENGTH] if values else "0"
