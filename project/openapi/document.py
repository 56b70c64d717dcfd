"""The whole document: every operation, with what holds for all of them."""

import re
from typing import Any

from django.conf import settings
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic.json_schema import JsonSchemaMode

from project.openapi import answers
from project.openapi.components import SCHEMA_REF, component_name, polished, used_components
from project.openapi.examples import add_examples
from project.openapi.schemas import (
    Field,
    fields_of,
    form_of,
    ordering_of,
    parameter_of,
    schema_of,
    speak_to_callers,
    tell_defaults_in_words,
)
from project.openapi.security import security_of, security_schemes
from project.openapi.shared import COMPONENTS
from project.problems import Problem
from project.strictness import StrictAPI

Part = dict[str, Any]

TAGS = {
    "customers": "Those who buy, each with the phone that is texted. A user without a staff role "
    "sees their own record only.",
    "orders": "What customers ordered. Placing one texts its customer.",
    "messages": "The texts to customers, and what became of each.",
    "imports": "Sheets of customers or orders, taken in row by row.",
    "identity": "Signing up and in, and who one is.",
}

_CONVENTIONS = """\
**Errors** are `application/problem+json` (RFC 9457), the schema `Problem`, on every 4xx and 5xx. \
Every wrong field is named at once; fields and parameters that are not known are wrong.

**Money** is a decimal string with two places, such as `"1299.99"`; a request may send a number as \
well. **Times** are ISO 8601, answered in UTC. **Identifiers** are UUIDs.

**Lists** come in pages, newest first: follow `next` until it is null. Rows that are added or \
removed meanwhile are neither repeated nor skipped.

**Sending again** is safe with an `Idempotency-Key`. **Lost updates** are avoided by sending the \
`ETag` of a record as `If-Match`.

Quote the `X-Request-ID` of an answer when you ask about it."""

_FIRST = ("tags", "summary", "description", "operationId", "parameters", "requestBody")
_PARAMETER_SOURCES = {"path", "query", "header", "cookie"}


class DocumentedAPI(StrictAPI):
    """Describes, beside what its routers declare, all that holds for every operation."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: Part | None = None
    ) -> OpenAPISchema:
        if path_prefix is None:
            path_prefix = self.get_root_path(path_params or {})
        return Document(self, path_prefix)


class Document(OpenAPISchema):
    """Ninja's document with our components, and each operation as ``project.openapi`` tells."""

    def __init__(self, api: DocumentedAPI, path_prefix: str) -> None:
        self.names: dict[str, str] = {}  # of components, by those of their classes
        super().__init__(api, path_prefix)
        problem, _ = schema_of(Problem)
        self.add_schema_definitions({"Problem": problem})
        paths, schemas = (polished(part, self.names) for part in (self["paths"], self.schemas))
        operations = [one for path in paths.values() for one in path.values()]
        for schema in schemas.values():
            tell_defaults_in_words(schema)
        for operation in operations:
            for media in operation.get("requestBody", {}).get("content", {}).values():
                tell_defaults_in_words(media["schema"])
            add_examples(operation, schemas)
        answers.link_records(paths)
        self.update(
            info=self["info"]
            | {
                "description": f"{api.description}\n\n{_CONVENTIONS}",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            servers=[{"url": settings.PUBLIC_URL}],
            tags=_used_tags(operations),
            paths=paths,
            components=used_components(paths, COMPONENTS | {"schemas": schemas})
            | {"securitySchemes": security_schemes()},
        )

    def methods(self, operations: list[Operation]) -> Part:
        """The operations of one path."""
        made = {
            method.lower(): self._described(operation, method.lower())
            for operation in operations
            if operation.include_in_schema
            for method in operation.methods
        }
        has_versions = "x-etag" in made.get("get", {})
        for method, details in made.items():
            if details.pop("x-etag", False) or (has_versions and method == "delete"):
                answers.tell_of_versions(details, method)
        return made

    def _described(self, operation: Operation, method: str) -> Part:
        details = self.operation_details(operation)
        scopes = details.pop("x-scopes", [])
        statuses = answers.statuses_of(operation, method, details, has_scopes=bool(scopes))
        answers.answer(details, [*statuses, *details.pop("x-problems", [])])
        if answers.takes_key(operation, method):
            answers.tell_of_keys(details)
        self._share_ordering(details)
        made = details | _summary_and_description(operation)
        told = {name: part for name, part in made.items() if part}
        told["security"] = security_of(operation, scopes)
        return {name: told[name] for name in (*_FIRST, *told) if name in told}

    def _share_ordering(self, details: Part) -> None:
        """What the lists of one kind are sorted by is one component, and not one for each list."""
        for parameter in details["parameters"]:
            schema = parameter.get("schema", {})
            if parameter.get("name") == "ordering" and "enum" in schema:
                page = details["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
                name = re.sub("Page$", "Ordering", self.names[page.rpartition("/")[2]])
                self.add_schema_definitions({name: ordering_of(schema)})
                default = {"default": schema["default"]} if "default" in schema else {}
                parameter["schema"] = {"$ref": SCHEMA_REF + name} | default

    # --- What Ninja asks for ---------------------------------------------------------------------

    def operation_parameters(self, operation: Operation) -> list[Part]:
        return [
            parameter_of(model.__ninja_param_source__, field)
            for model in operation.models
            if model.__ninja_param_source__ in _PARAMETER_SOURCES
            for field in self._fields(model)
        ]

    def operation_security(self, operation: Operation) -> None:
        """Nothing: its own would name the schemes by our classes."""

    def add_schema_definitions(self, definitions: dict[str, Part]) -> None:
        """
        :raises ValueError: two classes would be one component.
        """
        for class_name, schema in definitions.items():
            title = schema.pop("title", class_name)
            speak_to_callers(schema)
            name = self.names[class_name] = component_name(class_name, title)
            if self.schemas.setdefault(name, schema) != schema:
                raise ValueError(f"Two different schemas are called {name}: give one a title.")

    def _fields(self, model: Any) -> list[Field]:
        schema, definitions = schema_of(model)
        fields = list(fields_of(schema, definitions))
        self.add_schema_definitions(
            {name: one for name, one in definitions.items() if "properties" not in one}
        )
        return fields

    def _create_schema_from_model(
        self,
        model: Any,
        by_alias: bool = True,
        remove_level: bool = True,
        mode: JsonSchemaMode = "validation",
    ) -> tuple[Part, bool]:
        if hasattr(model, "__ninja_flatten_map__"):
            return form_of(self._fields(model)), True
        schema, definitions = schema_of(model, mode, by_alias=by_alias)
        self.add_schema_definitions(definitions)
        if remove_level and len(schema["properties"]) == 1:
            ((name, field),) = schema["properties"].items()
            return field, name in schema.get("required", [])
        return schema, True


def _used_tags(operations: list[Part]) -> list[Part]:
    used = {tag for operation in operations for tag in operation.get("tags", [])}
    return [{"name": tag, "description": told} for tag, told in TAGS.items() if tag in used]


def _summary_and_description(operation: Operation) -> Part:
    """The docstring's first sentence, and the rest of it without what it says to programmers."""
    text = re.split(r"^\s*:raises ", operation.description or "", flags=re.MULTILINE)[0].strip()
    made_of_name = operation.view_func.__name__.title().replace("_", " ")
    if operation.summary and operation.summary != made_of_name:
        return {"summary": operation.summary, "description": text}
    first, _, rest = re.sub(r"([.?!])(\s+|$)", r"\1\0", text, count=1).partition("\0")
    return {"summary": " ".join(first.split()).rstrip("."), "description": rest.strip()}
