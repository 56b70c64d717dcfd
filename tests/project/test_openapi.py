"""The document that clients are generated from."""

import json
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def document() -> dict[str, Any]:
    answer = Client().get("/api/openapi.json")
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for methods in document["paths"].values() for one in methods.values()]


def test_it_is_openapi_3_1_with_an_id_and_a_tag_for_each_operation(
    document: dict[str, Any],
) -> None:
    assert document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(operation["tags"] for operation in operations(document))


def test_every_operation_tells_of_its_problems(document: dict[str, Any]) -> None:
    for operation in operations(document):
        refused = {code: one for code, one in operation["responses"].items() if code >= "4"}
        assert {"400", "401"} <= set(refused), operation["operationId"]
        for response in refused.values():
            assert response["content"]["application/problem+json"]["schema"] == {
                "$ref": "#/components/schemas/Problem"
            }
    assert set(document["components"]["schemas"]["Problem"]["required"]) == {
        "title",
        "status",
        "detail",
        "request_id",
    }


def test_every_operation_but_signing_in_needs_a_credential(document: dict[str, Any]) -> None:
    open_ones = [one["operationId"] for one in operations(document) if not one.get("security")]
    assert sorted(open_ones) == ["create_token", "refresh_token"]
    assert set(document["components"]["securitySchemes"]) == {"Bearer", "BrowserSession"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in schemas


def test_the_documentation_page_uses_our_own_files_only() -> None:
    page = Client().get("/api/docs").content.decode()
    assert "swagger-ui" in page
    assert "https://" not in page
