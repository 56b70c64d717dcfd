"""The parts of the document that others refer to: their names, and which are used."""

import re
from collections.abc import Iterator
from typing import Any

Part = dict[str, Any]

SCHEMA_REF = "#/components/schemas/"
_DATA = {"default", "enum", "example", "examples"}  # what stands there is no part of the document
_READS_AS = [
    (re.compile(r"Paged(\w+?)(Out)?"), r"\1Page"),
    (re.compile(r"(\w+)Out"), r"\1"),
    (re.compile(r"(\w+)In"), r"New\1"),
]


def component_name(class_name: str, title: str) -> str:
    """What a class is called in the document: the title it was given, else its name, readable."""
    if title != class_name:
        return title
    for pattern, readable in _READS_AS:
        if found := pattern.fullmatch(class_name):
            return found.expand(readable)
    return class_name


def references(part: Any) -> Iterator[str]:
    """Each ``$ref`` in this part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = [value for key, value in part.items() if key not in _DATA]
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def polished(part: Any, names: dict[str, str]) -> Any:
    """The part with each reference by its new name, in Markdown, and without pydantic's noise."""
    if isinstance(part, list):
        return [polished(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: value if key in _DATA else polished(value, names) for key, value in part.items()}
    if isinstance(reference := made.get("$ref"), str) and reference.startswith(SCHEMA_REF):
        made["$ref"] = SCHEMA_REF + names[reference.removeprefix(SCHEMA_REF)]
    if isinstance(text := made.get("description"), str):
        # Our docstrings are wrapped, and some are written for Sphinx.
        made["description"] = re.sub(r"(?<!\n)\n(?![\n-])", " ", text).replace("``", "`")
    if isinstance(made.get("title"), str) and made.keys() & {"type", "anyOf", "$ref"}:
        del made["title"]  # a name once more, with other capitals
    return made


def used_components(paths: Part, components: dict[str, dict[str, Part]]) -> dict[str, Part]:
    """Those that are referred to from the paths, and from one another."""
    used: set[str] = set()
    found = list(references(paths))
    while found:
        reference = found.pop()
        if reference not in used:
            used.add(reference)
            kind, name = reference.split("/")[2:]
            found += references(components[kind][name])
    return {
        kind: {name: parts[name] for name in sorted(parts) if f"#/components/{kind}/{name}" in used}
        for kind, parts in components.items()
    }
