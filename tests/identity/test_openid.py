"""An app signs people in: OpenID Connect on top of OAuth, as certified clients expect it."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from crm.models import Customer
from identity.models import (
    Application,
    AttemptCount,
    Authorization,
    BrowserSession,
    SigningKey,
    User,
)
from identity.models.provider import AppKind
from identity.provider import connected_apps, keys
from tests import factories
from tests.identity.oauth_flows import (
    CALLBACK,
    answer,
    ask_for_itself,
    assert_oauth_error,
    me,
    nothing_written,
    question,
    redeem,
    renew,
    told_to_app,
)

pytestmark = pytest.mark.django_db

ISSUER = "http://127.0.0.1:8000/o"
WHO = "openid profile email phone roles"


def who(**changes: str | None) -> str:
    """The address to which an app sends people to learn who they are."""
    return question(**{"scope": WHO, **changes})


def id_token_of(given: dict[str, Any]) -> dict[str, Any]:
    """As an app does it: with the published keys."""
    known = {key["kid"]: key for key in Client().get("/o/jwks/").json()["keys"]}
    token = given["id_token"]
    claims: dict[str, Any] = jwt.decode(
        token,
        jwt.PyJWK(known[jwt.get_unverified_header(token)["kid"]]),
        algorithms=["RS256"],
        audience="shop",
        issuer=ISSUER,
    )
    return claims


def userinfo(access: str, method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {access}"}
    return Client().generic(method, "/o/userinfo/", headers=headers)


def sign_in_again(browser: Client, response: Any, user: User) -> Any:
    """Follow the way to the sign-in page, sign in there, and follow the way back."""
    assert response.status_code == 302
    address = urlsplit(response["Location"])
    assert address.path != "/o/authorize/"
    browser.force_login(user)
    return browser.get(parse_qs(address.query)["next"][0])


# --- What the app is told -----------------------------------------------------------------------


def test_an_app_learns_who_signed_in(shop: Application, browser: Client, clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(first_name="Wanjiku", last_name="Kamau")
    EmailAddress.objects.create(user=clerk, email=clerk.email, verified=True, primary=True)
    factories.customer(user=clerk, phone_number="+254722000000")
    given = redeem(answer(browser, who(nonce="n" * 2000))["code"]).json()
    claims = id_token_of(given)
    authorization = Authorization.objects.get()
    now = timezone.now().timestamp()
    person = {
        "sub": clerk.subject,
        "name": "Wanjiku Kamau",
        "given_name": "Wanjiku",
        "family_name": "Kamau",
        "preferred_username": "wanjiku",
        "updated_at": int(clerk.updated_at.timestamp()),
        "email": clerk.email,
        "email_verified": True,
        "phone_number": "+254722000000",
        "roles": ["Clerk"],
    }
    assert now - 30 < claims["iat"] <= now
    assert claims == person | {
        "iss": ISSUER,
        "aud": "shop",
        "iat": claims["iat"],
        "exp": claims["iat"] + 900,
        "auth_time": int(authorization.auth_time.timestamp()),
        "sid": authorization.sid,
        "nonce": "n" * 2000,
        "at_hash": claims["at_hash"],
    }
    assert len(urlsafe_b64decode(claims["at_hash"] + "==")) == 16
    for method in ("GET", "POST"):
        response = userinfo(given["access_token"], method)
        assert (response.status_code, response.json()) == (200, person)
        assert response["Cache-Control"] == "no-store"


def test_each_claim_takes_its_scope_and_what_is_not_known_is_left_out(
    shop: Application, browser: Client, clerk: User
) -> None:
    given = redeem(answer(browser, who(scope="openid email phone"))["code"]).json()
    assert userinfo(given["access_token"]).json() == {
        "sub": clerk.subject,
        "email": clerk.email,
        "email_verified": False,
    }


def test_without_the_scope_openid_there_is_no_id_token(
    tokens: dict[str, Any], browser: Client
) -> None:
    assert "id_token" not in tokens
    refused = userinfo(tokens["access_token"])
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]


def test_a_renewed_id_token_tells_the_same_sign_in(shop: Application, browser: Client) -> None:
    given = redeem(answer(browser, who())["code"]).json()
    first, second = id_token_of(given), id_token_of(renew(given["refresh_token"]).json())
    for claim in ("sub", "aud", "iss", "auth_time", "sid"):
        assert second[claim] == first[claim]


def test_the_subject_stays_when_the_name_changes(
    shop: Application, browser: Client, clerk: User
) -> None:
    given = redeem(answer(browser, who())["code"]).json()
    User.objects.filter(pk=clerk.pk).update(username="njeri", email="njeri@example.com")
    told = userinfo(given["access_token"]).json()
    assert (told["sub"], told["preferred_username"]) == (clerk.subject, "njeri")
    assert clerk.subject not in {str(clerk.pk), "wanjiku"}


def test_an_app_that_acts_for_itself_is_nobody_to_userinfo() -> None:
    app, secret = factories.app(user=factories.service_account("Clerk"))
    access = ask_for_itself(app, secret).json()["access_token"]
    assert me(access).status_code == 200
    assert userinfo(access).status_code == 403
    for scope in ("openid", "orders:read profile"):
        assert_oauth_error(ask_for_itself(app, secret, scope), "invalid_scope")


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, ""),
        ({"Authorization": "Bearer"}, 400, "invalid_request"),
        ({"Authorization": "Basic eDp5"}, 401, ""),
        ({"Authorization": "Bearer a b"}, 400, "invalid_request"),
        ({"Authorization": "Bearer \u00e9"}, 400, "invalid_request"),
        ({"Authorization": "Bearer unknown"}, 401, "invalid_token"),
    ],
)
def test_userinfo_refuses_in_the_words_of_rfc_6750(
    headers: dict[str, str], status: int, error: str
) -> None:
    response = Client().get("/o/userinfo/?access_token=x", headers=headers)
    assert response.status_code == status
    assert response["WWW-Authenticate"].startswith('Bearer realm="Karani"')
    assert (f'error="{error}"' in response["WWW-Authenticate"]) == bool(error)


# --- When people are asked ----------------------------------------------------------------------


def test_who_has_consented_and_is_signed_in_passes_silently(
    shop: Application, browser: Client
) -> None:
    answer(browser, who())
    told = told_to_app(browser.get(who(prompt="none")))
    assert set(told) == {"code", "state", "iss"}


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_silence_asks_nobody_anything(
    shop: Application, browser: Client, is_signed_in: bool
) -> None:
    visitor = browser if is_signed_in else Client()
    with nothing_written():
        told = told_to_app(visitor.get(who(prompt="none")))
    error = "consent_required" if is_signed_in else "login_required"
    assert (told["error"], told["state"], told["iss"]) == (error, "xyz", ISSUER)


def test_an_app_can_have_people_asked_again(shop: Application, browser: Client) -> None:
    answer(browser, who())
    with nothing_written():
        page = browser.get(who(prompt="consent"))
    assert (page.status_code, b"Allow" in page.content) == (200, True)
    assert "code" in answer(browser, who(prompt="consent"))


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_an_app_can_have_people_sign_in_again(
    shop: Application, browser: Client, clerk: User, prompt: str
) -> None:
    answer(browser, who())
    address = who(prompt=prompt)
    response = browser.get(address)
    with nothing_written():
        again = browser.get(parse_qs(urlsplit(response["Location"]).query)["next"][0])
    assert again.status_code == 302, "who did not sign in again is sent to do so"
    assert urlsplit(again["Location"]).path != urlsplit(CALLBACK).path
    back = sign_in_again(browser, response, clerk)
    if "consent" in prompt:
        assert back.status_code == 200
    else:
        assert "code" in told_to_app(back)


def test_a_new_sign_in_answers_one_question_only(
    shop: Application, browser: Client, clerk: User
) -> None:
    answer(browser, who())
    asked = parse_qs(urlsplit(browser.get(who(prompt="login"))["Location"]).query)["next"][0]
    browser.force_login(clerk)
    signed = parse_qs(urlsplit(asked).query)["asked"][0]
    other = browser.get(who(prompt="login", state="another", asked=signed))
    assert "code" not in parse_qs(urlsplit(other["Location"]).query)
    forged = browser.get(who(prompt="login", asked="x"))
    assert "code" not in parse_qs(urlsplit(forged["Location"]).query)
    assert "code" in told_to_app(browser.get(asked))


def test_a_sign_in_that_is_too_old_is_made_again(
    shop: Application, browser: Client, clerk: User
) -> None:
    answer(browser, who())
    assert "code" in told_to_app(browser.get(who(max_age="60")))
    session = browser.session
    session["auth_time"] -= 61
    session.save()
    silent = told_to_app(browser.get(who(max_age="60", prompt="none")))
    assert silent["error"] == "login_required"
    back = sign_in_again(browser, browser.get(who(max_age="60")), clerk)
    claims = id_token_of(redeem(told_to_app(back)["code"]).json())
    assert timezone.now().timestamp() - claims["auth_time"] < 30
    back = sign_in_again(browser, browser.get(who(max_age="0")), clerk)
    assert "code" in told_to_app(back)


def test_an_app_that_expects_somebody_gets_nobody_else(
    shop: Application, browser: Client, clerk: User
) -> None:
    hint = redeem(answer(browser, who())["code"]).json()["id_token"]
    address = who(id_token_hint=hint)
    assert "code" in told_to_app(browser.get(address))
    other = factories.user("Clerk")
    browser.force_login(other)
    assert told_to_app(browser.get(who(id_token_hint=hint, prompt="none")))["error"] == (
        "login_required"
    )
    with nothing_written():
        back = sign_in_again(browser, browser.get(address), other)
    assert told_to_app(back)["error"] == "login_required"
    back = sign_in_again(browser, browser.get(address), clerk)
    assert "code" in told_to_app(back)


def test_a_question_may_come_by_post_from_the_apps_own_page(
    shop: Application, browser: Client
) -> None:
    query = urlsplit(who()).query
    form = {name: values[0] for name, values in parse_qs(query).items()}
    with nothing_written():
        response = browser.post("/o/authorize/", form)
    assert (response.status_code, urlsplit(response["Location"]).path) == (302, "/o/authorize/")
    assert "code" in answer(browser, response["Location"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1" * 400}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "https://shop.example.com/x"}, "request_uri_not_supported"),
    ],
)
def test_what_is_not_supported_is_told_to_the_app(
    shop: Application, browser: Client, changes: dict[str, str], error: str
) -> None:
    with nothing_written():
        told = told_to_app(browser.get(who(**changes)))
    assert (told["error"], told["state"], told["iss"]) == (error, "xyz", ISSUER)


# --- Whom an app is for -------------------------------------------------------------------------


def test_an_app_may_be_for_some_roles_only(
    shop: Application, browser: Client, roles: dict[str, Any]
) -> None:
    shop.allowed_roles.set([roles["Manager"]])
    with nothing_written():
        page = browser.get(who())
        assert told_to_app(browser.get(who(prompt="none")))["error"] == "access_denied"
    assert page.status_code == 403
    assert b"Use another account" in page.content
    manager = factories.user("Manager")
    browser.force_login(manager)
    given = redeem(answer(browser, who())["code"]).json()
    manager.groups.clear()
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")


def test_an_app_asks_for_what_it_was_registered_for(shop: Application, browser: Client) -> None:
    Application.objects.update(allowed_scopes="openid email")
    with nothing_written():
        assert told_to_app(browser.get(who()))["error"] == "invalid_scope"
    assert "code" in answer(browser, who(scope="openid email"))


def test_pkce_may_be_waived_for_an_old_web_server_only(browser: Client) -> None:
    app, secret = factories.app(client_id="shop", kind=AppKind.WEB_SERVER, redirect_uris=[CALLBACK])
    plain = who(code_challenge=None, code_challenge_method=None)
    assert told_to_app(browser.get(plain))["error"] == "invalid_request"
    app.requires_pkce = False
    connected_apps.save_app(app, by=None)
    code = answer(browser, plain)["code"]
    assert_oauth_error(redeem(code, client_secret=secret), "invalid_grant")
    assert redeem(code, client_secret=secret, code_verifier="").status_code == 200
    app.kind = AppKind.BROWSER_OR_MOBILE
    connected_apps.save_app(app, by=None)
    assert told_to_app(browser.get(plain))["error"] == "invalid_request"


# --- What ends ----------------------------------------------------------------------------------


def test_a_changed_password_ends_codes_and_tokens(
    shop: Application, browser: Client, clerk: User
) -> None:
    given = redeem(answer(browser, who())["code"]).json()
    code = told_to_app(browser.get(who()))["code"]
    clerk.set_password("another horse, another battery")
    clerk.save()
    assert userinfo(given["access_token"]).status_code == 401
    assert me(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert_oauth_error(redeem(code), "invalid_grant")


def test_an_app_whose_access_is_taken_away_is_out_at_once_and_asks_again(
    shop: Application, browser: Client, clerk: User
) -> None:
    from identity.provider.authorizations import revoke_consent

    given = redeem(answer(browser, who())["code"]).json()
    revoke_consent(clerk, shop)
    assert userinfo(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert told_to_app(browser.get(who(prompt="none")))["error"] == "consent_required"


# --- Keys ---------------------------------------------------------------------------------------


def minutes_pass(minutes: int) -> None:
    SigningKey.objects.update(created_at=F("created_at") - timedelta(minutes=minutes))


def published() -> list[str]:
    return [key["kid"] for key in Client().get("/o/jwks/").json()["keys"]]


def test_a_new_key_is_published_then_signs_and_the_old_one_stays_published(
    shop: Application, browser: Client
) -> None:
    def signed() -> tuple[dict[str, Any], str]:
        given = redeem(told_to_app(browser.get(who()))["code"]).json()
        return given, jwt.get_unverified_header(given["id_token"])["kid"]

    answer(browser, who())
    given, old = signed()
    call_command("rotate_signing_key")
    new, _ = published()
    assert new != old
    assert signed()[1] == old
    minutes_pass(5)
    again, kid = signed()
    assert (kid, published()) == (new, [new, old])
    assert id_token_of(given)["sub"] == id_token_of(again)["sub"]


def test_a_key_that_somebody_else_has_is_forgotten_at_once(db: None) -> None:
    old, _ = keys.signing_key()
    call_command("rotate_signing_key", "--at-once")
    new, _ = keys.signing_key()
    assert new != old
    assert published() == [new]


def test_the_keys_before_the_last_two_go(db: None) -> None:
    made = [keys.rotate().kid for _ in range(4)]
    assert [key["kid"] for key in keys.published_keys()] == made[:0:-1]


def test_no_private_half_is_published_or_stored_in_the_clear(db: None) -> None:
    [published] = Client().get("/o/jwks/").json()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}
    assert (published["kty"], published["alg"], published["use"]) == ("RSA", "RS256", "sig")
    assert "PRIVATE" not in SigningKey.objects.get().private_key


def test_another_secret_key_makes_another_signing_key(db: None, settings: Any) -> None:
    old, _ = keys.signing_key()
    settings.SECRET_KEY = "another"
    new, _ = keys.signing_key()
    assert [key["kid"] for key in keys.published_keys()] == [new, old]


@pytest.mark.django_db(transaction=True)
def test_many_who_miss_a_key_at_the_same_moment_make_one() -> None:
    signing: list[str] = []
    start = Barrier(8)

    def sign() -> None:
        try:
            start.wait(timeout=60)
            signing.append(keys.signing_key()[0])
        finally:
            connection.close()

    threads = [Thread(target=sign) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [published] = keys.published_keys()
    assert signing == [published["kid"]] * 8


# --- Metadata -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/o/.well-known/openid-configuration",
        "/.well-known/openid-configuration/o",
        "/o/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/o",
    ],
)
def test_the_metadata_tell_what_works_at_our_own_address_whatever_the_host(path: str) -> None:
    response = Client().get(path, headers={"Host": "localhost"})
    told = response.json()
    assert response["Cache-Control"] == "public, max-age=3600"
    addresses = {name: value for name, value in told.items() if name.endswith(("endpoint", "uri"))}
    assert addresses == {
        "authorization_endpoint": f"{ISSUER}/authorize/",
        "token_endpoint": f"{ISSUER}/token/",
        "userinfo_endpoint": f"{ISSUER}/userinfo/",
        "jwks_uri": f"{ISSUER}/jwks/",
        "revocation_endpoint": f"{ISSUER}/revoke_token/",
        "introspection_endpoint": f"{ISSUER}/introspect/",
        "device_authorization_endpoint": f"{ISSUER}/device_authorization/",
        "end_session_endpoint": f"{ISSUER}/logout/",
    }
    for address in addresses.values():
        assert Client().get(urlsplit(address).path).status_code != 404
    assert told["issuer"] == ISSUER
    assert told["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]
    assert told["response_types_supported"] == ["code"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["id_token_signing_alg_values_supported"] == ["RS256"]
    assert told["subject_types_supported"] == ["public"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert json.dumps(told).count("localhost") == 0


def test_customers_are_looked_up_by_the_app_that_knows_them(db: None) -> None:
    from crm.customers import phone_number_of

    owner = factories.user()
    assert phone_number_of(owner) == ""
    factories.customer(user=owner, phone_number="+254722000000")
    assert phone_number_of(owner) == "+254722000000"
    assert Customer.objects.count() == 1


# --- Long questions -----------------------------------------------------------------------------


def test_a_long_question_survives_the_sign_in(shop: Application, clerk: User) -> None:
    visitor = Client(enforce_csrf_checks=True)
    state = "s" * 3000
    address = who(state=state, nonce="n" * 3000)
    response = visitor.get(address)
    back = parse_qs(urlsplit(response["Location"]).query)["next"][0]
    assert len(back) < 2048
    visitor.force_login(clerk)
    told = answer(visitor, back)
    assert told["state"] == state
    assert id_token_of(redeem(told["code"]).json())["nonce"] == "n" * 3000
    again = told_to_app(sign_in_again(visitor, visitor.get(f"{address}&prompt=login"), clerk))
    assert again["state"] == state


def test_a_long_question_by_post_is_kept_too(shop: Application, browser: Client) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(who()).query).items()}
    response = browser.post("/o/authorize/", form | {"state": "s" * 20_000})
    assert len(response["Location"]) < 200
    assert answer(browser, response["Location"])["state"] == "s" * 20_000


def test_a_long_hint_does_not_make_the_way_to_the_sign_in_too_long(shop: Application) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(who()).query).items()}
    kept = Client().post("/o/authorize/", form | {"login_hint": "é" * 2500})["Location"]
    sign_in = Client().get(kept)["Location"]
    assert len(sign_in) < 4000  # of the 8,190 that the web server reads
    assert parse_qs(urlsplit(sign_in).query)["login_hint"] == ["é" * 254]


def test_a_long_question_is_kept_once(shop: Application, browser: Client) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(who()).query).items()}
    kept = browser.post("/o/authorize/", form | {"state": "s" * 20_000})["Location"]
    before = BrowserSession.objects.count()
    assert browser.get(kept).status_code == 200, "the way to another account leads by it"
    assert browser.get(kept).status_code == 200
    assert BrowserSession.objects.count() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "s" * 40_000},
        {"state": "s" * 20_000, "client_id": "unknown"},
        {"state": "s" * 20_000, "redirect_uri": "https://evil.example.com/"},
        {"unheard_of": "s" * 20_000, "client_id": "unknown"},
    ],
)
def test_a_question_that_cannot_be_answered_is_not_kept(
    shop: Application, changes: dict[str, str]
) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(who()).query).items()}
    page = Client().post("/o/authorize/", form | changes)
    assert page.status_code == 400
    assert b"This app cannot be let in" in page.content
    assert not BrowserSession.objects.exists()


def test_nobody_fills_the_database_with_long_questions(shop: Application) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(who()).query).items()}
    asked = form | {"state": "s" * 2000}
    for _ in range(120):
        assert Client().post("/o/authorize/", asked).status_code == 302
    assert Client().post("/o/authorize/", asked).status_code == 429
    assert BrowserSession.objects.count() == 120
    AttemptCount.objects.all().delete()
    BrowserSession.objects.update(expire_date=timezone.now())
    assert Client().post("/o/authorize/", asked).status_code == 302
    assert BrowserSession.objects.count() == 21, "a hundred of those that are over go at once"


def test_who_is_signed_in_is_asked_even_if_no_question_is_kept_any_more(
    shop: Application, browser: Client, settings: Any
) -> None:
    settings.GUARD_FACTOR = 0.01  # two
    pages = [browser.get(who(state="s" * 2000)) for _ in range(3)]
    assert [page.status_code for page in pages] == [200] * 3
    assert [b"Use another account" in page.content for page in pages] == [True, True, False]
    assert Client().get(who(state="s" * 2000)).status_code == 429


@pytest.mark.parametrize("kept", ["unknown", "x" * 32, "../x", "", "\0" * 32])
def test_a_question_that_is_not_kept_any_more_is_a_page(browser: Client, kept: str) -> None:
    page = browser.get("/o/authorize/", {"kept": kept})
    assert page.status_code == 400
    assert b"Start again in the app." in page.content


# --- What ends with a session, an account or an app ---------------------------------------------


def signed_in_by_form(username: str, browser: Client | None = None) -> Client:
    browser = browser or Client(enforce_csrf_checks=False)
    form = {"username": username, "password": factories.PASSWORD}
    assert browser.post("/sign-in/", form).status_code == 302
    return browser


def test_signing_out_ends_what_apps_got_in_the_session_and_no_other(
    shop: Application, clerk: User
) -> None:
    here, phone = signed_in_by_form("wanjiku"), signed_in_by_form("wanjiku")
    given = redeem(answer_without_token(here, who())["code"]).json()
    on_phone = redeem(told_to_app(phone.get(who()))["code"]).json()
    here.post("/sign-out/")
    assert me(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert me(on_phone["access_token"]).status_code == 200


def answer_without_token(browser: Client, address: str) -> dict[str, str]:
    assert browser.get(address).status_code == 200
    consent = address.replace("/authorize/", "/consent/")
    return told_to_app(browser.post(consent, {"answer": "allow"}))


def test_signing_in_again_keeps_the_apps_of_the_same_person_only(
    shop: Application, clerk: User
) -> None:
    factories.user(username="achieng")
    browser = signed_in_by_form("wanjiku")
    given = redeem(answer_without_token(browser, who())["code"]).json()
    signed_in_by_form("wanjiku", browser)
    assert me(given["access_token"]).status_code == 200
    again = redeem(told_to_app(browser.get(who()))["code"]).json()
    assert id_token_of(again)["sid"] == id_token_of(given)["sid"]
    signed_in_by_form("achieng", browser)
    assert me(given["access_token"]).status_code == 401
    assert me(again["access_token"]).status_code == 401


def test_what_ended_with_an_account_does_not_come_back_with_it(
    shop: Application, browser: Client, clerk: User
) -> None:
    given = redeem(answer(browser, who())["code"]).json()
    clerk.is_active = False
    clerk.save(update_fields=["is_active"])
    assert me(given["access_token"]).status_code == 401
    clerk.is_active = True
    clerk.save()
    assert me(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert told_to_app(browser.get(who(prompt="none")))["error"] == "login_required"


def test_what_ended_with_an_app_does_not_come_back_with_it(
    shop: Application, browser: Client
) -> None:
    given = redeem(answer(browser, who())["code"]).json()
    for shop.is_active in (False, True):
        connected_apps.save_app(shop, by=None)
        assert me(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert "code" in told_to_app(browser.get(who()))


def test_an_app_that_may_ask_for_less_renews_for_less(shop: Application, browser: Client) -> None:
    given = redeem(answer(browser, who(scope="openid orders:read"))["code"]).json()
    Application.objects.update(allowed_scopes="openid")
    renewed = renew(given["refresh_token"]).json()
    assert renewed["scope"] == "openid"
    more = renew(renewed["refresh_token"], scope="openid orders:read")
    assert_oauth_error(more, "invalid_scope")


def test_an_app_gets_no_further_for_who_must_set_up_a_second_factor(
    shop: Application, settings: Any
) -> None:
    boss = factories.user("Administrator")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(boss)
    given = redeem(answer(browser, who())["code"]).json()
    settings.REQUIRE_TWO_FACTOR = True
    assert me(given["access_token"]).status_code == 401
    assert userinfo(given["access_token"]).status_code == 401
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")


def test_an_app_that_acts_for_itself_is_asked_for_no_second_factor(settings: Any) -> None:
    app, secret = factories.app(user=factories.service_account("Administrator"))
    settings.REQUIRE_TWO_FACTOR = True
    assert me(ask_for_itself(app, secret).json()["access_token"]).status_code == 200
