"""What attackers try against the provider, and what they get: each is refused, and writes nothing.

The table follows RFC 9700 (OAuth 2.0 Security Best Current Practice) and RFC 6819.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from django.test import Client

from identity.models import Application, User
from identity.models.provider import AppKind
from identity.provider import keys
from tests import factories
from tests.identity.oauth_flows import (
    CALLBACK,
    answer,
    ask_for_itself,
    ask_for_token,
    assert_oauth_error,
    me,
    nothing_written,
    question,
    redeem,
    renew,
    rows,
    told_to_app,
)

pytestmark = pytest.mark.django_db

# --- At the authorization endpoint: told to the app, or leading nowhere -------------------------

TOLD_TO_APP: dict[str, dict[str, str | None]] = {
    "PKCE missing": {"code_challenge": None, "code_challenge_method": None},
    "PKCE plain": {"code_challenge_method": "plain"},
    "PKCE plain by omission": {"code_challenge_method": None},
    "PKCE with a short challenge": {"code_challenge": "x"},
    "implicit grant": {"response_type": "token"},
    "hybrid grant": {"response_type": "code id_token"},
    "a scope nobody knows": {"scope": "orders:read admin"},
}
LEADS_NOWHERE: dict[str, dict[str, str | None]] = {
    "redirect URI by prefix": {"redirect_uri": f"{CALLBACK}.evil.example.com"},
    "redirect URI by longer path": {"redirect_uri": f"{CALLBACK}/evil"},
    "redirect URI by path traversal": {"redirect_uri": f"{CALLBACK}/../evil"},
    "redirect URI by encoded traversal": {"redirect_uri": f"{CALLBACK}/%2e%2e/evil"},
    "redirect URI with an extra query": {"redirect_uri": f"{CALLBACK}?next=//evil.example.com"},
    "redirect URI with a fragment": {"redirect_uri": f"{CALLBACK}#x"},
    "redirect URI with another port": {"redirect_uri": "https://shop.example.com:8443/back"},
    "redirect URI with another scheme": {"redirect_uri": "http://shop.example.com/back"},
    "redirect URI with a user": {"redirect_uri": "https://shop.example.com@evil.example.com/back"},
    "redirect URI of a subdomain": {"redirect_uri": "https://x.shop.example.com/back"},
    "redirect URI in capitals": {"redirect_uri": "https://shop.example.com/BACK"},
    "redirect URI with its host in capitals": {"redirect_uri": "https://SHOP.example.com/back"},
    "redirect URI with its scheme in capitals": {"redirect_uri": "HTTPS://shop.example.com/back"},
    "redirect URI with its port spelled out": {"redirect_uri": "https://shop.example.com:443/back"},
    "redirect URI with a line end": {"redirect_uri": f"{CALLBACK}\n"},
    "redirect URI with a tab": {"redirect_uri": "https://shop.\texample.com/back"},
    "two redirect URIs": {"redirect_uri": f"{CALLBACK} {CALLBACK}"},
    "redirect URI with a backslash": {
        "redirect_uri": "https://shop.example.com\\@evil.example.com"
    },
    "redirect URI that is a script": {"redirect_uri": "javascript:alert(1)//shop.example.com/back"},
    "no redirect URI of an unknown app": {"client_id": "evil", "redirect_uri": None},
}


@pytest.mark.parametrize("attack", TOLD_TO_APP)
def test_the_app_is_told_no(shop: Application, browser: Client, attack: str) -> None:
    with nothing_written():
        told = told_to_app(browser.get(question(**TOLD_TO_APP[attack])))
    assert "error" in told
    assert "code" not in told


@pytest.mark.parametrize("attack", LEADS_NOWHERE)
def test_nobody_is_sent_there(shop: Application, browser: Client, attack: str) -> None:
    with nothing_written():
        response = browser.get(question(**LEADS_NOWHERE[attack]))
        consent = browser.post(
            question(**LEADS_NOWHERE[attack]).replace("/authorize/", "/consent/"),
            {"answer": "allow", "csrfmiddlewaretoken": "x"},
        )
    assert (response.status_code, consent.status_code) == (400, 403)
    assert "Location" not in response


@pytest.mark.parametrize("registered", ["http://127.0.0.1/back", "http://127.0.0.1:8000/back"])
def test_a_loopback_address_may_have_another_port_and_nothing_else(
    browser: Client, registered: str
) -> None:
    factories.app(client_id="shop", kind=AppKind.BROWSER_OR_MOBILE, redirect_uris=[registered])
    assert browser.get(question(redirect_uri="http://127.0.0.1/back")).status_code == 200
    assert browser.get(question(redirect_uri="http://127.0.0.1:50123/back")).status_code == 200
    for uri in (
        "http://127.0.0.1:50123/evil",
        "http://127.0.0.2:50123/back",
        "http://localhost/back",
        "http://127.0.0.1:/back",
        "http://127.0.0.1:0/back",
        "http://127.0.0.1:99999/back",
        "http://127.0.0.1:５/back",
        "http://127.0.0.1:50123/back\n",
        "http://x@127.0.0.1:50123/back",
        "https://127.0.0.1:50123/back",
        "HTTP://127.0.0.1:50123/back",
    ):
        with nothing_written():
            assert browser.get(question(redirect_uri=uri)).status_code == 400


def test_consent_is_not_given_by_another_site(shop: Application, browser: Client) -> None:
    address = question().replace("/authorize/", "/consent/")
    with nothing_written():
        for form in ({"answer": "allow"}, {"answer": "allow", "csrfmiddlewaretoken": "x" * 64}):
            assert browser.post(address, form).status_code == 403
        assert browser.get(f"{address}&answer=allow").status_code == 405


def test_consent_is_not_given_in_a_frame(shop: Application, browser: Client) -> None:
    page = browser.get(question())
    assert page["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert "no-store" in page["Cache-Control"]


# --- At the token endpoint ----------------------------------------------------------------------


@pytest.fixture
def code(shop: Application, browser: Client) -> str:
    return answer(browser, question())["code"]


def _other_app() -> None:
    factories.app(client_id="evil", kind=AppKind.BROWSER_OR_MOBILE, redirect_uris=[CALLBACK])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "x"}, "invalid_grant"),
        ({"client_id": "evil"}, "invalid_grant"),
        ({"redirect_uri": "https://shop.example.com/other"}, "invalid_grant"),
        ({"grant_type": "password", "username": "wanjiku", "password": factories.PASSWORD}, None),
    ],
    ids=["no verifier", "wrong", "short", "code of another client", "redirect URI", "password"],
)
def test_a_stolen_code_is_worth_nothing(
    code: str, changes: dict[str, str], error: str | None
) -> None:
    _other_app()
    with nothing_written():
        assert_oauth_error(redeem(code, **changes), error or "unsupported_grant_type")
    assert redeem(code).status_code == 200


@pytest.mark.parametrize("verifier", ["x", "x" * 42, "x" * 129, "é" * 43, " " * 43])
def test_a_verifier_that_could_be_guessed_is_refused_also_where_it_fits(
    shop: Application, browser: Client, verifier: str
) -> None:
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = answer(browser, question(code_challenge=digest))["code"]
    with nothing_written():
        assert_oauth_error(redeem(code, code_verifier=verifier), "invalid_grant")


def test_a_replayed_code_ends_what_it_gave(code: str) -> None:
    given = redeem(code).json()
    assert_oauth_error(redeem(code), "invalid_grant")
    assert me(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")


def test_another_app_that_has_the_code_ends_nothing(code: str) -> None:
    _other_app()
    given = redeem(code).json()
    assert_oauth_error(redeem(code, client_id="evil"), "invalid_grant")
    assert me(given["access_token"]).status_code == 200


def test_scopes_do_not_grow_by_renewing(tokens: dict[str, Any]) -> None:
    with nothing_written():
        more = renew(tokens["refresh_token"], scope="orders:read messages:send")
        assert_oauth_error(more, "invalid_scope")


def test_the_empty_secret_of_a_public_app_opens_nothing(code: str) -> None:
    with nothing_written():
        for headers in ({"Authorization": "Basic c2hvcDo="}, {"Authorization": "basic c2hvcDo="}):
            form = {"grant_type": "client_credentials", "scope": "orders:read"}
            assert_oauth_error(ask_for_token(form, headers), "invalid_client", 401)


def test_an_app_shows_who_it_is_in_one_way() -> None:
    app, secret = factories.app(user=factories.service_account("Clerk"))
    form = {"grant_type": "client_credentials", "scope": "orders:read", "client_secret": secret}
    with nothing_written():
        refused = ask_for_token(form | {"client_id": app.client_id}, factories.basic(app, secret))
        assert_oauth_error(refused, "invalid_request")


@pytest.mark.parametrize("endpoint", ["token", "introspect", "revoke_token"])
def test_secrets_are_not_guessed(endpoint: str, settings: Any) -> None:
    settings.GUARD_FACTOR = 0.1  # 10 instead of 100
    app, secret = factories.app(user=factories.service_account("Clerk"))
    form = {"grant_type": "client_credentials", "scope": "orders:read", "token": "x"}
    body = urlencode(form)

    def ask(tried: str) -> Any:
        headers = factories.basic(app, tried)
        return Client().post(f"/o/{endpoint}/", body, content_type=factories.FORM, headers=headers)

    for _ in range(10):
        refused = ask("wrong")
        assert_oauth_error(refused, "invalid_client", 401)
        assert refused["WWW-Authenticate"].startswith("Basic ")
    with nothing_written():
        limited = ask(secret)
    assert_oauth_error(limited, "slow_down", 429)
    assert 0 < int(limited["Retry-After"]) <= 900


# --- At the API and at userinfo -----------------------------------------------------------------


def _none(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", algorithm="none")


def _by_hand(claims: dict[str, Any]) -> str:
    head = urlsplit(jwt.encode({}, "", algorithm="none")).path.split(".")[0]
    return f"{head}.{urlsafe_b64encode(b'{}').decode()}."


def _our_own(claims: dict[str, Any]) -> str:
    kid, key = keys.signing_key()
    return jwt.encode(claims | {"scope": "orders:read"}, key, "RS256", {"kid": kid})


@pytest.mark.parametrize("forge", [_none, _by_hand, _our_own])
def test_no_jwt_opens_the_api(
    shop: Application, browser: Client, forge: Callable[[dict[str, Any]], str]
) -> None:
    given = redeem(answer(browser, question(scope="openid orders:read"))["code"]).json()
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    for token in (given["id_token"], forge(claims)):
        headers = {"Authorization": f"Bearer {token}"}
        for path in ("/api/me/", "/api/orders/", "/o/userinfo/"):
            refused = Client().get(path, headers=headers)
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused["WWW-Authenticate"]


def test_a_token_in_the_address_or_the_body_is_no_credential(tokens: dict[str, Any]) -> None:
    access = {"access_token": tokens["access_token"]}
    for path in ("/api/me/", "/o/userinfo/"):
        assert Client().get(path, access).status_code == 401
    assert Client().post("/o/userinfo/", access).status_code == 401


def test_a_refresh_token_or_a_code_opens_nothing(tokens: dict[str, Any], browser: Client) -> None:
    code = told_to_app(browser.get(question()))["code"]
    for text in (tokens["refresh_token"], code):
        assert me(text).status_code == 401
        headers = {"Authorization": f"Bearer {text}"}
        assert Client().get("/o/userinfo/", headers=headers).status_code == 401


# --- Games with the sign-in, the host, and other people's things --------------------------------

ELSEWHERE = [
    "https://evil.example.com/",
    "//evil.example.com/",
    "///evil.example.com/",
    "/\\evil.example.com/",
    "\\\\evil.example.com/",
    "https:evil.example.com",
    "javascript:alert(1)",
    "http://127.0.0.1:8000@evil.example.com/",
    "\t//evil.example.com/",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_signing_in_leads_to_no_other_site(address: str) -> None:
    factories.user(username="wanjiku")
    client = Client()
    form = {"username": "wanjiku", "password": factories.PASSWORD, "next": address}
    response = client.post(f"/sign-in/?{urlencode({'next': address})}", form)
    assert response.status_code == 302
    assert "_auth_user_id" in client.session
    target = urlsplit(response["Location"])
    assert (target.scheme, target.netloc) == ("", "")
    assert re.match(r"/(?![/\\])", response["Location"])


def test_a_session_is_not_fixed_before_the_sign_in() -> None:
    factories.user(username="wanjiku")
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = session.session_key or ""
    client.post("/sign-in/", {"username": "wanjiku", "password": factories.PASSWORD})
    assert client.session["_auth_user_id"]
    assert client.cookies["sessionid"].value != session.session_key


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"X-Forwarded-Host": "evil.example.com"},
        {"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example.com"},
        {"Forwarded": "host=evil.example.com"},
    ],
    ids=["another host of ours", "forwarded", "forwarded scheme", "RFC 7239"],
)
def test_the_issuer_follows_no_header(
    shop: Application, browser: Client, headers: dict[str, str]
) -> None:
    told = Client().get("/o/.well-known/openid-configuration", headers=headers).json()
    assert {
        urlsplit(str(value)).netloc
        for key, value in told.items()
        if "endpoint" in key and isinstance(value, str)
    } == {"127.0.0.1:8000"}
    given = redeem(answer(browser, question(scope="openid"))["code"]).json()
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    assert told["issuer"] == claims["iss"] == "http://127.0.0.1:8000/o"


def test_an_unknown_host_is_refused() -> None:
    response = Client().get(
        "/o/.well-known/openid-configuration", headers={"Host": "evil.example.com"}
    )
    assert response.status_code == 400


def test_who_serves_themself_does_not_get_into_the_admin_or_register_apps() -> None:
    client = Client()
    client.force_login(factories.user())
    before = rows()
    for path in (
        "/admin/",
        "/admin/identity/user/",
        "/admin/identity/application/",
        "/admin/identity/application/add/",
    ):
        assert client.get(path).status_code in {302, 403}
        assert client.post(path, {"name": "Evil"}).status_code in {302, 403}
    assert client.post("/o/applications/register/", {"name": "Evil"}).status_code == 404
    assert client.post("/o/register/", {"client_name": "Evil"}).status_code == 404
    assert rows() == before


def test_an_app_gets_at_nobody_elses_tokens(tokens: dict[str, Any]) -> None:
    _other_app()
    with nothing_written():
        form = {"token": tokens["refresh_token"], "client_id": "evil"}
        ended = Client().post("/o/revoke_token/", urlencode(form), content_type=factories.FORM)
        assert ended.status_code == 200
        assert_oauth_error(renew(tokens["refresh_token"], client_id="evil"), "invalid_grant")
    assert me(tokens["access_token"]).status_code == 200


def test_a_machine_has_no_right_that_its_roles_do_not_give() -> None:
    app, secret = factories.app(user=factories.service_account("Viewer"))
    access = ask_for_itself(app, secret, "orders:read orders:write").json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}
    order = factories.order()
    assert Client().get(f"/api/orders/{order.pk}/", headers=headers).status_code == 200
    assert Client().delete(f"/api/orders/{order.pk}/", headers=headers).status_code == 403


def test_a_user_who_is_switched_off_is_out_everywhere(
    tokens: dict[str, Any], browser: Client, clerk: User
) -> None:
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert me(tokens["access_token"]).status_code == 401
    assert_oauth_error(renew(tokens["refresh_token"]), "invalid_grant")
    assert browser.get("/admin/").status_code == 302
    assert told_to_app(browser.get(question(prompt="none")))["error"] == "login_required"
