"""The pages that document the API, and the app that they are to our own provider."""

import json
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from identity.models import Application
from project import docs
from project.setup import prepare

pytestmark = pytest.mark.django_db

PAGES = ["/api/docs", "/api/redoc", "/api/docs/oauth2-redirect"]


def options_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="options" type="application/json">(.*?)</script>', page)
    assert found
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_made_of_our_own_files_and_runs_no_script_of_its_own(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<title>Karani API</title>" in page
    assert "project/favicon.svg" in page
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert files
    assert all(finders.find(file) for file in files)
    assert not re.search(r'(?:src|href)="(?!/)', page)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert scripts
    for attributes, content in scripts:
        assert 'type="application/json"' in attributes or not content


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_read_and_never_written_to(path: str) -> None:
    response = Client().post(path)
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
def test_a_page_shows_the_one_document_there_is(path: str) -> None:
    url = options_of(Client().get(path).content.decode())["url"]
    assert url == "/api/openapi.json"
    assert Client().get(url).status_code == 200


def test_swagger_ui_knows_which_app_it_is(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    response = Client().get("/api/docs")
    assert response.cookies["csrftoken"].value
    assert options_of(response.content.decode()) == {
        "url": "/api/openapi.json",
        "oauth2RedirectUrl": "https://karani.example.com/api/docs/oauth2-redirect",
        "csrfCookie": "csrftoken",
        "oauth": {
            "clientId": "karani-api-docs",
            "usePkceWithAuthorizationCodeGrant": True,
            "scopes": ["customers:read", "orders:read", "messages:read"],
        },
    }


def test_preparing_makes_the_app_that_swagger_ui_is(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    prepare()
    app = Application.objects.get(client_id=docs.CLIENT_ID)
    assert app.name == "Karani API docs"
    assert app.client_type == Application.CLIENT_PUBLIC
    assert app.client_secret == ""
    assert app.authorization_grant_type == Application.GRANT_AUTHORIZATION_CODE
    assert app.redirect_uris == "https://karani.example.com/api/docs/oauth2-redirect"
    assert app.user is None


def test_preparing_again_follows_the_public_address_and_leaves_the_rest(settings: Any) -> None:
    prepare()
    known = Application.objects.get()
    Application.objects.update(is_active=False)
    settings.PUBLIC_URL = "https://karani.example.com"
    prepare()
    app = Application.objects.get()
    assert app.pk == known.pk
    assert app.redirect_uris == "https://karani.example.com/api/docs/oauth2-redirect"
    assert not app.is_active


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "http://karani.local", "https://karani.example.com:8443"]
)
def test_the_app_goes_wherever_the_house_stands(settings: Any, address: str) -> None:
    settings.PUBLIC_URL = address
    docs.register_app()
    assert Application.objects.get().redirect_uris == f"{address}/api/docs/oauth2-redirect"
