"""What is technical: who sees it, that it gives no secret away, and that it can be ended."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from identity.models import Authorization, BrowserSession, PersonalAccessToken, SessionToken, User
from identity.session_tokens import issue_tokens, refresh_tokens
from tests import factories
from tests.identity.test_admin import USERS, change_page, signed_in

pytestmark = pytest.mark.django_db

LISTS = [
    "/admin/identity/browsersession/",
    "/admin/identity/sessiontoken/",
    "/admin/identity/personalaccesstoken/",
    "/admin/identity/authorization/",
    "/admin/django_q/ormq/",
    "/admin/django_q/failure/",
]


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="wanjiku")


@pytest.fixture
def client() -> Client:
    return signed_in(factories.user("Administrator", username="administrator"))


def status_of(token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().get("/api/me/", headers=headers).status_code


def end(client: Client, path: str, *rows: Any) -> Any:
    body = {"action": "end", "_selected_action": [row.pk for row in rows]}
    return client.post(path, body)


@pytest.mark.parametrize("role", ["Viewer", "Clerk", "Manager"])
def test_what_is_technical_is_closed_to_other_roles(role: str) -> None:
    browser = signed_in(factories.user(role))
    page = browser.get("/admin/").content.decode()
    for path in LISTS:
        assert path not in page
        assert browser.get(path).status_code == 403, path


def test_the_lists_have_no_secret(client: Client, clerk: User) -> None:
    signed_in(clerk)
    pair, personal = issue_tokens(clerk), factories.personal_token(clerk)
    factories.authorization(clerk)
    row, token = SessionToken.objects.get(), PersonalAccessToken.objects.get()
    secrets = [
        *BrowserSession.objects.values_list("session_key", flat=True),
        *(pair.access, pair.refresh, personal),
        *(row.access_digest, row.refresh_digest, row.password_mark, token.digest),
    ]
    pages = [*LISTS, f"{LISTS[1]}{row.pk}/change/", f"{LISTS[2]}{token.pk}/change/"]
    for path in pages:
        page = client.get(path).content.decode()
        assert [secret for secret in secrets if secret in page] == [], path
    page = client.get(LISTS[0]).content.decode()
    assert f'href="{change_page(clerk)}">wanjiku</a>' in page  # where it is ended


def test_a_session_has_no_page_not_even_for_who_knows_its_key(client: Client, clerk: User) -> None:
    signed_in(clerk)
    key = BrowserSession.objects.get(user=clerk).pk
    for door in ("change", "delete", "history"):
        assert client.get(f"{LISTS[0]}{key}/{door}/").status_code == 403


def test_a_personal_token_is_ended(client: Client, clerk: User) -> None:
    text, other = factories.personal_token(clerk), factories.personal_token(clerk)
    newest, oldest = PersonalAccessToken.objects.all()
    end(client, LISTS[2], oldest)
    assert (status_of(text), status_of(other)) == (401, 200)
    page = client.get(LISTS[2]).content.decode()
    assert "1 was ended." in page
    assert newest.name in page
    assert LogEntry.objects.get().object_id == str(oldest.pk)


def test_an_api_sign_in_is_ended_with_its_renewals(client: Client, clerk: User) -> None:
    renewed = refresh_tokens(issue_tokens(clerk).refresh)
    other = issue_tokens(clerk)
    row = SessionToken.objects.filter(revoked_at=None).order_by("created_at")[0]
    end(client, LISTS[1], row)
    assert (status_of(renewed.access), status_of(other.access)) == (401, 200)


def test_the_access_of_an_app_is_ended(client: Client, clerk: User) -> None:
    let_in, other = factories.authorization(clerk), factories.authorization(clerk)
    end(client, LISTS[3], let_in)
    live = Authorization.objects.filter(revoked_at=None)
    assert list(live) == [other]


def test_who_only_looks_ends_nothing(clerk: User) -> None:
    administrator = factories.user("Administrator")
    role = administrator.groups.get()
    role.permissions.remove(role.permissions.get(codename="change_technical"))
    text = factories.personal_token(clerk)
    browser = signed_in(administrator)
    page = browser.get(LISTS[2]).content.decode()
    assert "End those chosen" not in page
    end(browser, LISTS[2], PersonalAccessToken.objects.get())
    assert status_of(text) == 200


def test_somebody_who_lost_a_phone_is_signed_out_everywhere(client: Client, clerk: User) -> None:
    browser, text = signed_in(clerk), factories.personal_token(clerk)
    path = f"{USERS}{clerk.pk}/end-access/"
    assert b"Every browser is signed out at once" in client.get(path).content
    assert browser.get("/account/").status_code == 200  # it was only asked for
    assert client.post(path)["Location"] == change_page(clerk)
    assert browser.get("/account/").status_code == 302
    assert status_of(text) == 401
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    assert Client().post("/sign-in/", form).status_code == 302
    assert LogEntry.objects.get().get_change_message() == "Signed out everywhere."


def test_only_who_may_do_as_much_signs_somebody_out(client: Client, boss: User) -> None:
    browser = signed_in(boss)
    assert client.post(f"{USERS}{boss.pk}/end-access/").status_code == 403
    assert browser.get("/account/").status_code == 200


def test_what_is_technical_does_not_keep_its_owner_from_being_deleted(
    client: Client, clerk: User
) -> None:
    signed_in(clerk)
    issue_tokens(clerk)
    factories.personal_token(clerk)
    app = factories.authorization(clerk).application
    assert client.post(f"{USERS}{clerk.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=clerk.pk).exists()
    factories.authorization(factories.user())
    path = f"/admin/identity/application/{app.pk}/delete/"
    assert client.post(path, {"post": "yes"}).status_code == 302


@pytest.mark.parametrize("path", LISTS[:4])
def test_a_list_costs_the_same_queries_with_one_and_with_twenty(
    client: Client, clerk: User, path: str
) -> None:
    def make() -> None:
        somebody = factories.user()
        signed_in(somebody)
        issue_tokens(somebody)
        factories.personal_token(somebody)
        factories.authorization(somebody)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    make()
    queries()  # what is asked once a process is asked here
    few = queries()
    for _ in range(19):
        make()
    assert queries() == few
