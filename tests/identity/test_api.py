"""Signing in to the API, and who one is to it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from crm.models import Customer
from identity.models import SessionToken, User
from identity.session_tokens import issue_tokens
from tests import factories

pytestmark = pytest.mark.django_db

JSON = "application/json"
PROBLEM = "application/problem+json"
NEW_CUSTOMER = {"name": "John Doe", "phone_number": "+254722000000"}
ALL_SCOPES = [
    "customers:read",
    "customers:write",
    "messages:read",
    "messages:send",
    "orders:read",
    "orders:write",
]


def post(path: str, body: Any, **headers: str) -> Any:
    return Client().post(path, body, content_type=JSON, headers=headers)


def sign_in(username: str, password: str = factories.PASSWORD) -> Any:
    return post("/api/token/", {"username": username, "password": password})


def me(access: str) -> Any:
    return Client().get("/api/me/", headers={"Authorization": f"Bearer {access}"})


def without_request_id(response: Any) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response["X-Request-ID"]
    return body


def token_rows() -> list[Any]:
    return list(SessionToken.objects.order_by("pk").values())


# --- Signing in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["wanjiku", "wanjiku@example.com", "Wanjiku@EXAMPLE.com"])
def test_a_username_or_an_email_with_its_password_gives_a_token(typed: str) -> None:
    factories.user(username="wanjiku", email="wanjiku@example.com")
    response = sign_in(typed)
    pair = response.json()
    assert response.status_code == 200
    assert set(pair) == {"access", "refresh", "token_type", "expires_in"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    assert me(pair["access"]).json()["username"] == "wanjiku"


def test_only_digests_of_the_tokens_are_stored() -> None:
    factories.user(username="wanjiku")
    pair = sign_in("wanjiku").json()
    stored = repr(token_rows())
    assert pair["access"] not in stored
    assert pair["refresh"] not in stored


def test_a_wrong_sign_in_is_answered_alike_whatever_is_wrong_and_makes_no_token() -> None:
    factories.user(username="wanjiku", email="wanjiku@example.com")
    factories.user(username="gone", is_active=False)
    answers = [
        sign_in("wanjiku", "wrong"),
        sign_in("wanjiku@example.com", "wrong"),
        sign_in("nobody"),
        sign_in("nobody@example.com"),
        sign_in("gone"),
        sign_in(""),
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="Karani"'
        assert answer["Content-Type"] == PROBLEM
        assert without_request_id(answer) == {
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "Wrong username, email address or password.",
        }
    assert not SessionToken.objects.exists()


@pytest.mark.parametrize("username", ["wanjiku", "gone", "nobody"])
def test_a_wrong_sign_in_costs_one_hash_whoever_it_names(username: str) -> None:
    factories.user(username="wanjiku")
    factories.user(username="gone", is_active=False)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(hasher, password, salt)

    with patch.object(MD5PasswordHasher, "encode", counted):
        assert sign_in(username, "wrong").status_code == 401
    assert hashed == ["wrong"]


def test_a_sign_in_names_every_field_that_is_missing_and_makes_no_token() -> None:
    response = post("/api/token/", {})
    assert response.status_code == 400
    assert response.json()["errors"] == {
        "username": ["This field is required."],
        "password": ["This field is required."],
    }
    assert not SessionToken.objects.exists()


# --- Refreshing ---------------------------------------------------------------------------------


def refresh(token: str) -> Any:
    return post("/api/token/refresh/", {"refresh": token})


def test_a_refresh_gives_a_new_pair_and_ends_the_old_one() -> None:
    user = factories.user()
    old = issue_tokens(user)
    response = refresh(old.refresh)
    new = response.json()
    assert response.status_code == 200
    assert set(new) == {"access", "refresh", "token_type", "expires_in"}
    assert me(new["access"]).status_code == 200
    assert me(old.access).json()["detail"] == "The access token was revoked."


def test_a_refresh_token_used_again_ends_the_family() -> None:
    old = issue_tokens(factories.user())
    new = refresh(old.refresh).json()
    response = refresh(old.refresh)
    assert response.status_code == 401
    assert response.json()["detail"] == "The refresh token was used before; sign in again."
    assert me(new["access"]).status_code == 401
    assert refresh(new["refresh"]).status_code == 401
    assert not SessionToken.objects.filter(revoked_at=None).exists()


def test_an_unknown_refresh_token_is_refused_and_nothing_is_written() -> None:
    issue_tokens(factories.user())
    before = token_rows()
    response = refresh("unknown")
    assert response.status_code == 401
    assert response.json()["detail"] == "The refresh token is invalid."
    assert token_rows() == before


def test_an_expired_refresh_token_is_refused_and_nothing_is_written() -> None:
    pair = issue_tokens(factories.user())
    SessionToken.objects.update(refresh_expires_at=timezone.now())
    before = token_rows()
    response = refresh(pair.refresh)
    assert response.status_code == 401
    assert response.json()["detail"] == "The refresh token has expired."
    assert token_rows() == before


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("another battery staple")
    user.save()


def revoke(user: User) -> None:
    SessionToken.objects.filter(user=user).update(revoked_at=timezone.now())


ENDINGS = pytest.mark.parametrize("end", [deactivate, change_password, revoke])


@ENDINGS
def test_an_ended_refresh_token_is_refused_and_nothing_is_written(
    end: Callable[[User], None],
) -> None:
    user = factories.user()
    pair = issue_tokens(user)
    end(user)
    before = token_rows()
    response = refresh(pair.refresh)
    assert response.status_code == 401
    assert response.json()["detail"] == "The refresh token was revoked."
    assert token_rows() == before


# --- Who one is ---------------------------------------------------------------------------------


def test_me_tells_the_user_the_roles_and_the_scopes() -> None:
    user = factories.user(
        "Manager",
        "Clerk",
        username="wanjiku",
        email="wanjiku@example.com",
        first_name="Wanjiku",
        last_name="Kamau",
    )
    assert me(issue_tokens(user).access).json() == {
        "id": str(user.pk),
        "username": "wanjiku",
        "email": "wanjiku@example.com",
        "name": "Wanjiku Kamau",
        "roles": ["Clerk", "Manager"],
        "scopes": ALL_SCOPES,
    }


def test_me_tells_the_scopes_of_this_token_only() -> None:
    pair = issue_tokens(factories.user())
    SessionToken.objects.update(scopes=["orders:write", "orders:read"])
    assert me(pair.access).json()["scopes"] == ["orders:read", "orders:write"]


def test_me_knows_who_signed_in_with_a_browser() -> None:
    user = factories.user()
    client = Client()
    client.force_login(user)
    body = client.get("/api/me/").json()
    assert (body["username"], body["roles"], body["scopes"]) == (user.username, [], ALL_SCOPES)


# --- Credentials that give no access ------------------------------------------------------------


def test_no_credential_is_a_401_with_no_error_code() -> None:
    response = Client().get("/api/me/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Karani"'
    assert without_request_id(response) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Authentication credentials were not provided.",
    }


@pytest.mark.parametrize("header", ["", "Basic dXNlcjp4", "Digest x", "Bearerx"])
def test_a_credential_of_another_kind_is_none(header: str) -> None:
    response = Client().get("/api/me/", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Karani"'
    assert response.json()["detail"].startswith("Authentication credentials were not provided.")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Bearer  a", "Bearer é"])
def test_a_malformed_header_is_a_400(header: str) -> None:
    response = Client().get("/api/me/", headers={"Authorization": header})
    assert response.status_code == 400
    assert response["Content-Type"] == PROBLEM
    assert response.json()["detail"] == "The Authorization header must be: Bearer <token>."


def assert_refused_token(response: Any, detail: str) -> None:
    assert response.status_code == 401
    assert response.json()["detail"] == detail
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="Karani", error="invalid_token", error_description="{detail}"'
    )


def test_an_unknown_token_is_refused_as_rfc_6750_says() -> None:
    assert_refused_token(me("unknown"), "The access token is invalid.")


def test_an_expired_token_is_refused_as_rfc_6750_says() -> None:
    pair = issue_tokens(factories.user())
    SessionToken.objects.update(access_expires_at=timezone.now() - timedelta(seconds=1))
    assert_refused_token(me(pair.access), "The access token has expired.")


@ENDINGS
def test_an_ended_token_is_refused_as_rfc_6750_says(end: Callable[[User], None]) -> None:
    user = factories.user()
    pair = issue_tokens(user)
    end(user)
    assert_refused_token(me(pair.access), "The access token was revoked.")


def test_the_word_bearer_is_read_in_any_case() -> None:
    pair = issue_tokens(factories.user())
    response = Client().get("/api/me/", headers={"Authorization": f"bEARER {pair.access}"})
    assert response.status_code == 200


def test_a_token_without_the_scope_is_told_which_and_nothing_is_written() -> None:
    pair = issue_tokens(factories.superuser())
    SessionToken.objects.update(scopes=["customers:read", "orders:write"])
    response = post("/api/customers/", NEW_CUSTOMER, Authorization=f"Bearer {pair.access}")
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        'Bearer realm="Karani", error="insufficient_scope", scope="customers:write"'
    )
    assert response.json()["detail"] == "This needs a token with the scope customers:write."
    assert not Customer.objects.exists()


def test_a_scope_adds_no_right_to_its_user() -> None:
    pair = issue_tokens(factories.user("Viewer"))
    response = post("/api/customers/", NEW_CUSTOMER, Authorization=f"Bearer {pair.access}")
    assert response.status_code == 403
    assert response.json()["detail"] == "You do not have permission to perform this action."
    assert not Customer.objects.exists()


def test_the_history_of_a_change_names_the_user_of_the_token() -> None:
    clerk = factories.user("Clerk")
    access = issue_tokens(clerk).access
    assert (
        post("/api/customers/", NEW_CUSTOMER, Authorization=f"Bearer {access}").status_code == 201
    )
    assert Customer.history.get().history_user == clerk


# --- Browser sessions ---------------------------------------------------------------------------


@pytest.fixture
def browser() -> Client:
    """A browser in which a clerk is signed in, and which has seen a page with a form."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user("Clerk"))
    client.get("/admin/crm/customer/add/")
    return client


def post_customer(client: Client, **headers: str) -> Any:
    return client.post("/api/customers/", NEW_CUSTOMER, content_type=JSON, headers=headers)


def test_a_session_writes_nothing_without_the_csrf_token(browser: Client) -> None:
    response = post_customer(browser)
    assert response.status_code == 403
    assert response["Content-Type"] == PROBLEM
    assert not Customer.objects.exists()


def test_a_session_writes_nothing_with_a_made_up_csrf_token(browser: Client) -> None:
    assert post_customer(browser, **{"X-CSRFToken": "x" * 32}).status_code == 403
    assert not Customer.objects.exists()


def test_a_session_writes_with_the_csrf_token(browser: Client) -> None:
    token = browser.cookies["csrftoken"].value
    assert post_customer(browser, **{"X-CSRFToken": token}).status_code == 201
    assert Customer.objects.get().name == "John Doe"


def test_a_session_reads_without_a_csrf_token(browser: Client) -> None:
    assert browser.get("/api/customers/").status_code == 200


def test_a_write_by_nobody_is_a_401_and_no_403() -> None:
    response = post_customer(Client(enforce_csrf_checks=True))
    assert response.status_code == 401
    assert not Customer.objects.exists()


def test_a_session_that_is_over_is_a_401(browser: Client) -> None:
    User.objects.update(is_active=False)
    token = browser.cookies["csrftoken"].value
    assert post_customer(browser, **{"X-CSRFToken": token}).status_code == 401
    assert browser.get("/api/me/").status_code == 401
    assert not Customer.objects.exists()


def test_a_bearer_needs_no_csrf_token() -> None:
    access = issue_tokens(factories.user("Clerk")).access
    client = Client(enforce_csrf_checks=True)
    assert post_customer(client, Authorization=f"Bearer {access}").status_code == 201


def test_a_bad_bearer_is_not_saved_by_a_good_session(browser: Client) -> None:
    token = browser.cookies["csrftoken"].value
    headers = {"Authorization": "Bearer unknown", "X-CSRFToken": token}
    assert post_customer(browser, **headers).status_code == 401
    assert not Customer.objects.exists()


def test_a_sign_in_needs_no_csrf_token() -> None:
    factories.user(username="wanjiku")
    body = {"username": "wanjiku", "password": factories.PASSWORD}
    response = Client(enforce_csrf_checks=True).post("/api/token/", body, content_type=JSON)
    assert response.status_code == 200
    assert re.fullmatch(r"[\w-]{43}", response.json()["access"])
