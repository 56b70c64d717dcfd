"""The last Administrator stays, whichever door is tried, and also when two are tried at once."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from identity import accounts, roles
from identity.administrators import ADMINISTRATOR, administrators, keep_an_administrator
from identity.errors import IsOwnAccount, LastAdministrator, RoleKeepsItsName
from identity.models import Role, User
from tests import factories
from tests.identity.test_admin import (
    ROLES,
    USERS,
    all_rows,
    change_page,
    form_of,
    role_form,
    signed_in,
)

_NAME = ("content_type__app_label", "codename")
NOBODY_LEFT = "This would leave no Administrator who can sign in."


@pytest.fixture
def last(db: None) -> User:
    """The one Administrator, who is no superuser."""
    return factories.user(ADMINISTRATOR, username="last")


def role() -> Role:
    return factories.roles()[ADMINISTRATOR]


def held_by(role: Role) -> list[str]:
    return [f"{app}.{codename}" for app, codename in role.permissions.values_list(*_NAME)]


# --- Who is one ---------------------------------------------------------------------------------


def test_administrators_are_superusers_and_who_has_the_role(last: User) -> None:
    boss = factories.superuser()
    factories.user("Manager")
    assert set(administrators()) == {last, boss}


def test_who_is_shut_out_or_cannot_sign_in_is_none(last: User) -> None:
    factories.user(ADMINISTRATOR, is_active=False)
    factories.service_account(ADMINISTRATOR)
    elsewhere = factories.service_account(ADMINISTRATOR)
    SocialAccount.objects.create(user=elsewhere, provider="https://id.example.com", uid="1")
    assert set(administrators()) == {last, elsewhere}


@pytest.mark.parametrize("codename", ["view_user", "change_user", "change_role"])
def test_the_role_makes_none_without_what_it_is_for(last: User, codename: str) -> None:
    stripped = role()
    stripped.permissions.remove(stripped.permissions.get(codename=codename))
    assert not administrators().exists()


def test_where_there_was_none_nothing_is_kept(db: None) -> None:
    with keep_an_administrator():
        factories.user("Clerk")
    assert User.objects.count() == 1


# --- Every door ---------------------------------------------------------------------------------


def without_roles(last: User) -> tuple[str, Any]:
    return change_page(last), form_of(last, groups=[])


def without_password(last: User) -> tuple[str, Any]:
    path = f"{USERS}{last.pk}/password/"
    return path, {"usable_password": "false", "unset-password": "1"}


def stripped_role(last: User) -> tuple[str, Any]:
    kept = [name for name in held_by(role()) if name != "identity.change_user"]
    return f"{ROLES}{role().pk}/change/", role_form(ADMINISTRATOR, kept)


def deleted_role(last: User) -> tuple[str, Any]:
    return f"{ROLES}{role().pk}/delete/", {"post": "yes"}


def role_deleted_in_the_list(last: User) -> tuple[str, Any]:
    return ROLES, {"action": "delete_selected", "_selected_action": [role().pk], "post": "yes"}


DOORS: list[Callable[[User], tuple[str, Any]]] = [
    *(without_roles, without_password, stripped_role, deleted_role, role_deleted_in_the_list),
]


@pytest.mark.parametrize("door", DOORS)
def test_the_last_one_does_not_undo_themself(
    last: User, door: Callable[[User], tuple[str, Any]]
) -> None:
    browser = signed_in(last)
    path, body = door(last)
    before = all_rows()
    response = browser.post(path, body)
    assert (response.status_code, response["Location"]) == (302, path)
    assert NOBODY_LEFT in browser.get(USERS).content.decode()
    assert all_rows() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("door", DOORS)
def test_where_another_is_left_it_is_done(
    last: User, boss: User, door: Callable[[User], tuple[str, Any]]
) -> None:
    path, body = door(last)
    before = all_rows()
    signed_in(boss).post(path, body)
    assert all_rows() != before
    assert set(administrators()) == {boss}


def test_a_superuser_who_is_the_last_stays_one(boss: User) -> None:
    browser = signed_in(boss)
    before = all_rows()
    browser.post(change_page(boss), form_of(boss, is_superuser=None))
    assert NOBODY_LEFT in browser.get(USERS).content.decode()
    assert all_rows() == before


def test_a_superuser_may_become_an_administrator_in_one_go(boss: User) -> None:
    form = form_of(boss, is_superuser=None, groups=[role().pk])
    signed_in(boss).post(change_page(boss), form)
    boss.refresh_from_db()
    assert (boss.is_superuser, boss.is_staff) == (False, True)
    assert set(administrators()) == {boss}


@pytest.mark.parametrize("way", ["page", "list"])
def test_nobody_deletes_themself(last: User, boss: User, way: str) -> None:
    for user in (last, boss):
        browser = signed_in(user)
        before = all_rows()
        if way == "page":
            browser.post(f"{USERS}{user.pk}/delete/", {"post": "yes"})
        else:
            body = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
            browser.post(USERS, body)
        told = browser.get(USERS).content.decode()
        assert "You cannot deactivate or delete your own account." in told
        assert all_rows() == before
        assert not LogEntry.objects.exists()


def deputy() -> User:
    """Somebody who may do all that an Administrator may, and keeps nothing by name."""
    copied = Role.objects.create(name="Deputy")
    copied.permissions.set(role().permissions.all())
    user = factories.user()
    roles.assign_roles(user, [copied])
    return user


def test_the_operations_know_it_without_any_screen(last: User) -> None:
    before = all_rows()
    with pytest.raises(LastAdministrator):
        roles.assign_roles(last, [])
    with pytest.raises(LastAdministrator):
        roles.delete_role(role())
    with pytest.raises(LastAdministrator):
        accounts.set_password(last, None, by=last)
    with pytest.raises(IsOwnAccount):
        accounts.delete_account(last, by=last)
    with pytest.raises(LastAdministrator):
        accounts.delete_account(User.objects.get(pk=last.pk), by=deputy())
    assert [row for row in all_rows() if row.get("username") == "last"] == [
        row for row in before if row.get("username") == "last"
    ]
    assert set(administrators()) == {last}


def test_the_role_of_administrators_keeps_its_name(boss: User) -> None:
    kept = role()
    browser = signed_in(boss)
    before = all_rows()
    browser.post(f"{ROLES}{kept.pk}/change/", role_form("Owner", held_by(kept)))
    assert "The role Administrator keeps its name." in browser.get(USERS).content.decode()
    assert all_rows() == before
    kept.name = "Owner"
    with pytest.raises(RoleKeepsItsName):
        roles.save_role(kept, kept.permissions.all())


def test_another_role_gets_another_name(boss: User) -> None:
    viewers = factories.roles()["Viewer"]
    form = role_form("Guest", held_by(viewers))
    signed_in(boss).post(f"{ROLES}{viewers.pk}/change/", form)
    viewers.refresh_from_db()
    assert viewers.name == "Guest"


# --- Two at the same moment ---------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite lets one of them write at a time"
)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", [without_roles, stripped_role])
def test_of_two_that_are_undone_at_the_same_moment_one_stays(
    door: Callable[[User], tuple[str, Any]],
) -> None:
    for _ in range(5):
        User.objects.all().delete()
        Role.objects.all().delete()
        other, boss = factories.user(ADMINISTRATOR), factories.superuser()
        at_once(
            (signed_in(boss), *door(other)),
            (signed_in(boss), change_page(boss), form_of(boss, is_superuser=None)),
        )
        assert administrators().count() == 1


def at_once(*tries: tuple[Client, str, Any]) -> None:
    start = Barrier(len(tries))

    def run(client: Client, path: str, body: Any) -> None:
        try:
            start.wait(timeout=60)
            client.post(path, body)
        finally:
            connection.close()

    threads = [Thread(target=run, args=each) for each in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
