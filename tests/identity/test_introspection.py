"""An app asks what a token of its own is good for (RFC 7662)."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from identity.models import AccessToken, Application, RefreshToken, User
from identity.models.provider import AppKind
from identity.session_tokens import issue_tokens
from tests import factories
from tests.identity.oauth_flows import (
    CALLBACK,
    answer,
    ask_for_itself,
    assert_oauth_error,
    nothing_written,
    question,
    redeem,
)

pytestmark = pytest.mark.django_db

DEAD = {"active": False}


class Office:
    """A web server that signs people in, and keeps a secret."""

    def __init__(self, browser: Client) -> None:
        self.app, self.secret = factories.app(
            client_id="shop", kind=AppKind.WEB_SERVER, redirect_uris=[CALLBACK]
        )
        code = answer(browser, question(scope="openid orders:read"))["code"]
        self.given = redeem(code, client_secret=self.secret).json()

    def ask(self, token: str, app: Application | None = None, secret: str = "") -> Any:
        headers = factories.basic(app or self.app, secret or self.secret)
        body = urlencode({"token": token})
        return Client().post("/o/introspect/", body, content_type=factories.FORM, headers=headers)


@pytest.fixture
def office(browser: Client) -> Office:
    return Office(browser)


def test_an_app_learns_what_its_tokens_are_good_for(office: Office, clerk: User) -> None:
    response = office.ask(office.given["access_token"])
    row = AccessToken.objects.get()
    expected = {
        "active": True,
        "iss": "http://127.0.0.1:8000/o",
        "client_id": "shop",
        "scope": "openid orders:read",
        "sub": clerk.subject,
        "username": "wanjiku",
        "token_type": "Bearer",
        "iat": int(row.created.timestamp()),
        "exp": int(row.expires.timestamp()),
    }
    assert (response.status_code, response.json()) == (200, expected)
    assert response["Cache-Control"] == "no-store"
    told = office.ask(office.given["refresh_token"]).json()
    assert told.pop("exp") - told.pop("iat") == 14 * 24 * 3600
    assert told == {
        key: expected[key] for key in expected if key not in {"token_type", "iat", "exp"}
    }


def test_a_machine_learns_of_its_own(office: Office) -> None:
    account = factories.service_account("Clerk")
    app, secret = factories.app(user=account)
    access = ask_for_itself(app, secret).json()["access_token"]
    told = office.ask(access, app, secret).json()
    assert (told["active"], told["sub"], told["scope"]) == (True, account.subject, "orders:read")
    account.is_active = False
    account.save()
    assert office.ask(access, app, secret).json() == DEAD


def test_of_all_other_tokens_an_app_learns_nothing(office: Office, clerk: User) -> None:
    other, secret = factories.app()
    for token in ("access_token", "refresh_token"):
        assert office.ask(office.given[token], other, secret).json() == DEAD
    for text in ("unknown", office.given["id_token"], issue_tokens(clerk).access):
        assert office.ask(text).json() == DEAD


def test_a_dead_token_is_told_so(office: Office, clerk: User) -> None:
    access, refresh = office.given["access_token"], office.given["refresh_token"]
    AccessToken.objects.update(expires=timezone.now())
    assert office.ask(access).json() == DEAD
    RefreshToken.objects.update(revoked=timezone.now())
    assert office.ask(refresh).json() == DEAD


def test_a_token_of_a_disabled_person_is_dead(office: Office, clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    for token in ("access_token", "refresh_token"):
        assert office.ask(office.given[token]).json() == DEAD


def test_who_shows_no_secret_learns_nothing(office: Office, shop_window: Application) -> None:
    with nothing_written():
        assert_oauth_error(
            office.ask(office.given["access_token"], secret="wrong"), "invalid_client", 401
        )
        body = urlencode({"token": office.given["access_token"], "client_id": "window"})
        public = Client().post("/o/introspect/", body, content_type=factories.FORM)
        assert_oauth_error(public, "invalid_client", 401)
        assert_oauth_error(office.ask(""), "invalid_request")


@pytest.fixture
def shop_window() -> Application:
    app, _ = factories.app(
        client_id="window", kind=AppKind.BROWSER_OR_MOBILE, redirect_uris=[CALLBACK]
    )
    return app
