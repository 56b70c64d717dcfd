"""What does a value of a schema look like? Examples of whole bodies, from those of their fields."""

from typing import Any

Part = dict[str, Any]

_MEDIA_TYPES = {"application/json", "multipart/form-data", "application/x-www-form-urlencoded"}
_BY_FORMAT = {
    "binary": "",
    "date": "2026-09-21",
    "date-time": "2026-09-21T12:30:00Z",
    "email": "john.doe@example.com",
    "uri": "https://karani.example.com/",
    "uuid": "01a0c3f1-d140-7b96-a5e8-41d7c02f9b3e",
}
_BY_TYPE = {"boolean": False, "integer": 1, "null": None, "number": 1, "string": "string"}


def add_examples(operation: Part, schemas: dict[str, Part]) -> None:
    """To the body of the operation, and to each answer that has none."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for media_type, media in (item for body in bodies for item in body.get("content", {}).items()):
        if media_type.startswith("text/"):
            media["schema"].pop("format", None)  # in a text, "binary" breaks what is generated
        elif media_type in _MEDIA_TYPES and not {"example", "examples"} & media.keys():
            media["example"] = example_of(media["schema"], schemas)


def example_of(schema: Part, schemas: dict[str, Part]) -> Any:
    """The schema's own example, else one made of the examples of its parts."""
    if "$ref" in schema and "examples" not in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for keyword in ("examples", "enum", "anyOf", "oneOf"):
        if keyword in schema:
            first = schema[keyword][0]
            return first if keyword in {"examples", "enum"} else example_of(first, schemas)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    if "properties" in schema:
        fields = schema["properties"].items()
        return {name: example_of(field, schemas) for name, field in fields}
    for keyword in ("const", "default", "minimum"):
        if keyword in schema:
            return schema[keyword]
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", ""), {}))
