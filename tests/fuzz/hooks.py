"""What the OpenAPI document cannot tell schemathesis: which values must be new, what is in a sheet,
and why a request of the right form may be refused."""

import os
import re
from collections.abc import Mapping, MutableMapping
from copy import deepcopy
from itertools import count
from random import Random
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import REQUEST_SHAPE_PROBES

from tests.fuzz.sheets import sheet

AnyCase = Case[Any]
MOST = 0.8
MOST_ROWS = 20
NEW_IN = {
    "create_customer": ("code", "phone_number"),
    "replace_customer": ("code", "phone_number"),
    "update_customer": ("code", "phone_number"),
    "register_account": ("username", "email", "phone_number"),
}

# Of these a request names one.
ONE_OF = {
    "create_order": {"customer_code", "customer_id"},
    "create_orders": {"customer_code", "customer_id"},
    "send_message": {"customer_id", "phone_number"},
}

# Each is a 400 or a 422 to a request whose form is right.
REASONS = [
    re.compile(reason)
    for reason in (
        # As the rows are.
        r".*: (Customer|User) with this [a-z ]+ already exists\.",
        r".*: Invalid customer (code|id)\.",
        r".*customer_code: This field is required\.",  # of staff, who have no orders of their own
        r": This Idempotency-Key was used with another request\. .*",
        # What no pattern tells.
        r"cursor: This (is not a cursor|cursor belongs to a list) .*",
        r"email: Enter a valid email address\.",
        r"phone_number: Enter a valid phone number .*",
        r"password: (This|The) password is .*",
        r"region: Enter the two-letter code of a country, such as KE\.",
        r".*: Enter a time between the years 1900 and 2200\.",
        r".*: Enter a time with its offset from UTC, .*",  # a leap second, or the year 0
        r"body: Give either a customer_id or a phone_number\.",
        r"file: .*",
        r": Null characters are not allowed\.",
        r": Invalid HTTP Header: .*",  # a control character in it
    )
]

_number = count(1)
_used: set[str] = set()


@schemathesis.hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
    """Let most requests get past what rows say, so that they come to the operation itself."""
    operation = case.operation.definition.raw["operationId"]
    # By chance, and yet the same for the same case, which may be sent again to find a smaller one.
    random = Random(f"{os.environ['FUZZ_SEED']} {operation} {case.query} {case.body!r}")
    _adjust_headers(case.headers, random)
    if not _is_wrong(case, ParameterLocation.QUERY) and random.random() < MOST:
        case.query = {name: value for name, value in case.query.items() if name != "cursor"}
    if _is_wrong(case, ParameterLocation.BODY):
        return
    body: Any = deepcopy(case.body)
    if isinstance(body, list):
        del body[MOST_ROWS:]  # each is a text; that 1,000 are taken is tested elsewhere
    for row in body if isinstance(body, list) else [body]:
        if isinstance(row, dict):
            _adjust_row(operation, row, random)
    if body != case.body:  # what is assigned is looked at again, and a file taken for wrong
        case.body = body
    if operation == "create_import" and isinstance(body, dict) and "file" in body:
        fields = {name: (None, str(value)) for name, value in body.items()}
        kwargs["files"] = fields | {"file": sheet(random)}


def _is_wrong(case: AnyCase, location: ParameterLocation | None = None) -> bool:
    """Was the case made to be wrong, in this part of the request or in any?"""
    if case.meta is None:
        return True
    return case.meta.is_negative_at(location) if location else case.meta.generation.mode.is_negative


def _adjust_headers(headers: MutableMapping[str, str], random: Random) -> None:
    for name in list(headers):  # what the HTTP client will not send, it calls an error
        text = headers[name].encode("latin-1", "replace").decode("latin-1")
        headers[name] = re.sub(r"[\r\n]", " ", text).strip()
    if key := headers.get("Idempotency-Key"):
        headers["Idempotency-Key"] = f"{next(_number)}-{key}"[:255] if key in _used else key
        _used.add(key)
    if "If-Match" in headers and random.random() < MOST:
        headers["If-Match"] = "*"


def _adjust_row(operation: str, row: dict[str, Any], random: Random) -> None:
    named = sorted(ONE_OF.get(operation, set()) & set(row))
    for name in random.sample(named, len(named))[1:]:
        del row[name]
    for name in NEW_IN.get(operation, ()):
        if isinstance(row.get(name), str) and random.random() < MOST:
            row[name] = _new(name, row[name])


def _new(name: str, value: str) -> str:
    if name == "phone_number":
        return f"+25471{next(_number):07d}"
    if name == "email":
        return f"{next(_number)}@example.com"
    return f"{value[:40]}{next(_number)}"


@schemathesis.check
def refused_for_a_reason(context: CheckContext, response: Response, case: AnyCase) -> None:
    """A refusal of what the document allows has one of the reasons above."""
    if _is_wrong(case) or response.status_code not in {400, 422}:
        return
    assert case.meta is not None
    if getattr(case.meta.phase.data, "scenario", None) in REQUEST_SHAPE_PROBES:
        return
    problem = response.json()
    errors: Mapping[str, list[str]] = problem.get("errors") or {"": [problem["detail"]]}
    for name, messages in errors.items():
        for message in messages:
            said = f"{name}: {message}"
            assert any(reason.fullmatch(said) for reason in REASONS), said
