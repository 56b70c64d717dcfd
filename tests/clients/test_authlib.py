"""A second client by other makers, Authlib, as Django sites use it; its people sit at Chromium."""

from typing import Any

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.django_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from django.http import HttpRequest
from django.test import RequestFactory
from joserfc.errors import BadSignatureError, InvalidClaimError
from playwright.sync_api import Page

from tests.clients.app_home import AppHome
from tests.clients.newcomer import Karani
from tests.clients.visitor import go_through

SCOPE = "openid profile email roles orders:read"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


class Site:
    """An app that Django runs, with the session of its one visitor."""

    def __init__(self, home: AppHome, maker: dict[str, Any], **options: Any) -> None:
        self.home = home
        self.client = OAuth().register(
            "karani",
            client_id=maker["client_id"],
            client_secret=maker["client_secret"],
            server_metadata_url=maker["discovery_url"],
            client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", **options},
        )
        self.metadata = self.client.load_server_metadata()
        self.session: dict[str, Any] = {}

    def request(self, address: str) -> HttpRequest:
        request = RequestFactory().get(address)
        request.session = self.session  # type: ignore[assignment]  # a dict is enough for Authlib
        return request

    def sign_in_with(self, page: Page) -> dict[str, Any]:
        """Send the person away, and welcome them back with what they bring."""
        away = self.client.authorize_redirect(self.request("/sign-in/"), self.home.callback)
        page.goto(away["Location"])
        go_through(page, self.home.callback)
        tokens: dict[str, Any] = self.client.authorize_access_token(self.request(page.url))
        return tokens

    def by_hand(self, token: dict[str, Any]) -> OAuth2Session:
        """What Authlib has for the rest: renewals, revocations, calls with a token."""
        return OAuth2Session(
            self.client.client_id,
            self.client.client_secret,
            token_endpoint=self.metadata["token_endpoint"],
            **{"token_endpoint_auth_method": "none"} if not self.client.client_secret else {},
            token=token,
        )


@pytest.fixture(params=["client_secret_basic", "client_secret_post", "none"])
def site(request: pytest.FixtureRequest, home: AppHome, apps: dict[str, dict[str, Any]]) -> Site:
    name = "phone" if request.param == "none" else "site"
    return Site(home, apps[name], token_endpoint_auth_method=request.param)


def test_a_person_signs_in_and_the_app_learns_who_it_is(
    karani: Karani, site: Site, page: Page
) -> None:
    tokens = site.sign_in_with(page)
    claims = tokens["userinfo"]  # of the ID token, checked with the published keys
    assert claims["iss"] == f"{karani.address}/o"
    assert claims["aud"] == site.client.client_id
    assert claims["preferred_username"] == "wanjiku"
    told = site.client.userinfo(token=tokens)
    assert (told["sub"], told["email"]) == (claims["sub"], "wanjiku@example.com")
    with pytest.raises(InvalidClaimError):
        site.client.parse_id_token(tokens, nonce="another")
    forged = tokens["id_token"][:-8] + "AAAAAAAA"
    with pytest.raises(BadSignatureError):
        site.client.parse_id_token({**tokens, "id_token": forged}, nonce=claims["nonce"])


def test_an_app_renews_what_it_has_and_gives_it_back(
    karani: Karani, site: Site, page: Page
) -> None:
    first = site.sign_in_with(page)
    session = site.by_hand(first)
    second = session.refresh_token()
    assert second["refresh_token"] != first["refresh_token"]
    me = session.get(f"{karani.address}/api/me/")
    assert (me.status_code, me.json()["username"]) == (200, "wanjiku")
    renewed = site.client.parse_id_token(second, nonce=None)
    assert renewed["sub"] == first["userinfo"]["sub"]
    revoked = session.revoke_token(
        site.metadata["revocation_endpoint"], second["refresh_token"], "refresh_token"
    )
    assert revoked.status_code == 200
    assert session.get(f"{karani.address}/api/me/").status_code == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        session.refresh_token()


def test_an_app_signs_its_person_out(
    karani: Karani, home: AppHome, apps: dict[str, dict[str, Any]], page: Page
) -> None:
    site = Site(home, apps["site"])
    tokens = site.sign_in_with(page)
    away = site.client.logout_redirect(
        site.request("/sign-out/"), home.goodbye, id_token_hint=tokens["id_token"]
    )
    page.goto(away["Location"])
    page.wait_for_url(f"{home.goodbye}**")
    told = site.client.validate_logout_response(site.request(page.url))
    assert told["post_logout_redirect_uri"] == home.goodbye
    page.goto(f"{karani.address}/account/")
    assert page.locator("[name=password]").count() == 1


def test_a_machine_calls_the_api_for_itself(
    karani: Karani, home: AppHome, apps: dict[str, dict[str, Any]]
) -> None:
    robot = Site(home, apps["robot"]).by_hand({})
    robot.fetch_token(grant_type="client_credentials", scope="orders:read")
    assert robot.get(f"{karani.address}/api/orders/").status_code == 200
    assert robot.get(f"{karani.address}/api/customers/").status_code == 403
