"""How do our types read in the document? As a person would have written their JSON Schema."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ninja.schema import NinjaGenerateJsonSchema
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import core_schema

from project.openapi.components import SCHEMA_REF

Schema = dict[str, Any]
Field = tuple[str, Schema, bool]  # its name, what it is, whether it must be there

_LABELS = "x-labels"


class _Generator(NinjaGenerateJsonSchema):
    """JSON Schema with no titles made of names; every field of an answer is always there."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        made: Schema = super().default_schema(schema)
        if self.mode == "serialization":
            made.pop("default", None)
        # Ninja wraps a reference that has a default; in 3.1 the two may stand side by side.
        for wrapped in made.pop("allOf", []):
            made |= wrapped
        return made

    def enum_schema(self, schema: core_schema.EnumSchema) -> Schema:
        made: Schema = super().enum_schema(schema)
        labels = {choice.value: str(getattr(choice, "label", "")) for choice in schema["members"]}
        if any(label and label.lower() != value.lower() for value, label in labels.items()):
            told = (f"`{value}`: {label}" for value, label in labels.items())
            made[_LABELS] = "; ".join(told)
        return made


def schema_of(
    model: type[BaseModel], mode: JsonSchemaMode = "validation", *, by_alias: bool = True
) -> tuple[Schema, dict[str, Schema]]:
    """The JSON Schema of a model, and of what it refers to, by the names of their classes."""
    schema = model.model_json_schema(
        by_alias=by_alias,
        ref_template=f"{SCHEMA_REF}{{model}}",
        schema_generator=_Generator,
        mode=mode,
    )
    return schema, schema.pop("$defs", {})


def fields_of(schema: Schema, definitions: dict[str, Schema]) -> Iterator[Field]:
    """The fields of a form or a query; those of a schema in it stand beside them."""
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        inner = definitions.get(field.get("$ref", "").removeprefix(SCHEMA_REF), {})
        if "properties" in inner:
            yield from fields_of(inner, definitions)
        else:
            yield name, field, name in required


def form_of(fields: list[Field]) -> Schema:
    required = [name for name, _, is_required in fields if is_required]
    schema = {"type": "object", "properties": {name: field for name, field, _ in fields}}
    return schema | ({"required": required} if required else {})


def parameter_of(source: str, field: Field) -> Schema:
    name, schema, is_required = field
    # What may be left out is null to Python, but no query has a null.
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    schema = rest | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})
    if schema.get("default") in ("", []):
        del schema["default"]
    told = {"description": schema.pop("description")} if "description" in schema else {}
    return {"name": name, "in": source, "required": is_required, **told, "schema": schema}


def ordering_of(schema: Schema) -> Schema:
    """The orderings of a list, with names for generated code: a "-" is none."""
    names = [re.sub(r"^-(.*)", r"\1_descending", choice).upper() for choice in schema["enum"]]
    return {"type": "string", "enum": schema["enum"], "x-enum-varnames": names}


def speak_to_callers(schema: Schema) -> None:
    """The docstring of an enum speaks to programmers; its labels speak, where they tell more."""
    if "enum" in schema:
        schema.pop("description", None)
        if labels := schema.pop(_LABELS, None):
            schema["description"] = labels


def tell_defaults_in_words(schema: Schema) -> None:
    """Generators make a field with a default one that must be sent: it is said, not declared."""
    for field in schema.get("properties", {}).values():
        if "default" in field:
            default = field.pop("default")
            left_out = f"Left out: `{json.dumps(default)}`" if default != "" else "Left out: empty"
            told = field.get("description", "").rstrip(".")
            field["description"] = f"{told}. {left_out}" if told else left_out
