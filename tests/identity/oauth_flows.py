"""An app and a person go through OAuth, step by step, as in a browser."""

import hashlib
import html
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client

from identity.models import (
    AccessToken,
    Application,
    Authorization,
    Consent,
    DeviceGrant,
    Grant,
    RefreshToken,
)
from tests import factories

CALLBACK = "https://shop.example.com/back"
VERIFIER = "a-verifier-of-at-least-43-characters-as-rfc-7636-asks"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def question(**changes: str | None) -> str:
    """The address to which an app sends people; ``None`` leaves a parameter out."""
    asked: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": CALLBACK,
        "scope": "orders:read customers:write",
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return "/o/authorize/?" + urlencode({name: it for name, it in asked.items() if it is not None})


def answer(browser: Client, address: str, word: str = "allow") -> dict[str, str]:
    """Answer as a person does, and tell what the app is told."""
    page = browser.get(address)
    assert page.status_code == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    action = re.search(r'<form method="post" action="([^"]+)"', page.content.decode())
    assert action
    form = {"answer": word, "csrfmiddlewaretoken": token[1]}
    response = browser.post(html.unescape(action[1]), form)
    return told_to_app(response)


def told_to_app(response: Any) -> dict[str, str]:
    assert response.status_code == 302
    address = urlsplit(response["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def ask_for_token(form: dict[str, str], headers: dict[str, str] | None = None) -> Any:
    body = urlencode(form)
    return Client().post("/o/token/", body, content_type=factories.FORM, headers=headers or {})


def ask_for_itself(app: Application, secret: str, scope: str = "orders:read") -> Any:
    form = {"grant_type": "client_credentials", "scope": scope}
    return ask_for_token(form, factories.basic(app, secret))


def redeem(code: str, /, **changes: str) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": "shop",
        "code_verifier": VERIFIER,
        **changes,
    }
    return ask_for_token({name: value for name, value in form.items() if value})


def renew(refresh: str, **changes: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "shop"}
    return ask_for_token(form | changes)


def revoke(token: str, **form: str) -> Any:
    body = urlencode({"token": token, "client_id": "shop"} | form)
    return Client().post("/o/revoke_token/", body, content_type=factories.FORM)


def me(access: str) -> Any:
    return Client().get("/api/me/", headers={"Authorization": f"Bearer {access}"})


def assert_refused_token(response: Any, detail: str) -> None:
    assert response.status_code == 401
    assert response.json()["detail"] == detail
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="Karani", error="invalid_token", error_description="{detail}"'
    )


def assert_oauth_error(response: Any, error: str, status: int = 400) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json()["error"] == error


_TABLES = (Application, Authorization, Consent, DeviceGrant, Grant, AccessToken, RefreshToken)


def rows() -> tuple[list[Any], ...]:
    """Everything that a refused request leaves as it was."""
    return tuple(list(table._default_manager.order_by("pk").values()) for table in _TABLES)


@contextmanager
def nothing_written() -> Iterator[None]:
    before = rows()
    yield
    assert rows() == before
