"""A closed account: nobody signs in with it, and nothing acts for its owner any more, for good."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.test import Client

from identity import accounts
from identity.errors import IsOwnAccount, LastAdministrator
from identity.models import AccessToken, Application, BrowserSession, User
from identity.provider import connected_apps
from identity.session_tokens import issue_tokens
from tests import factories
from tests.identity.test_admin import USERS, all_rows, change_page, form_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="wanjiku")


@pytest.fixture
def administrator() -> User:
    return factories.user("Administrator", username="administrator")


@pytest.fixture
def client(administrator: User) -> Client:
    return signed_in(administrator)


def page_of(user: User, name: str) -> str:
    return f"{USERS}{user.pk}/{name}/"


def status_of(token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().get("/api/me/", headers=headers).status_code


# --- What ends ----------------------------------------------------------------------------------


def test_every_way_in_ends_at_once_and_does_not_come_back(clerk: User) -> None:
    browser, phone = signed_in(clerk), signed_in(clerk)
    tokens = {
        "session": issue_tokens(clerk).access,
        "personal": factories.personal_token(clerk),
        "app": factories.app_token(user=clerk),
    }
    refresh = issue_tokens(clerk).refresh
    let_in = factories.authorization(clerk)
    assert {name: status_of(token) for name, token in tokens.items()} == dict.fromkeys(tokens, 200)

    accounts.deactivate(clerk)
    for attempt in ("closed", "opened again"):
        if attempt == "opened again":
            accounts.reactivate(clerk, by=factories.superuser())
        dead = dict.fromkeys(tokens, 401)
        assert {name: status_of(token) for name, token in tokens.items()} == dead, attempt
        body = {"refresh": refresh}
        answer = Client().post("/api/token/refresh/", body, content_type="application/json")
        assert answer.status_code == 401, attempt
        for each in (browser, phone):
            assert each.get("/account/").status_code == 302, attempt
        let_in.refresh_from_db()
        assert let_in.revoked_at is not None
        assert not BrowserSession.objects.filter(user=clerk).exists()
    assert AccessToken.objects.get().revoked_at is not None


def test_nobody_elses_way_in_ends(clerk: User) -> None:
    other = factories.user("Clerk")
    browser, token = signed_in(other), factories.personal_token(other)
    app_token = factories.app_token("Clerk")
    accounts.deactivate(clerk)
    assert browser.get("/account/").status_code == 200
    assert (status_of(token), status_of(app_token)) == (200, 200)


def test_who_is_shut_out_cannot_sign_in_until_they_are_let_in_again(clerk: User) -> None:
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    accounts.deactivate(clerk)
    assert Client().post("/sign-in/", form).status_code == 200
    accounts.reactivate(clerk, by=factories.superuser())
    assert Client().post("/sign-in/", form).status_code == 302
    assert [role.name for role in clerk.groups.all()] == ["Clerk"]


def test_a_stale_copy_of_somebody_counts_how_often_they_were_shut_out(clerk: User) -> None:
    stale = User.objects.get(pk=clerk.pk)
    accounts.deactivate(clerk)
    accounts.reactivate(clerk, by=factories.superuser())
    accounts.deactivate(stale)
    clerk.refresh_from_db()
    assert (clerk.times_shut, clerk.is_active) == (2, False)


def test_the_account_of_an_app_that_is_deleted_is_closed_like_any_other() -> None:
    token = factories.app_token("Clerk")
    app = Application.objects.get()
    account = app.user
    assert account is not None
    connected_apps.delete_app(app, by=factories.superuser())
    account.refresh_from_db()
    assert (account.is_active, status_of(token)) == (False, 401)


# --- Who may ------------------------------------------------------------------------------------


def test_the_operations_refuse_what_is_not_theirs_to_do(clerk: User, administrator: User) -> None:
    before = all_rows()
    with pytest.raises(IsOwnAccount):
        accounts.deactivate(clerk, by=clerk)
    with pytest.raises(PermissionDenied):
        accounts.deactivate(administrator, by=clerk)
    with pytest.raises(LastAdministrator):
        accounts.deactivate(administrator)
    with pytest.raises(PermissionDenied):
        accounts.reactivate(administrator, by=clerk)
    assert all_rows() == before
    assert not User.objects.filter(is_active=False).exists()


def test_an_administrator_shuts_somebody_out_and_lets_them_in_again(
    client: Client, clerk: User
) -> None:
    page = client.get(change_page(clerk)).content.decode()
    assert page_of(clerk, "deactivate") in page
    assert page_of(clerk, "reactivate") not in page
    assert 'name="is_active"' not in page
    asked = client.get(page_of(clerk, "deactivate")).content.decode()
    assert "Signed out everywhere at once, and every token ends" in asked
    assert User.objects.get(pk=clerk.pk).is_active  # it was only asked for

    response = client.post(page_of(clerk, "deactivate"))
    assert (response.status_code, response["Location"]) == (302, change_page(clerk))
    assert not User.objects.get(pk=clerk.pk).is_active
    page = client.get(change_page(clerk)).content.decode()
    assert "wanjiku cannot sign in any more, and is signed out everywhere." in page
    assert page_of(clerk, "reactivate") in page
    assert page_of(clerk, "deactivate") not in page
    assert "Deactivated" in page
    assert "(&#x27;" not in page  # what is a pair to a list is words on the page

    assert client.post(page_of(clerk, "reactivate")).status_code == 302
    assert User.objects.get(pk=clerk.pk).is_active
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Deactivated.", "Reactivated."]


def test_nobody_shuts_themself_out(client: Client, administrator: User) -> None:
    before = all_rows()
    assert (
        page_of(administrator, "deactivate")
        not in client.get(change_page(administrator)).content.decode()
    )
    assert client.post(page_of(administrator, "deactivate")).status_code == 403
    assert all_rows() == before


def test_an_administrator_does_not_shut_out_a_superuser(client: Client, boss: User) -> None:
    closed = factories.superuser(is_active=False)
    before = all_rows()
    assert client.post(page_of(boss, "deactivate")).status_code == 403
    assert client.post(page_of(closed, "reactivate")).status_code == 403
    assert all_rows() == before


@pytest.mark.parametrize("role", ["", "Viewer", "Clerk", "Manager"])
def test_who_may_not_change_people_shuts_out_nobody(role: str, clerk: User) -> None:
    browser = signed_in(factories.user(*[role] if role else []))
    before = all_rows()
    assert browser.post(page_of(clerk, "deactivate")).status_code in {302, 403}
    assert all_rows() == before


def test_no_form_opens_a_closed_account(client: Client, clerk: User) -> None:
    accounts.deactivate(clerk)
    client.post(change_page(clerk), form_of(clerk, is_active="on", first_name="Wanjiku"))
    clerk.refresh_from_db()
    assert (clerk.first_name, clerk.is_active) == ("Wanjiku", False)


# --- Whose a session is -------------------------------------------------------------------------


def test_a_session_knows_whose_it_is_from_the_sign_in_to_the_sign_out(clerk: User) -> None:
    browser = Client(HTTP_USER_AGENT="Lynx")
    browser.get("/sign-in/")
    form: dict[str, Any] = {"username": "wanjiku", "password": factories.PASSWORD}
    browser.post("/sign-in/", form)
    [row] = BrowserSession.objects.all()
    assert (row.user, row.user_agent) == (clerk, "Lynx")
    assert row.signed_in_at is not None
    assert row.signed_in_at.timestamp() == browser.session["auth_time"]
    browser.post("/sign-out/")
    assert not BrowserSession.objects.filter(user=clerk).exists()


def test_the_page_of_somebody_tells_in_how_many_browsers_they_are_signed_in(
    client: Client, clerk: User
) -> None:
    signed_in(clerk)
    signed_in(clerk)
    page = client.get(change_page(clerk)).content.decode()
    assert "Signed-in browsers" in page
    assert ">2<" in "".join(page.split())


def test_the_sessions_of_somebody_who_is_deleted_go_with_them(client: Client, clerk: User) -> None:
    signed_in(clerk)
    client.post(f"{USERS}{clerk.pk}/delete/", {"post": "yes"})
    assert not BrowserSession.objects.filter(user=clerk.pk).exists()
    assert not User.objects.filter(username="wanjiku").exists()
