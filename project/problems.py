"""How does the API say no? One table from error to status, rendered as problem+json (RFC 9457)."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any

import ninja.errors
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Schema
from pydantic import Field

from crm.errors import CustomerIsGone, CustomerWasMerged, OrderIsGone, RecordHasChanged, Refusal
from identity.errors import (
    CredentialRefused,
    InsufficientScope,
    MalformedCredential,
    TooManyAttempts,
    try_again_in,
)
from project.request_ids import current_request_id
from sms.errors import MessageCannotBeRetried, PhoneOptedOut, PhoneTakesNoTexts

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
NOT_FOUND = "Not found."
NOT_ALLOWED = "You do not have permission to perform this action."
TOO_LARGE = "The body of the request is too large."
NO_CREDENTIALS = "Authentication credentials were not provided."

# Whose message is meant for the caller, and the status it goes with.
_STATUS_BY_ERROR: dict[type[Exception], int] = {
    CredentialRefused: 401,
    InsufficientScope: 403,
    MalformedCredential: 400,
    CustomerIsGone: 404,
    CustomerWasMerged: 404,
    OrderIsGone: 404,
    Refusal: 409,
    MessageCannotBeRetried: 409,
    PhoneOptedOut: 409,
    PhoneTakesNoTexts: 409,
    RecordHasChanged: 412,
}

# RFC 9110's names, which Python has from 3.13 on.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}

_REALM = 'Bearer realm="Karani"'


class Problem(Schema):
    """A problem, as RFC 9457 has it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The status in words", examples=["Not Found"])
    status: int = Field(description="The HTTP status", ge=400, le=599, examples=[404])
    detail: str = Field(description="What is wrong with this request", examples=["Not found."])
    errors: dict[str, list[str]] = Field(
        default_factory=dict,
        description="The messages of each wrong field, where fields are wrong. In a request with "
        "many rows the names are `3.amount`, with rows counted from 0",
        examples=[{"amount": ["Ensure that there are no more than 2 decimal places."]}],
    )
    request_id: str = Field(
        description="As in the header X-Request-ID",
        examples=["01a0c3f1-d3b2-7c04-8a1e-5d3f60c2e9b7"],
    )


def problem_response(
    status: int, detail: str, errors: dict[str, list[str]] | None = None
) -> HttpResponse:
    """One answer of the 4xx and 5xx kind."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    body["request_id"] = current_request_id()
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE)


def fields_response(errors: dict[str, list[str]]) -> HttpResponse:
    """400, with what is wrong with each field."""
    noun = "field" if len(errors) == 1 else "fields"
    return problem_response(400, f"The request has {len(errors)} invalid {noun}.", errors)


def too_many_response(detail: str, wait: int) -> HttpResponse:
    """429, with the whole seconds after which to come again (RFC 9110, section 10.2.3)."""
    response = problem_response(429, detail)
    response["Retry-After"] = str(wait)
    return response


def register_handlers(api: NinjaAPI) -> None:  # noqa: C901  # a table: one short handler each
    """Make the API answer every error with a problem."""

    def on(*kinds: type[Exception]) -> Callable[[Callable[..., HttpResponse]], None]:
        def register(handler: Callable[..., HttpResponse]) -> None:
            for kind in kinds:
                api.add_exception_handler(kind, handler)

        return register

    @on(*_STATUS_BY_ERROR)
    def tell(request: HttpRequest, error: Exception) -> HttpResponse:
        status = next(code for kind, code in _STATUS_BY_ERROR.items() if isinstance(error, kind))
        response = problem_response(status, str(error))
        if challenge := _challenge(error):
            response["WWW-Authenticate"] = challenge
        return response

    @on(ninja.errors.AuthenticationError)
    def no_credentials(request: HttpRequest, error: Exception) -> HttpResponse:
        response = problem_response(401, NO_CREDENTIALS)
        response["WWW-Authenticate"] = _REALM  # no error code: RFC 6750, section 3.1
        return response

    @on(PermissionDenied)
    def not_allowed(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem_response(403, NOT_ALLOWED)

    @on(Http404)
    def not_found(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem_response(404, NOT_FOUND)

    @on(RequestDataTooBig, TooManyFilesSent)
    def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem_response(413, TOO_LARGE)

    @on(TooManyFieldsSent)
    def too_many_parameters(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem_response(400, "The request has too many parameters.")

    @on(MultiPartParserError)
    def unreadable_form(request: HttpRequest, error: Exception) -> HttpResponse:
        return problem_response(400, f"The form cannot be read: {error}")

    @on(ValidationError)
    def refused_by_model(request: HttpRequest, error: ValidationError) -> HttpResponse:
        if hasattr(error, "error_dict"):
            return fields_response(error.message_dict)
        return problem_response(400, " ".join(error.messages))

    @on(ninja.errors.ValidationError)
    def refused_by_schema(
        request: HttpRequest, error: ninja.errors.ValidationError
    ) -> HttpResponse:
        return _schema_response(error.errors)

    @on(ninja.errors.HttpError)
    def as_it_says(request: HttpRequest, error: ninja.errors.HttpError) -> HttpResponse:
        # Ninja wraps what our parser says of a body in words of its own.
        cause = error.__cause__
        told = cause if isinstance(cause, ninja.errors.HttpError) else error
        return problem_response(told.status_code, told.message)

    @on(ninja.errors.Throttled)
    def too_many_requests(request: HttpRequest, error: ninja.errors.Throttled) -> HttpResponse:
        wait = error.wait or 1
        return too_many_response(f"Too many requests. {try_again_in(wait)}", wait)

    @on(TooManyAttempts)
    def too_many_attempts(request: HttpRequest, error: TooManyAttempts) -> HttpResponse:
        return too_many_response(str(error), error.wait)

    @on(Exception)
    def fault_of_ours(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("%s %s failed.", request.method, request.path, exc_info=error)
        return problem_response(
            500, "Something went wrong on our side. The request_id finds it in our log."
        )


def _challenge(error: Exception) -> str:
    """What the WWW-Authenticate header says (RFC 6750, section 3)."""
    if isinstance(error, InsufficientScope):
        return f'{_REALM}, error="insufficient_scope", scope="{error.scope}"'
    if isinstance(error, MalformedCredential):
        return f'{_REALM}, error="invalid_request"'
    if isinstance(error, CredentialRefused):
        known = f', error="{error.error}", error_description="{error}"' if error.error else ""
        return _REALM + known
    return ""


def _schema_response(problems: Iterable[dict[str, Any]]) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for problem in problems:
        if problem["type"] == "bad_date":
            return problem_response(400, problem["msg"])
        fields.setdefault(_field_name(problem["loc"]), []).extend(_messages(problem))
    return fields_response(fields)


def _field_name(location: Sequence[str | int]) -> str:
    """The caller's name for ``("body", "body", "amount")`` or ``("query", "filters", "status")``,
    and ``3.amount`` for ``("body", "body", 3, "amount")``.

    The first word says where it came from; "body" and "filters" after it are our own variables.
    """
    parts = [part for part in location[1:] if part not in {"body", "filters"}]
    if parts and isinstance(parts[0], int):  # one row of many
        return ".".join(str(part) for part in parts[:2])
    return str(parts[0]) if parts else str(location[-1])


def _messages(problem: dict[str, Any]) -> list[str]:
    if problem["type"] == "missing":
        return ["This field is required."]
    messages = (problem.get("ctx") or {}).get("messages")
    return list(messages) if messages else [problem["msg"]]


class ProblemsMiddleware:
    """Under ``/api/``, turns what Django itself answers (405, 413, ...) into a problem too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_bare = response.status_code >= 400 and response["Content-Type"] != CONTENT_TYPE
        if is_bare and request.path.startswith("/api/"):
            # In place: the other headers (Allow, those of security) hold for the problem as well.
            problem = problem_response(response.status_code, _detail_of(request, response))
            response.content = problem.content
            response["Content-Type"] = CONTENT_TYPE
            response["Content-Length"] = str(len(response.content))  # Django had counted its own
        return response


def _detail_of(request: HttpRequest, response: HttpResponse) -> str:
    if response.status_code == 405:
        return f"The method {request.method} is not allowed here. Use: {response['Allow']}."
    told = {400: "The request is malformed.", 403: NOT_ALLOWED, 404: NOT_FOUND, 413: TOO_LARGE}
    return told.get(response.status_code) or HTTPStatus(response.status_code).description


@csrf_exempt  # what is not there says so to everybody
def api_not_found(request: HttpRequest) -> HttpResponse:
    """Every path under ``/api/`` that is no operation."""
    return problem_response(404, NOT_FOUND)
