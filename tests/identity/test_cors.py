"""Pages of other sites call the API and the provider where an app is at home, and only there."""

from typing import Any

import pytest
from django.test import Client

from identity.models import Application
from identity.models.provider import AppKind
from identity.provider import connected_apps
from tests import factories

pytestmark = pytest.mark.django_db

HOME = "https://shop.example.com"
OPEN = [
    "/o/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/o",
    "/o/jwks/",
    "/o/token/",
    "/o/userinfo/",
    "/o/revoke_token/",
    "/api/me/",
    "/api/orders/",
]
CLOSED = [
    "/",
    "/admin/",
    "/sign-in/",
    "/o/authorize/",
    "/o/device/",
    "/o/logout/",
    "/o/introspect/",
]


def preflight(path: str, origin: str = HOME) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    return Client().options(path, headers=headers)


@pytest.mark.parametrize("path", OPEN)
def test_a_page_of_an_app_may_call(shop: Application, path: str) -> None:
    allowed = preflight(path)
    assert (allowed.status_code, allowed["Access-Control-Allow-Origin"]) == (200, HOME)
    assert "authorization" in allowed["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed
    answered = Client().get(path, headers={"Origin": HOME})
    assert answered["Access-Control-Allow-Origin"] == HOME
    assert "Access-Control-Allow-Credentials" not in answered
    assert "origin" in answered["Vary"].lower()


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "http://shop.example.com", "null", f"{HOME}.evil.com"]
)
def test_a_page_of_nobody_may_not(shop: Application, path: str, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(path, origin)
    answered = Client().get(path, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answered


@pytest.mark.parametrize("path", CLOSED)
def test_pages_for_people_are_not_for_other_sites(shop: Application, path: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(path)
    answered = Client().get(path, headers={"Origin": HOME})
    assert "Access-Control-Allow-Origin" not in answered


def test_a_web_server_has_no_page_that_calls() -> None:
    factories.app(kind=AppKind.WEB_SERVER, redirect_uris=[f"{HOME}/back"])
    assert "Access-Control-Allow-Origin" not in preflight("/o/token/")


def test_a_site_is_out_once_its_app_is_switched_off_or_moved(shop: Application) -> None:
    shop.is_active = False
    connected_apps.save_app(shop, by=None)
    assert "Access-Control-Allow-Origin" not in preflight("/o/token/")
    shop.is_active = True
    shop.redirect_uris = "https://other.example.com/back"
    connected_apps.save_app(shop, by=None)
    assert "Access-Control-Allow-Origin" not in preflight("/o/token/")


def test_what_a_page_must_see_of_an_answer_is_exposed(shop: Application) -> None:
    answered = Client().get("/api/me/", headers={"Origin": HOME})
    exposed = answered["Access-Control-Expose-Headers"].split(", ")
    assert {"etag", "retry-after", "www-authenticate", "x-request-id"} <= set(exposed)


def test_further_sites_can_be_set(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://kiosk.example.com"]
    allowed = preflight("/api/orders/", "https://kiosk.example.com")
    assert allowed["Access-Control-Allow-Origin"] == "https://kiosk.example.com"
