"""The front door: signing in and out on the pages for people."""

from typing import Any

import pytest
from django.test import Client

from identity.models import AttemptCount, BrowserSession
from tests import factories

pytestmark = pytest.mark.django_db

WRONG = b"Wrong username, email address or password."

# What browsers take for another host, or for no page at all.
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "https://evil.example/",
    "https:evil.example",
    "https:///evil.example",
    "http:/\\evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\x09//evil.example",
    "/\x09/evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "http://proxy.example/",
    "javascript:alert(1)",
    "data:text/html,x",
]


def sign_in(client: Client, username: str = "wanjiku", **fields: str) -> int:
    form = {"username": username, "password": factories.PASSWORD, **fields}
    response = client.post("/sign-in/", form)
    assert response.status_code == 302, response.content
    return response.status_code


def signed_in_as(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


# --- Signing in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wanjiku", "wanjiku@example.com", "WANJIKU@example.com"])
def test_people_sign_in_by_username_or_email_address(name: str) -> None:
    user = factories.user("Clerk", username="wanjiku", email="wanjiku@example.com")
    client = Client()
    form = {"username": name, "password": factories.PASSWORD}
    response = client.post("/sign-in/", form)
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert signed_in_as(client) == str(user.pk)


def test_who_has_no_role_goes_to_the_first_page() -> None:
    factories.user(username="wanjiku")
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    assert Client().post("/sign-in/", form)["Location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [("wanjiku", "wrong"), ("nobody", factories.PASSWORD), ("closed", factories.PASSWORD)],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(name: str, password: str) -> None:
    factories.user(username="wanjiku")
    factories.user(username="closed", is_active=False)
    client = Client()
    response = client.post("/sign-in/", {"username": name, "password": password})
    assert response.status_code == 200
    assert WRONG in response.content
    assert signed_in_as(client) is None


def test_a_name_with_a_null_in_it_is_wrong_and_no_more() -> None:
    form = {"username": "wan\x00jiku", "password": factories.PASSWORD}
    response = Client().post("/sign-in/", form)
    assert b"Null characters are not allowed." in response.content
    assert not AttemptCount.objects.exists()


def test_the_form_is_for_our_own_pages_only() -> None:
    factories.user(username="wanjiku")
    client = Client(enforce_csrf_checks=True)
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    assert client.post("/sign-in/", form).status_code == 403
    assert signed_in_as(client) is None


def test_the_page_is_kept_by_no_cache_and_asks_nobody_else() -> None:
    response = Client().get("/sign-in/")
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert b"http://" not in response.content
    assert b"https://" not in response.content


# --- Where to, and who --------------------------------------------------------------------------


def test_a_sign_in_goes_on_to_where_it_was_asked_for() -> None:
    factories.user(username="wanjiku")
    page = Client().get("/sign-in/?next=/o/authorize/%3Fstate%3Dx%26nonce%3Dy")
    assert b'name="next" value="/o/authorize/?state=x&amp;nonce=y"' in page.content
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    response = Client().post("/sign-in/", form | {"next": "/o/authorize/?state=x&nonce=y"})
    assert response["Location"] == "/o/authorize/?state=x&nonce=y"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_sign_in_goes_on_to_nobody_else(target: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "proxy.example"]
    factories.user(username="wanjiku")
    form = {"username": "wanjiku", "password": factories.PASSWORD, "next": target}
    assert Client().post("/sign-in/", form)["Location"] == "/"
    assert Client().post(f"/sign-out/?next={target}")["Location"] == "/"
    client = Client()
    client.force_login(factories.user("Clerk"))
    assert client.get("/admin/login/", {"next": target})["Location"] == "/admin/"


def test_a_hint_is_a_name_to_begin_with_and_is_not_believed() -> None:
    factories.user(username="wanjiku")
    page = Client().get("/sign-in/", {"login_hint": '"><script>alert(1)</script>'})
    assert b'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page.content
    client = Client()
    form = {"username": "nobody", "password": factories.PASSWORD}
    response = client.post("/sign-in/?login_hint=wanjiku", form)
    assert WRONG in response.content
    assert signed_in_as(client) is None


# --- Anew ---------------------------------------------------------------------------------------


def test_who_is_signed_in_sees_the_form_too() -> None:
    client = Client()
    client.force_login(factories.user(username="wanjiku"))
    page = client.get("/sign-in/?next=/o/authorize/")
    assert page.status_code == 200
    assert b"You are signed in as <strong>wanjiku</strong>" in page.content
    assert b'name="password"' in page.content


@pytest.mark.parametrize("again_as", ["wanjiku", "achieng"])
def test_signing_in_again_begins_a_new_session(again_as: str) -> None:
    factories.user(username="wanjiku")
    again = factories.user(username="achieng") if again_as == "achieng" else None
    client = Client()
    sign_in(client)
    session = client.session
    session["of the first"] = "yes"
    session.save()
    key, sid = session.session_key, session["sid"]
    sign_in(client, again_as)
    assert client.session.session_key != key
    assert (client.session["sid"] == sid) == (again is None)
    assert "of the first" not in client.session
    assert not BrowserSession.objects.filter(session_key=key).exists()
    assert again is None or signed_in_as(client) == str(again.pk)


def test_a_session_that_somebody_else_prepared_is_not_the_one_that_is_signed_in() -> None:
    factories.user(username="wanjiku")
    client = Client()
    session = client.session
    session["prepared"] = "yes"
    session.save()
    sign_in(client)
    assert client.session.session_key != session.session_key
    assert not BrowserSession.objects.filter(session_key=session.session_key).exists()


def test_a_wrong_try_ends_no_session() -> None:
    user = factories.user(username="wanjiku")
    client = Client()
    sign_in(client)
    key = client.session.session_key
    client.post("/sign-in/", {"username": "wanjiku", "password": "wrong"})
    assert (signed_in_as(client), client.session.session_key) == (str(user.pk), key)


# --- The back office ----------------------------------------------------------------------------


def test_the_back_office_has_the_same_sign_in_page() -> None:
    response = Client().get("/admin/crm/order/?q=laptop", follow=True)
    assert [address for address, _ in response.redirect_chain] == [
        "/admin/login/?next=/admin/crm/order/%3Fq%3Dlaptop",
        "/sign-in/?next=/admin/crm/order/%3Fq%3Dlaptop",
    ]
    assert b'name="next" value="/admin/crm/order/?q=laptop"' in response.content


def test_the_old_form_of_the_back_office_lets_nobody_in() -> None:
    factories.superuser(username="wanjiku")
    client = Client()
    form = {"username": "wanjiku", "password": factories.PASSWORD, "next": "/admin/"}
    response = client.post("/admin/login/", form)
    assert response["Location"] == "/sign-in/?next=/admin/"
    assert signed_in_as(client) is None


def test_who_has_no_role_is_told_so_and_may_sign_in_as_somebody_else() -> None:
    client = Client()
    client.force_login(factories.user(username="wanjiku"))
    response = client.get("/admin/crm/order/", follow=True)
    assert response.status_code == 403
    assert b"The back office is for staff" in response.content
    assert b'href="/sign-in/?next=/admin/crm/order/"' in response.content


def test_staff_who_are_signed_in_are_let_through() -> None:
    client = Client()
    client.force_login(factories.user("Clerk"))
    response = client.get("/admin/login/?next=/admin/crm/order/")
    assert (response.status_code, response["Location"]) == (302, "/admin/crm/order/")


# --- Signing out --------------------------------------------------------------------------------


def test_signing_out_is_asked_for_and_then_done() -> None:
    user = factories.user(username="wanjiku")
    client = Client()
    client.force_login(user)
    page = client.get("/sign-out/")
    assert page.status_code == 200
    assert b"Sign out?" in page.content
    assert signed_in_as(client) == str(user.pk)
    key = client.session.session_key
    response = client.post("/sign-out/")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert signed_in_as(client) is None
    assert not BrowserSession.objects.filter(session_key=key).exists()


def test_the_back_office_signs_out_by_its_own_button(admin_client: Client) -> None:
    assert admin_client.post("/admin/logout/").status_code == 200
    assert signed_in_as(admin_client) is None
    assert admin_client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
