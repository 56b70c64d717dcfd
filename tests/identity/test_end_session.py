"""An app asks to sign its person out (OpenID Connect RP-Initiated Logout 1.0)."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from django.test import Client

from identity.models import Application, User
from identity.models.provider import AppKind
from identity.provider import connected_apps, keys
from tests import factories
from tests.identity.oauth_flows import (
    answer,
    me,
    nothing_written,
    question,
    redeem,
    renew,
    told_to_app,
)

pytestmark = pytest.mark.django_db

BYE = "https://shop.example.com/bye"


@pytest.fixture
def given(shop: Application, browser: Client) -> dict[str, Any]:
    """What the app has of a person who is signed in."""
    shop.post_logout_redirect_uris = BYE
    connected_apps.save_app(shop, by=None)
    return dict(redeem(answer(browser, question(scope="openid orders:read"))["code"]).json())


def leave(browser: Client, method: str = "GET", **parameters: str) -> Any:
    send = browser.get if method == "GET" else browser.post
    return send("/o/logout/", parameters)


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def assert_asked(page: Any) -> str:
    """The page asks first; where its form goes."""
    assert page.status_code == 200
    assert b"Sign out of Karani?" in page.content
    action = re.search(
        r'<form method="post" action="(/o/logout/confirm/[^"]*)"', page.content.decode()
    )
    assert action
    return html.unescape(action[1])


def confirm(browser: Client, page: Any) -> Any:
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    return browser.post(assert_asked(page), {"csrfmiddlewaretoken": token[1]})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_app_that_knows_the_session_ends_it_and_gets_its_person_back(
    given: dict[str, Any], browser: Client, method: str
) -> None:
    asked = {
        "id_token_hint": given["id_token"],
        "post_logout_redirect_uri": BYE,
        "state": "x y",
        "client_id": "shop",
    }
    if method == "POST":  # of another site: the browser sends no cookie, but does with what follows
        with nothing_written():
            response = leave(Client(), method, **asked)
        assert response.status_code == 302
        response = browser.get(response["Location"])
    else:
        response = leave(browser, **asked)
    assert (response.status_code, response["Location"]) == (302, f"{BYE}?state=x+y")
    assert not is_signed_in(browser)
    assert me(given["access_token"]).status_code == 401
    assert renew(given["refresh_token"]).status_code == 400


def test_other_devices_stay_signed_in(given: dict[str, Any], browser: Client, clerk: User) -> None:
    phone = Client()
    phone.force_login(clerk)
    on_phone = redeem(told_to_app(phone.get(question(scope="orders:read")))["code"]).json()
    leave(browser, id_token_hint=given["id_token"])
    assert is_signed_in(phone)
    assert me(on_phone["access_token"]).status_code == 200


def test_all_apps_of_the_session_are_out(given: dict[str, Any], browser: Client) -> None:
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=["https://shop.example.com/back"],
    )
    other = redeem(answer(browser, question(client_id="other"))["code"], client_id="other").json()
    leave(browser, id_token_hint=given["id_token"])
    assert me(other["access_token"]).status_code == 401


def test_an_app_that_shows_nothing_has_people_asked(given: dict[str, Any], browser: Client) -> None:
    with nothing_written():
        page = leave(browser, client_id="shop", post_logout_redirect_uri=BYE)
        assert_asked(page)
        assert is_signed_in(browser)
    response = confirm(browser, page)
    assert (response.status_code, response["Location"]) == (302, BYE)
    assert not is_signed_in(browser)
    assert me(given["access_token"]).status_code == 401


def test_the_hint_of_another_session_has_people_asked(
    given: dict[str, Any], browser: Client, clerk: User
) -> None:
    other = Client(enforce_csrf_checks=True)
    other.force_login(clerk)
    page = leave(other, id_token_hint=given["id_token"])
    assert_asked(page)
    assert is_signed_in(other)
    assert me(given["access_token"]).status_code == 200


def test_another_site_cannot_say_yes(given: dict[str, Any], browser: Client) -> None:
    with nothing_written():
        assert browser.post("/o/logout/confirm/").status_code == 403
    assert is_signed_in(browser)


def test_a_session_that_is_over_ends_what_came_of_it(
    given: dict[str, Any], browser: Client
) -> None:
    response = leave(Client(), id_token_hint=given["id_token"], post_logout_redirect_uri=BYE)
    assert (response.status_code, response["Location"]) == (302, BYE)
    assert me(given["access_token"]).status_code == 401


def test_who_is_signed_out_goes_home(shop: Application) -> None:
    response = leave(Client())
    assert (response.status_code, response["Location"]) == (302, "/")


def test_forged_hints_are_refused(given: dict[str, Any], browser: Client) -> None:
    token = given["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    head, body, signature = token.split(".")
    public = Client().get("/o/jwks/").json()["keys"][0]
    forgeries = [
        "x",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        jwt.encode(claims, "", algorithm="none", headers={"kid": kid}),
        jwt.encode(claims, public["n"].encode(), algorithm="HS256", headers={"kid": kid}),
        jwt.encode(
            claims | {"iss": "https://evil.example.com"},
            keys.signing_key()[1],
            "RS256",
            {"kid": kid},
        ),
        jwt.encode(claims, keys.signing_key()[1], "RS256"),
    ]
    for forgery in forgeries:
        with nothing_written():
            page = leave(browser, id_token_hint=forgery, post_logout_redirect_uri=BYE)
        assert (page.status_code, is_signed_in(browser)) == (400, True), forgery
    assert b"You were not signed out" in page.content
    assert b'<a class="button" href="/">Go to ' in page.content


def test_an_expired_hint_is_good_enough(given: dict[str, Any], browser: Client) -> None:
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    kid, key = keys.signing_key()
    old = jwt.encode(claims | {"exp": claims["iat"] - 9999}, key, "RS256", {"kid": kid})
    assert leave(browser, id_token_hint=old).status_code == 302
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "parameters",
    [
        {"client_id": "unknown"},
        {"client_id": "\0"},
        {"post_logout_redirect_uri": BYE},
        {"client_id": "shop", "post_logout_redirect_uri": "https://evil.example.com/bye"},
        {"client_id": "shop", "post_logout_redirect_uri": f"{BYE}/more"},
        {"client_id": "shop", "post_logout_redirect_uri": f"{BYE}?x=1"},
        {"client_id": "shop", "post_logout_redirect_uri": f"{BYE}\n"},
        {"client_id": "shop", "post_logout_redirect_uri": BYE.replace("shop", "SHOP")},
        {"client_id": "shop", "post_logout_redirect_uri": "https://shop.example.com/back"},
        {"client_id": "shop", "post_logout_redirect_uri": "javascript:alert(1)"},
        {"client_id": "shop", "post_logout_redirect_uri": "https://["},
    ],
)
def test_what_cannot_be_trusted_leads_nowhere(
    given: dict[str, Any], browser: Client, parameters: dict[str, str]
) -> None:
    with nothing_written():
        page = leave(browser, **parameters)
    assert (page.status_code, is_signed_in(browser)) == (400, True)


def test_the_hint_of_another_app_is_refused(given: dict[str, Any], browser: Client) -> None:
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=["https://other.example.com/"],
    )
    with nothing_written():
        page = leave(browser, client_id="other", id_token_hint=given["id_token"])
    assert (page.status_code, is_signed_in(browser)) == (400, True)


def test_parameters_twice_are_refused(given: dict[str, Any], browser: Client) -> None:
    query = urlencode([("client_id", "shop"), ("client_id", "shop")])
    assert browser.get(f"/o/logout/?{query}").status_code == 400
    assert is_signed_in(browser)
