"""Nobody raises their own rights: through a role, an account of somebody else, or an app."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.test import Client

from identity import accounts, rights, roles, two_factor
from identity.errors import GivesMore, HoldsMore
from identity.models import (
    AccessToken,
    Application,
    Authorization,
    BrowserSession,
    Consent,
    PersonalAccessToken,
    Role,
    User,
)
from identity.models.provider import AppKind
from identity.provider import connected_apps
from tests import factories
from tests.identity.test_admin import (
    ROLES,
    USERS,
    change_page,
    form_of,
    new_user,
    role_form,
    signed_in,
)

pytestmark = pytest.mark.django_db

APPS = "/admin/identity/application/"
NEW_PASSWORD = {"password1": "another battery staple", "password2": "another battery staple"}


def permissions(*names: str) -> list[Permission]:
    known = roles.known_permissions()
    return [known[name] for name in names]


def names_of(rows: Iterable[Permission]) -> list[str]:
    return sorted(f"{each.content_type.app_label}.{each.codename}" for each in rows)


@pytest.fixture
def keeper(db: None) -> User:
    """Somebody who keeps people, roles and apps, and may do nothing else."""
    known = roles.known_permissions()
    role = Role.objects.create(name="Keeper")
    role.permissions.set(known[name] for name in known if name.startswith("identity."))
    user = factories.user(username="keeper")
    roles.assign_roles(user, [role])
    return user


@pytest.fixture
def client(keeper: User) -> Client:
    return signed_in(keeper)


def all_rows() -> list[Any]:
    tables: tuple[Any, ...] = (
        *(User, User.groups.through, Role, Role.permissions.through),
        *(Authenticator, EmailAddress, Application, LogEntry, BrowserSession, PersonalAccessToken),
        *(AccessToken, Authorization, Consent),
    )
    return [list(table.objects.order_by("pk").values()) for table in tables]


CHANGES: dict[str, Callable[[User, User], object]] = {
    "save_account": lambda user, by: accounts.save_account(user, user.groups.all(), by=by),
    "deactivate": lambda user, by: accounts.deactivate(user, by=by),
    "reactivate": lambda user, by: accounts.reactivate(user, by=by),
    "delete_account": lambda user, by: accounts.delete_account(user, by=by),
    "end_access": lambda user, by: accounts.end_access(user, by=by),
    "set_password": lambda user, by: accounts.set_password(user, "another battery", by=by),
    "remove_second_factor": lambda user, by: two_factor.remove_second_factor(user, by=by),
}


APP_CHANGES: dict[str, Callable[[Application, User], object]] = {
    "save_app": lambda app, by: connected_apps.save_app(app, by=by),
    "renew_secret": lambda app, by: connected_apps.renew_secret(app, by=by),
    "end_tokens": lambda app, by: connected_apps.end_tokens(app, by=by),
    "delete_app": lambda app, by: connected_apps.delete_app(app, by=by),
}


def well_known(role_name: str) -> User:
    """Somebody who is signed in, with a token and a second factor."""
    user = factories.user(role_name)
    signed_in(user)
    factories.personal_token(user)
    factories.authenticator_app(user)
    return user


def told(client: Client, path: str = USERS) -> str:
    return client.get(path).content.decode()


# --- The rule itself ----------------------------------------------------------------------------


def test_who_may_more_is_told_by_what_they_may_not_by_their_roles(keeper: User) -> None:
    assert rights.holds_more(factories.user("Viewer"), keeper)
    assert not rights.holds_more(factories.user(), keeper)
    assert not rights.holds_more(keeper, keeper)
    assert not rights.holds_more(factories.user("Clerk"), factories.user("Manager"))
    assert rights.holds_more(factories.user("Manager"), factories.user("Clerk"))


def test_a_superuser_holds_everything(boss: User) -> None:
    assert rights.holds_more(boss, factories.user("Administrator"))
    assert not rights.holds_more(factories.superuser(), boss)


def test_a_closed_account_holds_what_it_would_hold_once_opened(keeper: User) -> None:
    clerk = factories.user("Clerk", is_active=False)
    assert rights.holds_more(clerk, keeper)


def test_a_permission_that_was_given_past_the_roles_counts(keeper: User) -> None:
    other = factories.user()
    other.user_permissions.set(permissions("crm.delete_order"))
    assert rights.holds_more(other, keeper)


def test_the_roles_to_give_are_those_that_allow_no_more(roles: dict[str, Role]) -> None:
    Role.objects.create(name="Guest")
    within = rights.roles_within(factories.user("Manager"))
    assert [role.name for role in within] == ["Clerk", "Guest", "Manager", "Viewer"]
    assert rights.roles_within(factories.superuser()).count() == 5


def test_the_house_gives_any_role(roles: dict[str, Role]) -> None:
    user = factories.user("Administrator")
    assert user.is_staff


# --- Roles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["their own", "another's"])
def test_nobody_gives_a_role_that_allows_more(keeper: User, client: Client, whose: str) -> None:
    user = keeper if whose == "their own" else factories.user()
    known = factories.roles()
    kept = [known["Keeper"]] if user == keeper else []
    before = all_rows()
    with pytest.raises(GivesMore, match=r"^You cannot give or take Clerk: that allows more than"):
        accounts.save_account(user, [*kept, known["Clerk"]], by=keeper)
    chosen = [role.pk for role in [*kept, known["Clerk"]]]
    page = client.post(change_page(user), form_of(user, groups=chosen))
    assert "is not one of the available choices" in page.content.decode()
    assert all_rows() == before


def test_nobody_takes_a_role_that_allows_more(keeper: User) -> None:
    clerk = factories.user("Clerk")
    before = all_rows()
    with pytest.raises(HoldsMore):
        roles.assign_roles(clerk, [], by=keeper)
    assert all_rows() == before


def test_nobody_adds_a_person_with_a_role_that_allows_more(client: Client) -> None:
    clerk = factories.roles()["Clerk"]
    before = all_rows()
    assert client.post(f"{USERS}add/", new_user(groups=[clerk.pk])).status_code == 200
    assert all_rows() == before


def test_the_form_offers_the_roles_that_one_may_give(client: Client) -> None:
    clerk = factories.roles()["Clerk"]
    page = told(client, f"{USERS}add/")
    assert "Keeper" in page
    assert f'value="{clerk.pk}"' not in page


def test_nobody_puts_into_a_role_what_they_may_not(keeper: User, client: Client) -> None:
    mine = Role.objects.get(name="Keeper")
    before = all_rows()
    more = [*mine.permissions.all(), *permissions("crm.delete_order")]
    with pytest.raises(GivesMore, match="Can delete order"):
        roles.save_role(mine, more, by=keeper)
    assert all_rows() == before
    held = names_of(mine.permissions.all())
    client.post(f"{ROLES}{mine.pk}/change/", role_form("Keeper", names_of(more)))
    assert names_of(mine.permissions.all()) == held


def test_what_somebody_may_not_stays_in_a_role_that_they_change(client: Client) -> None:
    clerks = factories.roles()["Clerk"]
    held = names_of(clerks.permissions.all())
    page = client.get(f"{ROLES}{clerks.pk}/change/").content.decode()
    assert "Take orders" not in page
    client.post(f"{ROLES}{clerks.pk}/change/", role_form("Clerk", ["identity.view_user"]))
    clerks.refresh_from_db()
    assert names_of(clerks.permissions.all()) == sorted([*held, "identity.view_user"])


def test_nobody_makes_a_role_that_may_more(client: Client) -> None:
    client.post(f"{ROLES}add/", role_form("Owner", ["crm.delete_order", "identity.view_user"]))
    made = Role.objects.get(name="Owner")
    assert names_of(made.permissions.all()) == ["identity.view_user"]


def test_nobody_takes_out_of_a_role_what_they_may_not(keeper: User) -> None:
    clerks = factories.roles()["Clerk"]
    before = all_rows()
    with pytest.raises(GivesMore):
        roles.save_role(clerks, permissions("crm.view_order"), by=keeper)
    assert all_rows() == before


@pytest.mark.parametrize("way", ["page", "list"])
def test_nobody_deletes_a_role_that_allows_more(client: Client, way: str) -> None:
    clerks = factories.roles()["Clerk"]
    before = all_rows()
    if way == "page":
        client.post(f"{ROLES}{clerks.pk}/delete/", {"post": "yes"})
    else:
        body = {"action": "delete_selected", "_selected_action": [clerks.pk], "post": "yes"}
        client.post(ROLES, body)
    assert "You cannot give or take Clerk" in told(client, ROLES)
    assert all_rows() == before


# --- Accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("change/", {"username": "mine", "email": "keeper@example.com"}),
        ("password/", NEW_PASSWORD | {"usable_password": "true"}),
        ("password/", {"usable_password": "false", "unset-password": "1"}),
        ("delete/", {"post": "yes"}),
        ("remove-second-factor/", {}),
    ],
)
def test_the_account_of_who_may_more_stays_theirs(
    client: Client, door: str, body: dict[str, str], is_active: bool
) -> None:
    clerk = factories.user("Clerk", username="wanjiku", is_active=is_active)
    factories.authenticator_app(clerk)
    before = all_rows()
    assert client.post(f"{USERS}{clerk.pk}/{door}", body).status_code == 403
    assert all_rows() == before
    page = told(client, change_page(clerk))
    assert "You only look: wanjiku may do more than you." in page
    assert 'name="email"' not in page


def test_who_may_more_is_not_deleted_among_others(client: Client) -> None:
    clerk, other = factories.user("Clerk"), factories.user()
    before = all_rows()
    chosen = [str(clerk.pk), str(other.pk)]
    client.post(USERS, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert all_rows() == before


def test_the_operations_know_it_without_any_screen(keeper: User) -> None:
    clerk = factories.user("Clerk", username="wanjiku")
    before = all_rows()
    clerk.email = "keeper@example.com"
    with pytest.raises(HoldsMore, match=r"^You cannot do this to wanjiku: they may do more"):
        accounts.save_account(clerk, clerk.groups.all(), by=keeper)
    with pytest.raises(HoldsMore):
        accounts.delete_account(clerk, by=keeper)
    assert all_rows() == before


@pytest.mark.parametrize("name", [*CHANGES])
def test_no_operation_changes_the_account_of_who_may_more(keeper: User, name: str) -> None:
    clerk = well_known("Clerk")
    before = all_rows()
    with pytest.raises(HoldsMore):
        CHANGES[name](clerk, keeper)
    assert all_rows() == before


@pytest.mark.parametrize("name", [*CHANGES])
def test_no_operation_changes_an_account_for_who_keeps_none(name: str) -> None:
    """Though they may do all that its owner may."""
    clerk, viewer = factories.user("Clerk"), well_known("Viewer")
    before = all_rows()
    with pytest.raises(PermissionDenied):
        CHANGES[name](viewer, clerk)
    assert all_rows() == before


def test_nobody_is_added_by_who_may_only_change_people(keeper: User) -> None:
    Role.objects.get(name="Keeper").permissions.remove(*permissions("identity.add_user"))
    before = all_rows()
    with pytest.raises(PermissionDenied):
        accounts.save_account(User(username="wanjiku"), [], by=keeper)
    assert all_rows() == before


def test_nobody_takes_off_their_own_second_factor_unseen(keeper: User) -> None:
    factories.authenticator_app(keeper)
    before = all_rows()
    with pytest.raises(PermissionDenied):
        two_factor.remove_second_factor(keeper, by=keeper)
    assert all_rows() == before


def test_only_a_superuser_makes_one(keeper: User) -> None:
    user = User(username="wanjiku", is_superuser=True)
    before = all_rows()
    with pytest.raises(GivesMore, match="superuser status"):
        accounts.save_account(user, [], by=keeper)
    assert all_rows() == before


def test_what_was_changed_meanwhile_is_not_written_back(keeper: User) -> None:
    user = factories.user()
    stale = User.objects.get(pk=user.pk)
    User.objects.filter(pk=user.pk).update(is_active=False, password="!")
    stale.first_name = "Wanjiku"
    accounts.save_account(stale, [], by=keeper)
    user.refresh_from_db()
    assert (user.first_name, user.is_active, user.password) == ("Wanjiku", False, "!")


# --- Apps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["change/", "delete/", "new-secret/", "end-access/"])
def test_an_app_that_may_more_is_not_theirs_to_change(client: Client, door: str) -> None:
    app, _ = factories.app(user=factories.service_account("Clerk"))
    before = all_rows()
    body = {"name": "Till", "kind": "machine", "is_active": "on", "post": "yes"}
    assert client.post(f"{APPS}{app.pk}/{door}", body).status_code == 403
    assert all_rows() == before


def test_an_app_that_may_more_is_not_deleted_among_others(client: Client) -> None:
    app, _ = factories.app(user=factories.service_account("Clerk"))
    before = all_rows()
    client.post(APPS, {"action": "delete_selected", "_selected_action": [app.pk], "post": "yes"})
    assert all_rows() == before


def known_app() -> Application:
    """One that acts for itself as a Clerk, with a token, and facts that are not saved yet."""
    factories.app_token("Clerk")
    app = Application.objects.get()
    app.name = "Till"
    return app


@pytest.mark.parametrize("name", [*APP_CHANGES])
def test_no_operation_changes_an_app_that_may_more(keeper: User, name: str) -> None:
    app, before = known_app(), all_rows()
    with pytest.raises(HoldsMore, match="You cannot do this to Till: they may do more than you"):
        APP_CHANGES[name](app, keeper)
    assert all_rows() == before


@pytest.mark.parametrize("name", [*APP_CHANGES])
def test_no_operation_changes_an_app_for_who_keeps_none(name: str) -> None:
    """Though they may do all that it may."""
    app, manager = known_app(), factories.user("Manager")
    before = all_rows()
    with pytest.raises(PermissionDenied):
        APP_CHANGES[name](app, manager)
    assert all_rows() == before


@pytest.mark.parametrize(
    ("name", "right"),
    [
        *(("save_app", "change"), ("renew_secret", "change"), ("end_tokens", "change")),
        ("delete_app", "delete"),
    ],
)
def test_each_operation_on_apps_needs_its_own_right(keeper: User, name: str, right: str) -> None:
    app, _ = factories.app()
    Role.objects.get(name="Keeper").permissions.remove(
        *permissions(f"identity.{right}_application")
    )
    before = all_rows()
    with pytest.raises(PermissionDenied):
        APP_CHANGES[name](app, keeper)
    assert all_rows() == before


def test_no_app_is_made_by_who_may_only_change_them(keeper: User) -> None:
    Role.objects.get(name="Keeper").permissions.remove(*permissions("identity.add_application"))
    app, before = Application(name="Till"), all_rows()
    app.kind = AppKind.MACHINE
    with pytest.raises(PermissionDenied):
        connected_apps.save_app(app, by=keeper)
    assert all_rows() == before


def test_no_app_gets_a_role_that_its_maker_could_not_give(client: Client, keeper: User) -> None:
    clerks = factories.roles()["Clerk"]
    app, _ = factories.app()
    before = all_rows()
    body = {"name": "Till", "kind": "machine", "is_active": "on", "service_roles": [clerks.pk]}
    page = client.post(f"{APPS}add/", body).content.decode()
    assert "is not one of the available choices" in page
    assert all_rows() == before
    with pytest.raises(GivesMore):
        connected_apps.give_service_account(app, [clerks], by=keeper)
    assert all_rows() == before


def test_an_app_gets_a_role_that_its_maker_has(client: Client) -> None:
    mine = Role.objects.get(name="Keeper")
    body = {"name": "Till", "kind": "machine", "is_active": "on", "service_roles": [mine.pk]}
    client.post(f"{APPS}add/", body)
    app = Application.objects.get(name="Till")
    assert app.user is not None
    assert [role.name for role in app.user.groups.all()] == ["Keeper"]
