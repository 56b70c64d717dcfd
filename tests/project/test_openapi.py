"""The document that clients are generated from."""

import difflib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from ninja import Form, Router, Schema
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.openapi import GeneratorData
from pydantic import ConfigDict
from pytest_django import Settings

from identity.scopes import SCOPES
from identity.tokens import needs
from project.openapi import DocumentedAPI
from project.openapi.document import TAGS

Part = dict[str, Any]

SNAPSHOT = Path(__file__).with_name("openapi.json")
HOW_TO_ACCEPT = (
    "The API's document has changed. If that is meant, keep the new one with\n"
    "    UPDATE_SNAPSHOT=1 make test ARGS=tests/project/test_openapi.py\n"
    "and commit it with what changed it.\n\n"
)
PROBLEM = "application/problem+json"
OPEN = {"create_token", "refresh_token", "register_account"}


def fetch() -> Part:
    answer = Client().get("/api/openapi.json")
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


@pytest.fixture
def document(settings: Settings) -> Part:
    settings.PUBLIC_URL = "https://karani.example.com"
    return fetch()


def operations(document: Part) -> list[Part]:
    return [one for methods in document["paths"].values() for one in methods.values()]


def resolve(document: Part, part: Part) -> Part:
    """What a reference stands for; anything else is itself."""
    for name in part.get("$ref", "#").split("/")[1:]:
        document = document[name]
    return document if "$ref" in part else part


def answers(document: Part, operation: Part) -> dict[str, Part]:
    return {
        status: resolve(document, response) for status, response in operation["responses"].items()
    }


def parameters(document: Part, operation: Part) -> list[Part]:
    return [resolve(document, each) for each in operation.get("parameters", [])]


def nodes(part: Any, path: str = "#") -> Iterator[tuple[str, Part]]:
    """Every object in the document with its address; examples and such are data, not parts."""
    if isinstance(part, dict):
        yield path, part
        for key, value in part.items():
            if key not in {"example", "examples", "default", "enum"}:
                yield from nodes(value, f"{path}/{key}")
    if isinstance(part, list):
        for number, value in enumerate(part):
            yield from nodes(value, f"{path}/{number}")


def schemas_in(document: Part, part: Any) -> dict[str, Part]:
    """The component schemas that a part refers to, directly or through one another."""
    found: dict[str, Part] = {}
    waiting = [node["$ref"] for _, node in nodes(part) if "$ref" in node]
    while waiting:
        reference = waiting.pop()
        if reference not in found:
            found[reference] = resolve(document, {"$ref": reference})
            waiting += [one["$ref"] for _, one in nodes(found[reference]) if "$ref" in one]
    return {
        name.rpartition("/")[2]: schema
        for name, schema in found.items()
        if name.startswith("#/components/schemas/")
    }


# --- As a whole ---------------------------------------------------------------------------------


def test_the_document_is_the_one_that_was_agreed_on(document: Part) -> None:
    told = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(told)
    agreed = SNAPSHOT.read_text()
    if told != agreed:
        lines = difflib.unified_diff(agreed.splitlines(), told.splitlines(), "agreed", "now", n=2)
        pytest.fail(HOW_TO_ACCEPT + "\n".join(list(lines)[:100]), pytrace=False)


def test_it_is_openapi_3_1(document: Part) -> None:
    assert document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(document).validate()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_says_what_it_is_of_and_where_it_is_served(document: Part) -> None:
    info = document["info"]
    assert (info["title"], info["version"]) == ("Karani", "1")
    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert "Customers and their orders" in info["description"]
    assert document["servers"] == [{"url": "https://karani.example.com"}]
    assert all(path.startswith("/api/") and path.endswith("/") for path in document["paths"])


def test_a_python_client_is_generated_from_all_of_it(document: Part, tmp_path: Path) -> None:
    options: Part = {"file_encoding": "utf-8", "overwrite": True, "output_path": None}
    config = Config.from_sources(ConfigFile(), MetaType.NONE, tmp_path, **options)
    client = GeneratorData.from_dict(document, config=config)
    assert isinstance(client, GeneratorData)
    assert client.errors == []
    collections = client.endpoint_collections_by_tag.values()
    assert [error for each in collections for error in each.parse_errors] == []
    names = {one.name for each in collections for one in each.endpoints}
    assert names == {operation["operationId"] for operation in operations(document)}


def test_every_reference_leads_somewhere_and_every_component_is_used(document: Part) -> None:
    references = {node["$ref"] for _, node in nodes(document) if "$ref" in node}
    components = document["components"]
    assert references == {
        f"#/components/{kind}/{name}"
        for kind in components.keys() - {"securitySchemes"}
        for name in components[kind]
    }


def test_it_is_the_same_each_time(document: Part) -> None:
    assert fetch() == document


# --- Each operation -----------------------------------------------------------------------------


def test_each_operation_has_an_id_a_summary_and_a_tag_that_is_described(document: Part) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", each) for each in ids)
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    for operation in operations(document):
        assert re.fullmatch(r"[A-Z][^\n]{5,100}[^.\s]", operation["summary"]), operation
        assert [tag for tag in operation["tags"] if tag not in described] == [], (
            f"{operation['operationId']}: give its tag a sentence in project.openapi.document.TAGS"
        )
        for text in (operation["summary"], operation.get("description", "")):
            assert not re.search(r":raises|``|\(noqa\)", text)
    assert set(described) <= set(TAGS)


def test_each_operation_names_its_scope_or_is_open(document: Part) -> None:
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {"OAuth2", "Bearer", "Session"}
    for operation in operations(document):
        security = operation["security"]
        if operation["operationId"] in OPEN:
            assert security == []
            continue
        assert security[-2:] == [{"Bearer": []}, {"Session": []}]
        scopes = [scope for each in security[:-2] for scope in each["OAuth2"]]
        assert set(scopes) <= set(SCOPES)
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    assert by_id["create_order"]["security"][0] == {"OAuth2": ["orders:write"]}
    assert by_id["list_customers"]["security"][0] == {"OAuth2": ["customers:read"]}
    assert by_id["read_me"]["security"][0] == {"OAuth2": []}


def test_apps_learn_where_they_get_a_token(document: Part) -> None:
    flows = document["components"]["securitySchemes"]["OAuth2"]["flows"]
    assert flows["authorizationCode"] == {
        "authorizationUrl": "https://karani.example.com/o/authorize/",
        "tokenUrl": "https://karani.example.com/o/token/",
        "refreshUrl": "https://karani.example.com/o/token/",
        "scopes": SCOPES,
    }
    assert flows["clientCredentials"] == {
        "tokenUrl": "https://karani.example.com/o/token/",
        "scopes": SCOPES,
    }


def test_each_operation_tells_of_its_problems(document: Part) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = answers(document, operation)
            is_open = operation["operationId"] in OPEN
            is_unsafe = method != "get"
            expected = {"400", "429"}
            expected |= set() if operation["operationId"] == "register_account" else {"401"}
            expected |= {"404"} if "{" in path or "by-customer" in path else set()
            expected |= {"413", "415"} if "requestBody" in operation else set()
            query = [one for one in parameters(document, operation) if one["in"] == "query"]
            expected |= {"414"} if query else set()
            expected |= {"409", "422"} if is_unsafe and not is_open else set()
            expected |= {"403"} if operation["operationId"] not in {*OPEN, "read_me"} else set()
            takes = {each["name"] for each in parameters(document, operation)}
            expected |= {"412"} if "If-Match" in takes else set()
            assert {code for code in told if code >= "4"} == expected, operation["operationId"]
            assert ("Idempotency-Key" in takes) is (is_unsafe and not is_open)
            assert ("304" in told) is ("If-None-Match" in takes)


def test_every_problem_is_the_same_schema_with_its_own_example(document: Part) -> None:
    for operation in operations(document):
        for status, response in answers(document, operation).items():
            if status >= "4":
                content = response["content"]
                assert list(content) == [PROBLEM]
                assert content[PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content[PROBLEM]["example"]["status"] == int(status)
    problem = document["components"]["schemas"]["Problem"]
    assert set(problem["required"]) == {"type", "title", "status", "detail", "request_id"}
    assert set(problem["properties"]) == {*problem["required"], "errors"}


def test_every_answer_tells_of_its_headers(document: Part) -> None:
    always = {"401": "WWW-Authenticate", "429": "Retry-After", "304": "ETag"}
    for operation in operations(document):
        for status, response in answers(document, operation).items():
            assert "X-Request-ID" in response["headers"], operation["operationId"]
            assert status not in always or always[status] in response["headers"]
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    made = by_id["create_order"]["responses"]["201"]["headers"]
    assert set(made) == {"ETag", "Idempotent-Replayed", "X-Request-ID"}
    assert set(by_id["list_orders"]["responses"]["200"]["headers"]) == {"X-Request-ID"}


@pytest.mark.parametrize("record", ["customer", "order"])
def test_versions_of_a_record_are_told_apart(document: Part, record: str) -> None:
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    takes = {
        verb: {each["name"] for each in parameters(document, by_id[f"{verb}_{record}"])}
        for verb in ("read", "replace", "update", "delete")
    }
    assert "If-None-Match" in takes["read"]
    assert all("If-Match" in takes[verb] for verb in ("replace", "update", "delete"))
    assert "ETag" in by_id[f"replace_{record}"]["responses"]["200"]["headers"]


def test_what_may_be_done_with_a_new_record_is_linked_from_it(document: Part) -> None:
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    links = by_id["create_order"]["responses"]["201"]["links"]
    assert set(links) == {"read_order", "replace_order", "update_order", "delete_order"}
    assert links["read_order"] == {
        "operationId": "read_order",
        "parameters": {"order_id": "$response.body#/id"},
    }


# --- Each schema --------------------------------------------------------------------------------


def test_names_read_well_and_there_are_no_others(document: Part) -> None:
    names = set(document["components"]["schemas"])
    assert {"Customer", "CustomerPage", "NewCustomer", "CustomerPatch", "OrderStatus"} <= names
    odd = re.compile("Paged.*|Paging.*|.*(In|Out|Input|Output)|.*[^A-Za-z].*")
    assert [name for name in names if odd.fullmatch(name)] == []


def test_no_schema_repeats_its_name_or_has_a_default_of_null(document: Part) -> None:
    for path, node in nodes(document):
        is_schema = node.keys() & {"type", "anyOf", "$ref"}
        assert not (is_schema and isinstance(node.get("title"), str)), path
        assert "default" not in node or node["default"] is not None, path
        assert "nullable" not in node, path
        assert "allOf" not in node, path


def test_states_are_shared_between_what_is_sent_and_what_is_answered(document: Part) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["OrderStatus"]["enum"] == ["PENDING", "PROCESSING", "COMPLETED", "CANCELLED"]
    status = {"$ref": "#/components/schemas/OrderStatus"}
    assert schemas["Order"]["properties"]["status"] == status
    assert schemas["OrderPatch"]["properties"]["status"]["$ref"] == status["$ref"]
    by_id = {operation["operationId"]: operation for operation in operations(document)}
    filters = {each["name"]: each["schema"] for each in by_id["list_orders"]["parameters"]}
    assert filters["status"] == {"type": "array", "items": status}
    assert filters["ordering"]["$ref"] == "#/components/schemas/OrderOrdering"
    assert [path for path, node in nodes(document) if "enum" in node and "/anyOf" in path] == []


def test_every_field_of_an_answer_is_always_there(document: Part) -> None:
    for operation in operations(document):
        done = {code: one for code, one in operation["responses"].items() if code < "3"}
        for name, schema in schemas_in(document, done).items():
            assert set(schema.get("required", [])) == set(schema.get("properties", {})), name
    schemas = document["components"]["schemas"]
    order = schemas["Order"]["properties"]
    assert order["customer_id"]["format"] == "uuid"
    assert order["order_time"]["format"] == "date-time"
    assert order["amount"]["pattern"] == r"^[0-9]{1,10}\.[0-9]{2}$"


def test_a_body_takes_no_other_fields_and_declares_no_defaults(document: Part) -> None:
    for operation in operations(document):
        body = operation.get("requestBody", {})
        inline = [media["schema"] for media in body.get("content", {}).values()]
        for schema in [*inline, *schemas_in(document, body).values()]:
            if "properties" in schema:
                assert schema["additionalProperties"] is False, operation["operationId"]
                assert [one for one in schema["properties"].values() if "default" in one] == []


def test_every_pattern_is_one_to_javascript_too(document: Part) -> None:
    for path, node in nodes(document):
        if isinstance(pattern := node.get("pattern"), str):
            assert not re.search(r"\(\?[P<#a-z]|\\[AZzp]|\\U|\[\[|\*\+|\+\+", pattern), path
            re.compile(pattern)


# --- Examples -----------------------------------------------------------------------------------


def test_every_body_and_every_answer_has_an_example(document: Part) -> None:
    for operation in operations(document):
        content = [operation.get("requestBody", {}), *answers(document, operation).values()]
        for media_type, media in (
            item for one in content for item in one.get("content", {}).items()
        ):
            is_data = media_type.endswith("json") or media_type.startswith("multipart/")
            assert not is_data or "example" in media, operation["operationId"]


def test_every_example_is_valid(document: Part) -> None:
    checked = 0
    for path, node in nodes(document):
        # An example beside a schema is one of it; among the keywords of a schema it is one of them.
        examples = [*node.get("examples", []), *([node["example"]] if "example" in node else [])]
        schema = node.get("schema", node) | {"components": document["components"]}
        for example in examples:
            errors = Draft202012Validator(
                schema, format_checker=Draft202012Validator.FORMAT_CHECKER
            ).iter_errors(example)
            assert [f"{path}: {error.message}" for error in errors] == []
            checked += 1
    assert checked > 100


def test_no_example_is_a_mere_placeholder(document: Part) -> None:
    """A text wants an example of its own: Field(examples=[...])."""
    placeholders = [
        path
        for operation in operations(document)
        for one in (operation.get("requestBody", {}), *answers(document, operation).values())
        for media in one.get("content", {}).values()
        for path in placeholders_in(media.get("example"), operation["operationId"])
    ]
    assert placeholders == []


def placeholders_in(example: Any, path: str) -> list[str]:
    if isinstance(example, dict):
        return [
            found
            for name, value in example.items()
            for found in placeholders_in(value, f"{path}.{name}")
        ]
    if isinstance(example, list):
        return [found for value in example for found in placeholders_in(value, path)]
    return [path] if example == "string" else []


# --- What an operation says for itself ----------------------------------------------------------


class ThingOut(Schema):
    """A thing."""

    id: int
    color: str | None = None


class ThingIn(Schema):
    model_config = ConfigDict(extra="forbid", title="Wish")

    color: str = "red"


def made_of(**options: Any) -> Part:
    """The operations of a small API with one record, GET, PUT and DELETE."""
    router = Router(tags=["things"])
    marked = {"x-etag": True} | options

    @router.get("/{int:pk}/", response=ThingOut, auth=needs("orders:read"), openapi_extra=marked)
    def read_thing(request: Any, pk: int) -> None:
        """Read a thing.

        It is read
        whole.

        :raises KeyError: there is none.
        """

    @router.put("/{int:pk}/", response=ThingOut, auth=needs("orders:write"), openapi_extra=marked)
    def replace_thing(request: Any, pk: int, body: ThingIn) -> None:
        """Replace a thing."""

    @router.delete("/{int:pk}/", response={204: None}, auth=needs())
    def delete_thing(request: Any, pk: int) -> None:
        """Delete a thing: for good."""

    api = DocumentedAPI(urls_namespace="things")
    api.add_router("/things", router)
    return dict(api.get_openapi_schema(path_prefix="api/"))


def test_an_operation_is_told_by_its_docstring() -> None:
    thing = made_of()["paths"]["/api/things/{pk}/"]
    assert (thing["get"]["summary"], thing["get"]["description"]) == (
        "Read a thing",
        "It is read whole.",
    )
    assert thing["delete"]["summary"] == "Delete a thing: for good"
    assert "description" not in thing["delete"]


def test_a_marker_makes_the_operations_on_a_record_conditional() -> None:
    thing = made_of()["paths"]["/api/things/{pk}/"]
    shared = {"get": "IfNoneMatch", "put": "IfMatch", "delete": "IfMatch"}
    for method, name in shared.items():
        assert {"$ref": f"#/components/parameters/{name}"} in thing[method]["parameters"]
        assert "x-etag" not in thing[method]
    assert set(thing["get"]["responses"]["304"]["headers"]) == {"ETag", "X-Request-ID"}
    assert "412" not in thing["get"]["responses"]
    assert {"412"} <= thing["put"]["responses"].keys() & thing["delete"]["responses"].keys()
    assert "ETag" in thing["put"]["responses"]["200"]["headers"]
    assert "ETag" not in thing["delete"]["responses"]["204"]["headers"]


def test_an_operation_adds_problems_scopes_and_words_of_its_own() -> None:
    document = made_of(
        **{
            "x-problems": [413],
            "x-scopes": ["customers:read", "orders:read"],
            "responses": {
                401: {"headers": {"X-Hint": {"schema": {"type": "string"}}}},
                404: {"description": "It is lost"},
                "200": {"headers": {"Location": {"schema": {"type": "string"}}}},
            },
        }
    )
    read = document["paths"]["/api/things/{pk}/"]["get"]
    assert read["responses"]["413"] == {"$ref": "#/components/responses/ContentTooLarge"}
    assert read["security"] == [
        {"OAuth2": ["customers:read"]},
        {"OAuth2": ["orders:read"]},
        {"Bearer": []},
        {"Session": []},
    ]
    hinted = read["responses"]["401"]
    assert set(hinted["headers"]) == {"WWW-Authenticate", "X-Hint", "X-Request-ID"}
    assert hinted["description"] == "No credential, or one that is not good"
    lost = read["responses"]["404"]
    assert lost["description"] == "It is lost"
    assert lost["content"][PROBLEM]["example"]["title"] == "Not Found"
    assert "X-Request-ID" in lost["headers"]
    assert set(read["responses"]["200"]["headers"]) == {"ETag", "Location", "X-Request-ID"}
    assert [key for key in read if key.startswith("x-")] == []


def test_schemas_are_named_for_who_reads_them() -> None:
    schemas = made_of()["components"]["schemas"]
    assert set(schemas) == {"Problem", "Thing", "Wish"}
    assert schemas["Thing"]["required"] == ["id", "color"]
    assert schemas["Wish"]["properties"]["color"] == {
        "type": "string",
        "description": 'Left out: `"red"`',
    }


def test_a_form_is_one_flat_schema_and_a_summary_may_be_given() -> None:
    router = Router()

    @router.post("/", summary="Wish for it", response={202: ThingOut})
    def wish(request: Any, wish: Form[ThingIn], size: Form[int]) -> None:
        """Send a wish. It may come true."""

    api = DocumentedAPI(urls_namespace="forms")
    api.add_router("/wishes", router)
    [operation] = operations(dict(api.get_openapi_schema(path_prefix="api/")))
    assert operation["summary"] == "Wish for it"
    assert operation["description"] == "Send a wish. It may come true."
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert form["schema"] == {
        "type": "object",
        "properties": {
            "color": {"type": "string", "description": 'Left out: `"red"`'},
            "size": {"type": "integer"},
        },
        "required": ["size"],
    }
    assert form["example"] == {"color": "string", "size": 1}
    assert set(operation["responses"]) == {"202", "400", "413"}


def test_two_schemas_do_not_share_a_name() -> None:
    class Thing(Schema):
        other: int

    router = Router()

    @router.get("/", response=ThingOut)
    def read(request: Any) -> None:
        """Read."""

    @router.get("/other/", response=Thing)
    def read_other(request: Any) -> None:
        """Read another."""

    api = DocumentedAPI(urls_namespace="clash")
    api.add_router("/things", router)
    with pytest.raises(ValueError, match="Two different schemas are called Thing"):
        api.get_openapi_schema(path_prefix="api/")
