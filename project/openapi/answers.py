"""What may an operation answer, beside what its router declares?"""

import re
from collections.abc import Iterable
from typing import Any

from ninja.operation import Operation

from project import idempotency, request_ids
from project.openapi.security import is_restricted
from project.openapi.shared import NAMES, PROBLEMS, headers_named, problem_response

Part = dict[str, Any]


def statuses_of(operation: Operation, method: str, details: Part, *, has_scopes: bool) -> list[int]:
    """The 4xx that follow from what the operation is."""
    has_credentials = bool(operation.auth_callbacks)
    is_unsafe = method.upper() in idempotency.UNSAFE_METHODS
    names_record = "{" in operation.path or "by-customer" in operation.path
    body = details.get("requestBody", {}).get("content", {})
    can_come = {
        400: True,  # any operation may be sent a parameter that it does not know
        401: has_credentials or "/token/" in operation.path,
        # A session may miss its CSRF token; which record it is may decide.
        403: has_credentials
        and (is_unsafe or names_record or has_scopes or is_restricted(operation)),
        404: names_record,
        409: takes_key(operation, method),
        413: bool(body),
        414: any(each.get("in") == "query" for each in details["parameters"]),
        415: "application/json" in body,
        422: takes_key(operation, method),
        429: bool(operation.throttle_objects),
    }
    return [status for status, can in can_come.items() if can]


def takes_key(operation: Operation, method: str) -> bool:
    """Operations without a credential answer secrets, which are not stored for a replay."""
    return method.upper() in idempotency.UNSAFE_METHODS and bool(operation.auth_callbacks)


def answer(details: Part, statuses: Iterable[int]) -> None:
    """Let the operation answer these, beside what it says itself, which is completed."""
    told: dict[str, Part] = {}
    for status, response in details["responses"].items():  # an extra may say 409 for "409"
        told[str(status)] = told.get(str(status), {}) | response
    for status in statuses:
        reference = f"#/components/responses/{NAMES[status]}"
        told.setdefault(str(status), {"$ref": reference})
    for status, response in told.items():
        if "$ref" in response:
            continue
        with_headers(response, request_ids.HEADER)
        if int(status) in PROBLEMS:
            whole = problem_response(int(status))
            headers = whole["headers"] | response["headers"]
            told[status] = whole | response | {"headers": headers, "content": whole["content"]}
    details["responses"] = dict(sorted(told.items()))


def link_records(paths: Part) -> None:
    """Tell what may be done next with a record just made: whatever takes its id in the path."""
    by_parameter: dict[str, list[str]] = {}
    for path, methods in paths.items():
        for parameter in re.findall(r"{(\w+)}", path):
            by_parameter.setdefault(parameter, []).extend(
                operation["operationId"] for operation in methods.values()
            )
    made = (
        one
        for methods in paths.values()
        for one in methods.get("post", {}).get("responses", {}).values()
    )
    for response in made:
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        name = f"{schema.get('$ref', '').rpartition('/')[2].lower()}_id"
        if links := by_parameter.get(name):
            response["links"] = {
                each: {"operationId": each, "parameters": {name: "$response.body#/id"}}
                for each in links
            }


def with_headers(response: Part, *names: str) -> None:
    response["headers"] = headers_named(*names) | response.get("headers", {})


def take(details: Part, parameter: str) -> None:
    """Let the operation take one of the shared parameters."""
    details["parameters"].append({"$ref": f"#/components/parameters/{parameter}"})


def tell_of_keys(details: Part) -> None:
    """The operation takes an Idempotency-Key; what it answers may be a replay."""
    take(details, "IdempotencyKey")
    for status, response in details["responses"].items():
        if status < "300":
            with_headers(response, idempotency.REPLAYED)


def tell_of_versions(details: Part, method: str) -> None:
    """The operation is about one record, whose versions are told apart by ETags."""
    responses = details["responses"]
    if method == "get":
        take(details, "IfNoneMatch")
        responses["304"] = {"description": "The version you have is the newest"}
    for status in {"200", "201", "304"} & set(responses):
        with_headers(responses[status], "ETag")
    is_change = method in {"put", "patch", "delete"}
    if is_change:
        take(details, "IfMatch")
    answer(details, [412] if is_change else [])
