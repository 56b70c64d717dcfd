"""A person lets an app in; the app gets its tokens, and calls the API with them."""

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oauth2_provider.checks import validate_bcp_configuration

from crm.models import Customer
from identity.models import (
    AccessToken,
    Application,
    Authorization,
    Grant,
    RefreshToken,
    User,
)
from identity.models.provider import AppKind
from identity.provider import connected_apps
from identity.scopes import SCOPES
from identity.session_tokens import issue_tokens
from tests import factories
from tests.identity.oauth_flows import (
    CALLBACK,
    CHALLENGE,
    VERIFIER,
    answer,
    ask_for_itself,
    ask_for_token,
    assert_oauth_error,
    assert_refused_token,
    me,
    nothing_written,
    question,
    redeem,
    renew,
    revoke,
    rows,
    told_to_app,
)

pytestmark = pytest.mark.django_db

NEW_CUSTOMER = {"name": "John Doe", "phone_number": "+254722000000"}


# --- Letting an app in --------------------------------------------------------------------------


def test_a_person_lets_an_app_in_and_it_acts_for_them_within_its_scopes(
    shop: Application, browser: Client
) -> None:
    told = answer(browser, question())
    assert set(told) == {"code", "state", "iss"}
    assert told["state"] == "xyz"
    assert told["iss"] == "http://127.0.0.1:8000/o"

    response = redeem(told["code"])
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    given = response.json()
    access = given.pop("access_token")
    assert re.fullmatch(r"kat_[\w-]{43}", access)
    assert re.fullmatch(r"krt_[\w-]{43}", given.pop("refresh_token"))
    assert given == {
        "expires_in": 900,
        "token_type": "Bearer",
        "scope": "orders:read customers:write",
    }

    known = me(access)
    assert known.status_code == 200
    assert known.json()["username"] == "wanjiku"
    assert known.json()["scopes"] == ["customers:write", "orders:read"]


def test_the_page_says_who_asks_for_what_and_where_it_leads(
    shop: Application, browser: Client
) -> None:
    response = browser.get(question(scope="orders:read messages:send orders:read"))
    page = " ".join(re.sub(r"<[^>]+>", "", response.content.decode()).split())
    assert "Let Shop window act for you?" in page
    assert "You are signed in as wanjiku." in page
    assert page.count("See your orders") == 1
    assert "Send texts to customers, at your cost" in page
    assert "See your customers" not in page
    assert "Either way you go on to shop.example.com." in page
    assert "<script" not in response.content.decode()
    assert response["X-Frame-Options"] == "DENY"
    assert "no-store" in response["Cache-Control"]


def test_an_app_cannot_write_into_the_page_with_its_name(browser: Client) -> None:
    factories.app(
        name="<b>Shop</b>",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[CALLBACK],
        client_id="shop",
    )
    page = browser.get(question()).content.decode()
    assert "&lt;b&gt;Shop&lt;/b&gt;" in page
    assert "<b>" not in page


def test_a_no_is_told_to_the_app_and_nothing_is_given(shop: Application, browser: Client) -> None:
    with nothing_written():
        told = answer(browser, question(), "deny")
    assert told["error"] == "access_denied"
    assert told["state"] == "xyz"
    assert told["iss"] == "http://127.0.0.1:8000/o"
    assert "code" not in told


def test_anything_but_a_yes_is_a_no(shop: Application, browser: Client) -> None:
    with nothing_written():
        assert answer(browser, question(), "perhaps")["error"] == "access_denied"


def test_another_site_cannot_answer_for_a_person(shop: Application, browser: Client) -> None:
    with nothing_written():
        address = question().replace("/authorize/", "/consent/")
        assert browser.post(address, {"answer": "allow"}).status_code == 403


def test_a_person_is_not_asked_again_for_what_they_allowed(
    tokens: dict[str, Any], browser: Client
) -> None:
    told = told_to_app(browser.get(question(scope="orders:read")))
    assert redeem(told["code"]).json()["scope"] == "orders:read"


def test_a_person_is_asked_again_for_more(tokens: dict[str, Any], browser: Client) -> None:
    more = question(scope="orders:read messages:read")
    with nothing_written():
        page = browser.get(more)
    assert page.status_code == 200
    assert b"See the texts sent to customers" in page.content
    answer(browser, more)
    whole = question(scope="orders:read customers:write messages:read")
    assert "code" in told_to_app(browser.get(whole))


def test_who_is_not_signed_in_signs_in_first_and_comes_back(shop: Application) -> None:
    client = Client()
    response = client.get(question(login_hint="wanjiku"))
    assert response.status_code == 302
    assert urlsplit(response["Location"]).path == "/sign-in/"
    sign_in = parse_qs(urlsplit(response["Location"]).query)
    assert sign_in["login_hint"] == ["wanjiku"]
    client.force_login(factories.user("Clerk", username="wanjiku"))
    assert b"Let <em>Shop window</em> act for you?" in client.get(sign_in["next"][0]).content


def test_parameters_of_other_specifications_are_ignored(shop: Application, browser: Client) -> None:
    extra = {
        "nonce": "n" * 1000,
        "claims": "{",
        "resource": "urn:x",
        "display": "touch",
        "user": "admin",
        "client": "x",
        "scopes": "messages:send",
    }
    code = answer(browser, question(**extra))["code"]
    assert redeem(code, resource="https://other.example.com", user="admin").status_code == 200
    assert AccessToken.objects.get().resource == []


FATAL = [
    question(client_id=None),
    question(client_id="unknown"),
    question(client_id="shop\0"),
    question(redirect_uri="https://evil.example.com/back"),
    question(redirect_uri=CALLBACK + "/more"),
    question(redirect_uri=CALLBACK + "?x=1"),
    question(redirect_uri=CALLBACK + "#x"),
    question(redirect_uri=CALLBACK.replace("https", "http")),
    question(redirect_uri="https://shop.example.com:99999/back"),
    question(redirect_uri="https://[/back"),
    question(redirect_uri="javascript:alert(1)"),
    question(redirect_uri="/back"),
    question(state="\0"),
    question() + "&scope=orders:write",
    question() + "&client_id=shop",
    "/o/authorize/",
    "/o/authorize/?%zz&&=&client_id",
]


@pytest.mark.parametrize("address", FATAL, ids=range(len(FATAL)))
def test_a_question_that_cannot_be_trusted_leads_nowhere(
    shop: Application, browser: Client, address: str
) -> None:
    with nothing_written():
        response = browser.get(address)
    assert response.status_code == 400
    assert "This app cannot be let in" in response.content.decode()
    assert '<a class="button" href="/">Go to ' in response.content.decode()


TOLD = {
    "no response type": (question(response_type=None), "invalid_request"),
    "implicit": (question(response_type="token"), "unsupported_response_type"),
    "implicit with ID token": (question(response_type="id_token"), "unsupported_response_type"),
    "hybrid": (question(response_type="code token"), "unsupported_response_type"),
    "hybrid with ID token": (question(response_type="code id_token"), "unsupported_response_type"),
    "code twice": (question(response_type="code code"), "unsupported_response_type"),
    "nothing but yes": (question(response_type="none"), "unsupported_response_type"),
    "unknown response type": (question(response_type="x"), "unsupported_response_type"),
    "no scope": (question(scope=None), "invalid_scope"),
    "empty scope": (question(scope=" "), "invalid_scope"),
    "unknown scope": (question(scope="orders:read everything"), "invalid_scope"),
    "no PKCE": (question(code_challenge=None, code_challenge_method=None), "invalid_request"),
    "plain PKCE": (question(code_challenge_method="plain"), "invalid_request"),
    "plain by omission": (question(code_challenge_method=None), "invalid_request"),
    "unknown PKCE": (question(code_challenge_method="S512"), "invalid_request"),
    "no digest": (question(code_challenge="x" * 42), "invalid_request"),
    "too long a digest": (question(code_challenge="x" * 4000), "invalid_request"),
}


@pytest.mark.parametrize(("address", "error"), TOLD.values(), ids=TOLD)
def test_a_question_that_is_wrong_is_told_to_the_app(
    shop: Application, browser: Client, address: str, error: str
) -> None:
    with nothing_written():
        told = told_to_app(browser.get(address))
    assert told["error"] == error
    assert told["state"] == "xyz"
    assert told["iss"] == "http://127.0.0.1:8000/o"


def test_an_app_that_acts_for_itself_gets_no_code(browser: Client) -> None:
    factories.app(client_id="shop", redirect_uris=[CALLBACK])
    with nothing_written():
        assert told_to_app(browser.get(question()))["error"] == "unauthorized_client"


def test_an_app_that_is_switched_off_is_unknown(shop: Application, browser: Client) -> None:
    Application.objects.update(is_active=False)
    assert browser.get(question()).status_code == 400


# --- A code becomes tokens ----------------------------------------------------------------------


@pytest.fixture
def code(shop: Application, browser: Client) -> str:
    return answer(browser, question())["code"]


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant", 400),
        ({"code_verifier": CHALLENGE}, "invalid_grant", 400),
        ({"code_verifier": "é" * 43}, "invalid_grant", 400),
        ({"code_verifier": ""}, "invalid_grant", 400),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant", 400),
        ({"code": "unknown"}, "invalid_grant", 400),
        ({"code": ""}, "invalid_request", 400),
        ({"client_id": "unknown"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_client", 401),
        ({"client_id": "other"}, "invalid_grant", 400),
        ({"client_secret": "guessed"}, "invalid_client", 401),
        ({"grant_type": ""}, "unsupported_grant_type", 400),
    ],
)
def test_a_code_is_no_good_to_who_cannot_show_the_rest(
    code: str, changes: dict[str, str], error: str, status: int
) -> None:
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[CALLBACK],
    )
    with nothing_written():
        assert_oauth_error(redeem(code, **changes), error, status)
    assert not AccessToken.objects.exists()


def test_a_code_is_good_once_and_a_replay_ends_what_it_gave(code: str) -> None:
    given = redeem(code).json()
    assert me(given["access_token"]).status_code == 200
    assert_oauth_error(redeem(code), "invalid_grant")
    assert_refused_token(me(given["access_token"]), "The access token was revoked.")
    assert_oauth_error(renew(given["refresh_token"]), "invalid_grant")
    assert AccessToken.objects.count() == 1


def test_a_code_is_good_for_a_minute(code: str) -> None:
    lifetime = Grant.objects.get().expires - timezone.now()
    assert timedelta(seconds=50) < lifetime <= timedelta(seconds=60)
    Grant.objects.update(expires=timezone.now())
    with nothing_written():
        assert_oauth_error(redeem(code), "invalid_grant")


def test_the_code_of_a_disabled_person_is_dead(code: str) -> None:
    User.objects.update(is_active=False)
    with nothing_written():
        assert_oauth_error(redeem(code), "invalid_grant")


def test_an_app_with_a_secret_shows_it(browser: Client) -> None:
    app, secret = factories.app(client_id="shop", kind=AppKind.WEB_SERVER, redirect_uris=[CALLBACK])
    code = answer(browser, question())["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    with nothing_written():
        for guess in ("", "guessed"):
            response = ask_for_token(form, factories.basic(app, guess))
            assert_oauth_error(response, "invalid_client", 401)
            response = ask_for_token(form | {"client_id": "shop", "client_secret": guess})
            assert_oauth_error(response, "invalid_client", 401)
            assert response["WWW-Authenticate"] == 'Basic realm="Karani"'
    assert ask_for_token(form, factories.basic(app, secret)).status_code == 200


# --- Renewing -----------------------------------------------------------------------------------


def test_renewing_gives_a_new_pair_and_ends_the_old_one(tokens: dict[str, Any]) -> None:
    response = renew(tokens["refresh_token"])
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    renewed = response.json()
    assert renewed["access_token"] != tokens["access_token"]
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert renewed["scope"] == "orders:read customers:write"
    assert me(renewed["access_token"]).status_code == 200
    assert_refused_token(me(tokens["access_token"]), "The access token was revoked.")


def later(seconds: float) -> None:
    """The tokens that were used were used so long ago."""
    used = RefreshToken.objects.exclude(revoked=None)
    used.update(revoked=F("revoked") - timedelta(seconds=seconds))


def test_a_refresh_token_used_twice_ends_all_that_came_of_it(tokens: dict[str, Any]) -> None:
    second = renew(tokens["refresh_token"]).json()
    third = renew(second["refresh_token"]).json()
    later(10)
    assert_oauth_error(renew(tokens["refresh_token"]), "invalid_grant")
    assert_refused_token(me(third["access_token"]), "The access token was revoked.")
    assert_oauth_error(renew(third["refresh_token"]), "invalid_grant")
    assert not Authorization.objects.filter(revoked_at=None).exists()


def test_a_second_tab_that_renews_within_seconds_is_answered_the_same(
    tokens: dict[str, Any],
) -> None:
    first = renew(tokens["refresh_token"])
    later(9)
    with nothing_written():
        second = renew(tokens["refresh_token"])
    assert (second.status_code, second.json()) == (200, first.json())
    assert second["Cache-Control"] == "no-store"
    assert me(second.json()["access_token"]).status_code == 200


def test_a_second_tab_that_names_the_same_scopes_is_answered_the_same(
    tokens: dict[str, Any],
) -> None:
    scope = "customers:write orders:read"
    first = renew(tokens["refresh_token"], scope=scope)
    second = renew(tokens["refresh_token"], scope=scope)
    assert (second.status_code, second.content) == (200, first.content)


def test_a_twin_that_asks_for_something_else_gets_nothing_and_ends_nothing(
    tokens: dict[str, Any],
) -> None:
    given = renew(tokens["refresh_token"]).json()
    with nothing_written():
        assert_oauth_error(renew(tokens["refresh_token"], scope="orders:read"), "invalid_grant")
    assert me(given["access_token"]).status_code == 200


def test_a_reuse_ends_nothing_of_another_consent(tokens: dict[str, Any], browser: Client) -> None:
    other = redeem(told_to_app(browser.get(question()))["code"]).json()
    renew(tokens["refresh_token"])
    later(10)
    assert_oauth_error(renew(tokens["refresh_token"]), "invalid_grant")
    assert me(other["access_token"]).status_code == 200
    assert renew(other["refresh_token"]).status_code == 200


def test_scopes_do_not_grow_by_renewing(tokens: dict[str, Any]) -> None:
    with nothing_written():
        response = renew(tokens["refresh_token"], scope="orders:read orders:write")
        assert_oauth_error(response, "invalid_scope")
    narrower = renew(tokens["refresh_token"], scope="orders:read").json()
    assert me(narrower["access_token"]).json()["scopes"] == ["orders:read"]


def test_a_refresh_token_lives_14_days_from_its_last_use(tokens: dict[str, Any]) -> None:
    issued = timezone.now() - timedelta(days=14)
    RefreshToken.objects.update(created=issued + timedelta(seconds=5))
    renewed = renew(tokens["refresh_token"])
    assert renewed.status_code == 200
    RefreshToken.objects.filter(revoked=None).update(created=issued)
    with nothing_written():
        assert_oauth_error(renew(renewed.json()["refresh_token"]), "invalid_grant")


def test_renewing_for_less_takes_nothing_from_the_next_time(tokens: dict[str, Any]) -> None:
    less = renew(tokens["refresh_token"], scope="orders:read").json()
    assert less["scope"] == "orders:read"
    assert renew(less["refresh_token"]).json()["scope"] == "orders:read customers:write"


def test_a_refresh_token_is_good_to_its_own_app_only(tokens: dict[str, Any]) -> None:
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[CALLBACK],
    )
    with nothing_written():
        assert_oauth_error(renew(tokens["refresh_token"], client_id="other"), "invalid_grant")


def test_an_access_token_renews_nothing(tokens: dict[str, Any]) -> None:
    with nothing_written():
        assert_oauth_error(renew(tokens["access_token"]), "invalid_grant")


# --- Ending -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revoked_token_is_dead_at_once_and_so_is_its_pair(
    tokens: dict[str, Any], kind: str
) -> None:
    response = revoke(tokens[kind])
    assert (response.status_code, response.content) == (200, b"")
    assert_refused_token(me(tokens["access_token"]), "The access token was revoked.")
    assert_oauth_error(renew(tokens["refresh_token"]), "invalid_grant")


def test_an_app_ends_no_token_of_another(tokens: dict[str, Any]) -> None:
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[CALLBACK],
    )
    with nothing_written():
        assert revoke(tokens["access_token"], client_id="other").status_code == 200
    assert me(tokens["access_token"]).status_code == 200


def test_who_is_no_app_ends_nothing(tokens: dict[str, Any]) -> None:
    with nothing_written():
        response = revoke(tokens["access_token"], client_id="unknown")
        assert_oauth_error(response, "invalid_client", 401)


def _disable(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _switch_off(user: User) -> None:
    Application.objects.update(is_active=False)


@pytest.mark.parametrize(
    ("end", "error", "status"),
    [(_disable, "invalid_grant", 400), (_switch_off, "invalid_client", 401)],
)
def test_a_disabled_person_or_app_has_no_live_token(
    tokens: dict[str, Any],
    clerk: User,
    end: Callable[[User], None],
    error: str,
    status: int,
) -> None:
    end(clerk)
    assert_refused_token(me(tokens["access_token"]), "The access token was revoked.")
    assert_oauth_error(renew(tokens["refresh_token"]), error, status)


def test_an_expired_token_is_told_so(tokens: dict[str, Any]) -> None:
    AccessToken.objects.update(expires=timezone.now())
    assert_refused_token(me(tokens["access_token"]), "The access token has expired.")


def test_an_unknown_token_is_told_so(tokens: dict[str, Any]) -> None:
    for text in (
        "kat_" + "x" * 43,
        tokens["access_token"][:-1],
        tokens["access_token"] + "x",
        tokens["refresh_token"],
        AccessToken.objects.get().token_checksum,
    ):
        assert_refused_token(me(text), "The access token is invalid.")


def test_a_token_that_we_do_not_issue_is_refused(tokens: dict[str, Any]) -> None:
    parts = (b'{"alg":"none"}', b'{"sub":"wanjiku"}', b"x")
    id_token = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert_refused_token(me(id_token), "The access token is invalid.")


def test_a_token_in_the_address_or_in_the_body_is_no_credential(tokens: dict[str, Any]) -> None:
    given = {"access_token": tokens["access_token"]}
    response = Client().get("/api/me/", given)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Karani"'
    response = Client().post("/api/customers/", urlencode(given), content_type=factories.FORM)
    assert response.status_code == 401
    assert not Customer.objects.exists()


# --- What a token may do ------------------------------------------------------------------------


def test_what_an_app_may_do_is_its_scopes_and_the_permissions_of_the_person(
    tokens: dict[str, Any], clerk: User
) -> None:
    def post() -> Any:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return Client().post(
            "/api/customers/", NEW_CUSTOMER, content_type="application/json", headers=headers
        )

    clerk.groups.clear()
    response = post()
    assert response.status_code == 403
    assert response.json()["detail"] == "You do not have permission to perform this action."
    assert not Customer.objects.exists()

    clerk.groups.set([factories.roles()["Clerk"]])
    assert post().status_code == 201
    assert Customer.history.get().history_user == clerk


def test_a_scope_that_was_not_granted_is_named(tokens: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    response = Client().get("/api/customers/", headers=headers)
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        'Bearer realm="Karani", error="insufficient_scope", scope="customers:read"'
    )


def test_an_app_acts_for_itself_as_its_service_account() -> None:
    account = factories.service_account("Manager", username="till")
    access = factories.app_token(user=account)
    response = me(access)
    assert response.status_code == 200
    assert response.json()["username"] == "till"
    assert response.json()["roles"] == ["Manager"]
    assert response.json()["scopes"] == sorted(SCOPES)
    headers = {"Authorization": f"Bearer {access}"}
    customer = factories.customer()
    path = f"/api/customers/{customer.pk}/"
    assert Client().get(path, headers=headers).status_code == 200
    assert Client().delete(path, headers=headers).status_code == 204
    assert Customer.history.filter(history_type="-").get().history_user == account


@pytest.mark.parametrize("role", ["Viewer", "Clerk"])
def test_an_app_that_acts_for_itself_may_do_what_its_roles_may(role: str) -> None:
    path = f"/api/customers/{factories.customer().pk}/"
    headers = {"Authorization": f"Bearer {factories.app_token(role)}"}
    assert Client().get(path, headers=headers).status_code == 200
    assert Client().delete(path, headers=headers).status_code == 403
    assert Customer.objects.count() == 1


def test_an_app_that_acts_for_itself_has_the_scopes_that_it_asked_for() -> None:
    access = factories.app_token("Manager", scopes=["orders:read"])
    headers = {"Authorization": f"Bearer {access}"}
    assert Client().get("/api/orders/", headers=headers).status_code == 200
    assert Client().get("/api/customers/", headers=headers).status_code == 403


def test_an_app_that_acts_for_itself_gets_no_refresh_token() -> None:
    app, secret = factories.app(user=factories.service_account())
    given = ask_for_itself(app, secret).json()
    assert set(given) == {"access_token", "expires_in", "token_type", "scope"}
    assert not RefreshToken.objects.exists()


def test_an_app_without_a_service_account_is_nobody() -> None:
    app, secret = factories.app()
    with nothing_written():
        assert_oauth_error(ask_for_itself(app, secret), "unauthorized_client")
    app.user = factories.service_account()
    app.user.is_active = False
    app.user.save()
    app.save()
    with nothing_written():
        assert_oauth_error(ask_for_itself(app, secret), "unauthorized_client")


def test_an_app_is_nobody_once_its_service_account_is_deleted_or_disabled() -> None:
    account = factories.service_account("Manager")
    access = factories.app_token(user=account)
    User.objects.update(is_active=False)
    assert_refused_token(me(access), "The access token was revoked.")
    account.delete()
    assert_refused_token(me(access), "This app has no service account.")


def test_an_app_for_people_gets_no_token_for_itself() -> None:
    app, secret = factories.app(kind=AppKind.WEB_SERVER, redirect_uris=[CALLBACK])
    with nothing_written():
        response = ask_for_itself(app, secret)
        assert_oauth_error(response, "unauthorized_client")


@pytest.mark.parametrize("scope", ["", "everything", "orders:read everything"])
def test_an_app_says_which_scopes_it_wants(scope: str) -> None:
    app, secret = factories.app(user=factories.service_account())
    with nothing_written():
        response = ask_for_itself(app, secret, scope)
        assert_oauth_error(response, "invalid_scope")


# --- At the same moment -------------------------------------------------------------------------

TWINS = 6


def at_once(ask: Callable[[], Any]) -> list[Any]:
    """What each of some clients was answered that asked the same at the same moment."""
    answers: list[Any] = []
    start = Barrier(TWINS)

    def run() -> None:
        try:
            start.wait(timeout=60)
            answers.append(ask())
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(TWINS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_a_code_is_good_once_also_in_a_race(code: str) -> None:
    answers = at_once(lambda: redeem(code))
    assert sorted(each.status_code for each in answers) == [200] + [400] * (TWINS - 1)
    assert (AccessToken.objects.count(), RefreshToken.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_who_renew_at_once_are_answered_the_same(tokens: dict[str, Any]) -> None:
    answers = at_once(lambda: renew(tokens["refresh_token"]))
    assert [each.status_code for each in answers] == [200] * TWINS
    assert len({each.content for each in answers}) == 1
    assert me(answers[0].json()["access_token"]).status_code == 200
    assert (AccessToken.objects.count(), RefreshToken.objects.count()) == (2, 2)


# --- Inputs that no client should send ----------------------------------------------------------


TILL = {"client_id": "till", "client_secret": "secret"}
ASKED = urlencode({"grant_type": "client_credentials", "scope": "orders:read"} | TILL)
BAD_FORMS: dict[str, tuple[str | bytes, dict[str, str]]] = {
    "no body": ("", {}),
    "no form": ("x", {}),
    "JSON": ('{"grant_type": "client_credentials"}', {"CONTENT_TYPE": "application/json"}),
    "multipart": ("--x--", {"CONTENT_TYPE": "multipart/form-data; boundary=x"}),
    "broken multipart": ("x", {"CONTENT_TYPE": "multipart/form-data"}),
    "no content type": (ASKED, {"CONTENT_TYPE": ""}),
    "another charset": (ASKED, {"CONTENT_TYPE": f"{factories.FORM}; charset=utf-16"}),
    "query": (ASKED, {"QUERY_STRING": "x=1"}),
    "broken query": (ASKED, {"QUERY_STRING": "%zz&x"}),
    "NUL in a grant type": ("grant_type=%00", {}),
    "NUL in a client id": ("grant_type=client_credentials&client_id=%00", {}),
    "NUL in a secret": (ASKED.replace("secret&", "%00&"), {}),
    "NUL in a scope": (ASKED + "%00", {}),
    "NUL in a code": ("grant_type=authorization_code&client_id=till&code=%00", {}),
    "NUL in a token": ("grant_type=refresh_token&client_id=till&refresh_token=%00", {}),
    "scope twice": (ASKED + "&scope=orders:read", {}),
    "grant type twice": (ASKED + "&grant_type=password", {}),
    "half a letter": (ASKED + "%ff%fe", {}),
    "bytes": (b"\xff\xfe\x00", {}),
    "surrogate": (ASKED + "%ED%A0%80", {}),
    "too many fields": ("&".join(f"a{number}=1" for number in range(2000)), {}),
    "too large": (ASKED + "&x=" + "x" * 3_000_000, {}),
    "password grant": ("grant_type=password&username=a&password=b&client_id=till", {}),
    "device grant": (
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=till",
        {},
    ),
    "unknown grant": ("grant_type=x&client_id=till", {}),
    "header of letters": (ASKED, {"HTTP_AUTHORIZATION": "Basic é"}),
    "header of nothing": (ASKED, {"HTTP_AUTHORIZATION": "Basic"}),
    "header of no pair": (ASKED, {"HTTP_AUTHORIZATION": "Basic " + b64encode(b"x").decode()}),
    "header of NUL": (ASKED, {"HTTP_AUTHORIZATION": "Basic " + b64encode(b"\0:\0").decode()}),
    "header of bytes": (ASKED, {"HTTP_AUTHORIZATION": "Basic " + b64encode(b"\xff:").decode()}),
    "two ways to say who": (ASKED, {"HTTP_AUTHORIZATION": "Bearer x"}),
}
ENDPOINTS = ["/o/token/", "/o/revoke_token/"]


def send_form(address: str, body: str | bytes, environ: dict[str, Any]) -> Any:
    environ = {"CONTENT_TYPE": factories.FORM} | environ
    return Client().generic("POST", address, body, **environ)


@pytest.mark.parametrize("address", ENDPOINTS)
@pytest.mark.parametrize(("body", "headers"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_malformed_request_is_told_so_in_oauths_words(
    address: str, body: str | bytes, headers: dict[str, str]
) -> None:
    factories.app(client_id="till")
    with nothing_written():
        response = send_form(address, body, headers)
    assert response.status_code in {400, 401}
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json()["error"] in {
        "invalid_request",
        "invalid_client",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }


@pytest.mark.parametrize("address", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_tokens_are_asked_for_by_post(address: str, method: str) -> None:
    response = Client().generic(method, address)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_a_person_is_asked_by_get_and_answers_by_post(
    shop: Application, admin_client: Client, method: str
) -> None:
    response = admin_client.generic(method, question())
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "path",
    [
        *("applications/", "applications/register/", "authorized_tokens/", "register/"),
        *("device-authorization/", "device-confirm/", ".well-known/jwks.json"),
        ".well-known/oauth-protected-resource",
    ],
)
def test_nothing_else_of_the_engine_is_open(admin_client: Client, path: str) -> None:
    assert admin_client.get(f"/o/{path}").status_code == 404


def test_the_admin_has_no_page_of_the_engine(admin_client: Client) -> None:
    for table in ("accesstoken", "refreshtoken", "grant", "idtoken", "devicegrant"):
        assert admin_client.get(f"/admin/identity/{table}/").status_code == 404


# --- What is stored, and what is told -----------------------------------------------------------


def test_of_secrets_and_tokens_only_digests_are_stored(browser: Client) -> None:
    _, secret = factories.app(client_id="shop", kind=AppKind.WEB_SERVER, redirect_uris=[CALLBACK])
    code = answer(browser, question())["code"]
    given = redeem(code, client_secret=secret).json()
    stored = repr(rows())
    assert hashlib.sha256(given["access_token"].encode()).hexdigest() in stored
    for text in (secret, code, given["access_token"], given["refresh_token"], VERIFIER):
        assert text not in stored


def test_what_is_over_is_forgotten_but_for_what_tells_of_a_reuse(tokens: dict[str, Any]) -> None:
    renewed = renew(tokens["refresh_token"]).json()
    assert (AccessToken.objects.count(), RefreshToken.objects.count()) == (2, 2)
    AccessToken.objects.exclude(revoked_at=None).update(expires=timezone.now())
    third = renew(renewed["refresh_token"]).json()
    assert (AccessToken.objects.count(), RefreshToken.objects.count()) == (2, 3)
    long_ago = timezone.now() - timedelta(days=14, seconds=1)
    RefreshToken.objects.exclude(revoked=None).update(created=long_ago)
    assert renew(third["refresh_token"]).status_code == 200
    assert RefreshToken.objects.count() == 2


def test_an_authorization_goes_when_nothing_of_it_is_left(
    tokens: dict[str, Any], browser: Client
) -> None:
    long_ago = timezone.now() - timedelta(days=15)
    Authorization.objects.update(created_at=long_ago)
    AccessToken.objects.update(expires=long_ago)
    RefreshToken.objects.update(created=long_ago)
    redeem(told_to_app(browser.get(question()))["code"])
    assert (Authorization.objects.count(), Grant.objects.count()) == (1, 1)


def test_forgetting_leaves_others_alone(tokens: dict[str, Any]) -> None:
    AccessToken.objects.update(expires=timezone.now() - timedelta(minutes=1))
    factories.app_token()
    assert AccessToken.objects.count() == 2
    assert renew(tokens["refresh_token"]).status_code == 200


def test_the_settings_pass_the_engines_own_check_of_rfc_9700() -> None:
    assert validate_bcp_configuration(None) == []


# --- What it costs ------------------------------------------------------------------------------


def queries_of(path: str, access: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = Client().get(path, headers={"Authorization": f"Bearer {access}"})
    assert response.status_code == 200
    return len(queries)


@pytest.mark.parametrize("is_for_itself", [True, False])
def test_the_credential_of_an_app_costs_one_query_like_a_session_token(
    shop: Application, browser: Client, clerk: User, is_for_itself: bool
) -> None:
    if is_for_itself:
        access = factories.app_token(user=clerk)
    else:
        code = answer(browser, question(scope="customers:read orders:read"))["code"]
        access = redeem(code).json()["access_token"]
    session = issue_tokens(clerk).access
    order = factories.order()
    for path, most in [
        (f"/api/orders/{order.pk}/", 2),
        ("/api/orders/", 3),
        (f"/api/customers/{order.customer_id}/", 2),
        ("/api/customers/", 3),
    ]:
        assert queries_of(path, access) == queries_of(path, session) <= most


# --- Registering an app -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example.com/back",
        "https://shop.example.com/back#x",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://*.example.com/back",
        "/back",
        "",
    ],
)
def test_an_app_is_not_registered_to_send_people_where_no_code_may_go(uri: str) -> None:
    with nothing_written(), pytest.raises(ValidationError):
        factories.app(kind=AppKind.WEB_SERVER, redirect_uris=[uri])


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1/back", "http://localhost:3000/back", "http://[::1]/", "https://a.example/b"],
)
def test_an_app_may_send_people_to_its_own_site_or_to_their_own_machine(uri: str) -> None:
    factories.app(kind=AppKind.WEB_SERVER, redirect_uris=[uri])
    assert Application.objects.get().redirect_uris == uri


def test_an_app_may_send_people_to_our_own_pages(settings: Any) -> None:
    settings.PUBLIC_URL = "http://karani.local:8000"
    factories.app(kind=AppKind.WEB_SERVER, redirect_uris=["http://karani.local:8000/x"])
    with pytest.raises(ValidationError):
        factories.app(kind=AppKind.WEB_SERVER, redirect_uris=["http://karani.local/x"])


def test_a_program_on_a_device_listens_where_there_is_room(browser: Client) -> None:
    factories.app(
        client_id="shop",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=["http://127.0.0.1/back"],
    )
    assert browser.get(question(redirect_uri="http://127.0.0.1:49152/back")).status_code == 200
    assert browser.get(question(redirect_uri="http://localhost:49152/back")).status_code == 400


def test_registering_again_changes_the_app_and_keeps_its_secret() -> None:
    app, secret = factories.app(name="Till", client_id="till")
    assert re.fullmatch(r"[A-Za-z0-9]{128}", secret)
    account = factories.service_account("Clerk")
    again, no_secret = connected_apps.register_app(
        name="Till 2", client_id="till", kind=AppKind.MACHINE, user=account
    )
    assert (again.pk, again.name, again.user, no_secret) == (app.pk, "Till 2", account, "")
    response = ask_for_itself(app, secret)
    assert me(response.json()["access_token"]).json()["username"] == account.username


def test_registering_again_does_not_switch_an_app_on() -> None:
    factories.app(client_id="till")
    Application.objects.update(is_active=False)
    app, _ = factories.app(client_id="till")
    assert not app.is_active


def test_each_app_has_its_own_id_and_secret() -> None:
    (first, one), (second, other) = factories.app(), factories.app()
    assert first.client_id != second.client_id
    assert one != other
