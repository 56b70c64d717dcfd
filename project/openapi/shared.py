"""The parts of the document that operations share: headers, parameters, and each problem."""

from typing import Any, NamedTuple

from project import idempotency, request_ids
from project.problems import (
    CONTENT_TYPE,
    NO_CREDENTIALS,
    NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
)

Part = dict[str, Any]

REQUEST_ID = "01a0c3f1-d3b2-7c04-8a1e-5d3f60c2e9b7"
_VISIBLE = "^[!-~]([ -~]*[!-~])?$"  # ASCII, with no space at its ends
_ETAG = '"5b1f0a94c3d27e68-4d0c2ab1e7f83596"'

_HEADERS: dict[str, Part] = {
    request_ids.HEADER: {
        "description": "Finds the request in the log; yours, where you sent a well-formed one",
        "required": True,
        "schema": {"type": "string"},
        "example": REQUEST_ID,
    },
    "ETag": {
        "description": "The version of the record, for `If-Match` and `If-None-Match`",
        "required": True,
        "schema": {"type": "string"},
        "example": _ETAG,
    },
    idempotency.REPLAYED: {
        "description": (
            f"The answer is that of the first request with this `{idempotency.HEADER}`"
        ),
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next request",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 30,
    },
    "WWW-Authenticate": {
        "description": "How to authenticate, and what was wrong (RFC 6750, section 3)",
        "required": True,
        "schema": {"type": "string"},
        "example": 'Bearer realm="Karani"',
    },
}

# None has an example: pages that try things out would send it, and it fits no request but one.
_PARAMETERS: dict[str, Part] = {
    "IdempotencyKey": {
        "name": idempotency.HEADER,
        "in": "header",
        "required": False,
        "description": (
            "Makes it safe to send the request again when no answer came. Choose a new key for "
            "each request, such as a UUID, and send the same request with the same key: it is done "
            "once, and answered the same each time. A key is kept for 24 hours, for you and your "
            "app."
        ),
        # It may stand in quotes, too, as the draft of the header has it.
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": idempotency.MAX_KEY_LENGTH,
            "pattern": "^[!#-~][!-~]*$",
        },
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": (
            "The `ETag` of the version you have seen. Where the record has changed since, nothing "
            "is done, and the answer is 412."
        ),
        "schema": {"type": "string", "pattern": _VISIBLE},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": (
            "The `ETag` of the version you have. Where it is still the newest, the answer is 304, "
            "without the record."
        ),
        "schema": {"type": "string"},  # one that is no list of ETags counts for none
    },
}


class _Problem(NamedTuple):
    title: str  # RFC 9110's
    description: str
    detail: str
    headers: tuple[str, ...] = ()
    errors: dict[str, list[str]] | None = None

    @property
    def name(self) -> str:
        return self.title.replace(" ", "")


PROBLEMS = {
    400: _Problem(
        "Bad Request",
        "The request is malformed, or a field or a parameter is wrong. `errors` names each",
        "The request has 2 invalid fields.",
        (idempotency.REPLAYED,),
        {
            "code": ["Customer with this code already exists."],
            "amount": ["Ensure that there are no more than 2 decimal places."],
        },
    ),
    401: _Problem(
        "Unauthorized",
        "No credential, or one that is not good",
        NO_CREDENTIALS,
        ("WWW-Authenticate",),
    ),
    403: _Problem("Forbidden", "The credential or its user may not do this", NOT_ALLOWED),
    404: _Problem("Not Found", "Not there, or another's", NOT_FOUND, (idempotency.REPLAYED,)),
    409: _Problem(
        "Conflict",
        "The stored state forbids it. Or: the first request with this Idempotency-Key is still "
        "being worked on",
        "A COMPLETED order is final.",
        (idempotency.REPLAYED,),
    ),
    412: _Problem(
        "Precondition Failed",
        "The record is not in the version that `If-Match` names",
        "The record has changed since you read it. Read it again, then decide.",
    ),
    413: _Problem("Content Too Large", "The body is too large", TOO_LARGE),
    414: _Problem(
        "URI Too Long",
        "The address, with its query, is too long",
        "Request Line is too large (8210 > 8190)",
    ),
    415: _Problem(
        "Unsupported Media Type",
        "The body is of another media type",
        "Send JSON, with Content-Type: application/json.",
    ),
    422: _Problem(
        "Unprocessable Content",
        "This Idempotency-Key was used with another request",
        "This Idempotency-Key was used with another request. Send a new one with a new key.",
    ),
    429: _Problem(
        "Too Many Requests",
        "Too many requests, or attempts at a password",
        "Too many requests. Try again in 30 seconds.",
        ("Retry-After",),
    ),
}


def headers_named(*names: str) -> Part:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_response(status: int) -> Part:
    problem = PROBLEMS[status]
    example: Part = {
        "type": "about:blank",
        "title": problem.title,
        "status": status,
        "detail": problem.detail,
    }
    if problem.errors:
        example["errors"] = problem.errors
    example["request_id"] = REQUEST_ID
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": problem.description,
        "headers": headers_named(request_ids.HEADER, *problem.headers),
        "content": {CONTENT_TYPE: {"schema": schema, "example": example}},
    }


NAMES = {status: each.name for status, each in PROBLEMS.items()}
COMPONENTS: dict[str, dict[str, Part]] = {
    "headers": _HEADERS,
    "parameters": _PARAMETERS,
    "responses": {each.name: problem_response(status) for status, each in PROBLEMS.items()},
}
