"""What the OpenAPI document says beyond the routers: every operation answers errors as problems."""

from collections.abc import Iterator
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from project.problems import CONTENT_TYPE, Problem

_ALWAYS = {400: "The request is malformed, or a field or filter is wrong"}
_WITH_CREDENTIALS = {
    401: "No credential, or one that is not good",
    403: "The credential or its user may not do this",
}
_WITH_A_PATH_PARAMETER = {404: "Not there, or another's"}
_WHEN_CHANGING_ONE = {409: "The stored state forbids it"}


class DocumentedAPI(NinjaAPI):
    """Describes, beside what its routers declare, the problems that each operation may answer."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        for path, method, operation in _operations(schema):
            for status, meaning in _problems_of(path, method, operation).items():
                operation["responses"].setdefault(str(status), _response(meaning))
        return schema


def _operations(schema: OpenAPISchema) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _problems_of(path: str, method: str, operation: dict[str, Any]) -> dict[int, str]:
    problems = dict(_ALWAYS)
    if operation.get("security"):
        problems |= _WITH_CREDENTIALS
    else:
        problems |= {401: _WITH_CREDENTIALS[401]}  # signing in is refused so, too
    if "{" in path or "by-customer" in path:
        problems |= _WITH_A_PATH_PARAMETER
    if method in {"put", "patch", "delete"}:
        problems |= _WHEN_CHANGING_ONE
    return problems


def _response(meaning: str) -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": meaning, "content": {CONTENT_TYPE: problem}}
