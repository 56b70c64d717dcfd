"""Pages load nothing from elsewhere, and nobody puts them in a frame."""

import pytest
from django.test import Client

EVERYWHERE = "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sign-in/", "/o/logout/?client_id=x"])
def test_pages_run_files_of_ours_and_no_other_code(path: str) -> None:
    policy = Client().get(path)["Content-Security-Policy"]
    assert policy == f"default-src 'self'; img-src 'self' data:; {EVERYWHERE}"


@pytest.mark.parametrize("path", ["/admin/", "/api/docs", "/api/redoc"])
def test_the_admin_and_the_docs_load_nothing_from_elsewhere(
    path: str, admin_client: Client
) -> None:
    policy = admin_client.get(path)["Content-Security-Policy"]
    assert policy.endswith(EVERYWHERE)
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_what_is_no_page_has_no_policy(db: None) -> None:
    assert "Content-Security-Policy" not in Client().get("/api/openapi.json")
