"""The screens of users and roles: who may open them, and that nobody raises their own rights."""

from collections.abc import Iterable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from identity import two_factor
from identity.admin.roles import field_of
from identity.models import Role, User
from identity.rights_in_words import subjects
from identity.roles import assign_roles
from tests import factories

pytestmark = pytest.mark.django_db

USERS, ROLES = "/admin/identity/user/", "/admin/identity/role/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(db: None) -> User:
    """Somebody in the role Administrator, who is no superuser."""
    return factories.user("Administrator", username="administrator")


@pytest.fixture
def client(administrator: User) -> Client:
    """A browser in which that administrator is signed in."""
    return signed_in(administrator)


def new_user(**fields: Any) -> dict[str, Any]:
    return {
        "username": "wanjiku",
        "email": "wanjiku@example.com",
        "password1": factories.PASSWORD,
        "password2": factories.PASSWORD,
        **fields,
    }


def form_of(user: User, **fields: Any) -> dict[str, Any]:
    """What the browser sends back of the form of a user."""
    form = {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "groups": [group.pk for group in user.groups.all()],
        "is_active": "on",
        **({"is_superuser": "on"} if user.is_superuser else {}),
        **fields,
    }
    return {name: value for name, value in form.items() if value is not None}


def change_page(user: User) -> str:
    return f"{USERS}{user.pk}/change/"


def role_form(name: str, permissions: Iterable[str]) -> dict[str, Any]:
    """What the browser sends of a role that is to have these."""
    chosen = set(permissions)
    told = {field_of(each): sorted(chosen & each.words.keys()) for each in subjects()}
    return {"name": name, **told}


def all_rows() -> list[Any]:
    return [
        *User.objects.order_by("pk").values(),
        *User.groups.through.objects.order_by("pk").values(),
        *Role.objects.order_by("pk").values(),
        *Role.permissions.through.objects.order_by("pk").values(),
    ]


# --- Adding and changing people -----------------------------------------------------------------


def test_somebody_added_with_a_role_is_staff_and_can_sign_in(
    client: Client, roles: dict[str, Role]
) -> None:
    response = client.post(f"{USERS}add/", new_user(groups=[roles["Clerk"].pk]))
    wanjiku = User.objects.get(username="wanjiku")
    assert response.status_code == 302
    assert wanjiku.is_staff
    assert not wanjiku.is_superuser
    assert wanjiku.email == "wanjiku@example.com"
    assert wanjiku.check_password(factories.PASSWORD)
    assert Client().login(username="wanjiku", password=factories.PASSWORD)


def test_somebody_added_without_a_role_is_no_staff(client: Client) -> None:
    client.post(f"{USERS}add/", new_user())
    assert not User.objects.get(username="wanjiku").is_staff


def test_whose_last_role_is_taken_is_no_staff_any_more(client: Client) -> None:
    clerk = factories.user("Clerk")
    response = client.post(change_page(clerk), form_of(clerk, groups=[]))
    clerk.refresh_from_db()
    assert response.status_code == 302
    assert not clerk.is_staff


def test_an_email_that_somebody_has_in_other_letters_is_refused(client: Client) -> None:
    factories.user(email="wanjiku@example.com")
    count = User.objects.count()
    response = client.post(f"{USERS}add/", new_user(email="Wanjiku@Example.com"))
    assert response.status_code == 200
    assert "User with this email already exists." in response.content.decode()
    assert User.objects.count() == count


def with_confirmed_address(user: User) -> User:
    row = {"email": user.email, "verified": True, "primary": True}
    EmailAddress.objects.create(user=user, **row)
    EmailAddress.objects.create(user=user, email="waits@example.com")
    return user


def addresses() -> list[Any]:
    return list(EmailAddress.objects.order_by("pk").values_list("email", "verified", "primary"))


@pytest.mark.parametrize(
    ("email", "left"),
    [
        ("Kamau@example.com", [("kamau@example.com", False, True)]),
        ("waits@example.com", [("waits@example.com", False, True)]),
        ("", []),
    ],
)
def test_who_gets_another_email_has_yet_to_confirm_it(
    client: Client, email: str, left: list[Any]
) -> None:
    user = with_confirmed_address(factories.user(email="wanjiku@example.com"))
    assert client.post(change_page(user), form_of(user, email=email)).status_code == 302
    user.refresh_from_db()
    assert (user.email, addresses()) == (email, left)


def test_an_email_that_stays_the_same_stays_confirmed(client: Client) -> None:
    user = with_confirmed_address(factories.user(email="wanjiku@example.com"))
    before = addresses()
    client.post(change_page(user), form_of(user, email="Wanjiku@example.com", first_name="W"))
    user.refresh_from_db()
    assert (user.email, user.first_name) == ("Wanjiku@example.com", "W")
    assert addresses() == before


def test_a_password_that_is_easy_to_guess_is_refused(client: Client) -> None:
    count = User.objects.count()
    response = client.post(f"{USERS}add/", new_user(password1="12345678", password2="12345678"))
    assert "This password is too common." in response.content.decode()
    assert User.objects.count() == count


# --- Nobody raises their own rights -------------------------------------------------------------


def test_an_administrator_makes_no_superuser_of_somebody_new(client: Client) -> None:
    client.post(f"{USERS}add/", new_user(is_superuser="on", is_staff="on"))
    wanjiku = User.objects.get(username="wanjiku")
    assert not wanjiku.is_superuser
    assert not wanjiku.is_staff


def test_an_administrator_makes_no_superuser_of_anybody(client: Client) -> None:
    clerk = factories.user("Clerk")
    page = client.get(change_page(clerk)).content.decode()
    client.post(change_page(clerk), form_of(clerk, is_superuser="on", first_name="Wanjiku"))
    clerk.refresh_from_db()
    assert 'name="is_superuser"' not in page
    assert clerk.first_name == "Wanjiku"
    assert not clerk.is_superuser


def test_an_administrator_makes_no_superuser_of_themself(
    client: Client, administrator: User
) -> None:
    client.post(change_page(administrator), form_of(administrator, is_superuser="on"))
    administrator.refresh_from_db()
    assert not administrator.is_superuser


def test_no_form_sets_a_permission_past_the_roles(client: Client, administrator: User) -> None:
    client.post(change_page(administrator), form_of(administrator, user_permissions=["1", "2"]))
    assert not administrator.user_permissions.exists()


def test_an_administrator_does_not_change_a_superuser(client: Client, boss: User) -> None:
    before = all_rows()
    response = client.post(change_page(boss), form_of(boss, is_active=None, email="me@example.com"))
    assert response.status_code == 403
    assert all_rows() == before


def test_an_administrator_does_not_delete_a_superuser(client: Client, boss: User) -> None:
    before = all_rows()
    response = client.post(f"{USERS}{boss.pk}/delete/", {"post": "yes"})
    assert response.status_code == 403
    assert all_rows() == before


def test_an_administrator_does_not_delete_a_superuser_among_others(
    client: Client, boss: User
) -> None:
    clerk = factories.user("Clerk")
    before = all_rows()
    chosen = [str(clerk.pk), str(boss.pk)]
    client.post(
        USERS, {"action": "delete_selected", "_selected_action": chosen, "post": "yes", "index": 0}
    )
    assert all_rows() == before


def test_an_administrator_does_not_reset_the_password_of_a_superuser(
    client: Client, boss: User
) -> None:
    before = all_rows()
    body = {"password1": "another battery staple", "password2": "another battery staple"}
    assert client.get(f"{USERS}{boss.pk}/password/").status_code == 403
    assert client.post(f"{USERS}{boss.pk}/password/", body).status_code == 403
    assert all_rows() == before


def test_an_administrator_resets_the_password_of_a_clerk(client: Client) -> None:
    clerk = factories.user("Clerk")
    body = {
        "password1": "another battery staple",
        "password2": "another battery staple",
        "usable_password": "true",
    }
    assert client.post(f"{USERS}{clerk.pk}/password/", body).status_code == 302
    clerk.refresh_from_db()
    assert clerk.check_password("another battery staple")


# --- A lost second factor -----------------------------------------------------------------------


def removal_page(user: User) -> str:
    return f"{USERS}{user.pk}/remove-second-factor/"


def with_second_factor(user: User) -> User:
    factories.authenticator_app(user)
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "Phone"})
    return user


def factors() -> list[Any]:
    return list(Authenticator.objects.order_by("pk").values())


def test_an_administrator_removes_a_second_factor_that_was_lost(client: Client) -> None:
    clerk = with_second_factor(factories.user("Clerk", username="wanjiku"))
    other = factories.user()
    factories.authenticator_app(other)
    before = factors()
    assert removal_page(clerk) in client.get(change_page(clerk)).content.decode()
    assert b"Make sure that it is they who ask." in client.get(removal_page(clerk)).content
    assert factors() == before  # it was only asked for
    response = client.post(removal_page(clerk))
    assert (response.status_code, response["Location"]) == (302, change_page(clerk))
    assert b"wanjiku signs in without a second factor now." in client.get(USERS).content
    assert {row["user_id"] for row in factors()} == {other.pk}
    assert not two_factor.has_second_factor(clerk)
    assert LogEntry.objects.get().get_change_message() == "Removed the second factor."
    browser = Client()
    form = {"username": "wanjiku", "password": factories.PASSWORD}
    assert browser.post("/sign-in/", form)["Location"] == "/admin/"


def test_who_had_a_second_factor_is_told_that_it_was_removed(client: Client) -> None:
    clerk = with_second_factor(factories.user("Clerk", email="wanjiku@example.com"))
    client.post(removal_page(clerk))
    [told] = mail.outbox
    assert (told.to, told.subject) == (
        ["wanjiku@example.com"],
        "Karani: Your second factor was removed",
    )
    assert "An administrator removed the second factor of your account" in str(told.body)
    assert "If you did not ask for that, tell Karani at once." in str(told.body)


def test_where_there_is_no_second_factor_none_is_removed(client: Client) -> None:
    clerk = factories.user("Clerk", username="wanjiku")
    assert client.post(removal_page(clerk))["Location"] == change_page(clerk)
    assert b"wanjiku has no second factor." in client.get(USERS).content
    assert mail.outbox == []
    assert not LogEntry.objects.exists()


def test_nobody_removes_their_own_second_factor_without_showing_it(
    client: Client, administrator: User, boss: User
) -> None:
    for browser, user in ((client, administrator), (signed_in(boss), boss)):
        with_second_factor(user)
        before = factors()
        assert removal_page(user) not in browser.get(change_page(user)).content.decode()
        assert browser.get(removal_page(user)).status_code == 403
        assert browser.post(removal_page(user)).status_code == 403
        assert factors() == before
    assert not LogEntry.objects.exists()


def test_only_a_superuser_removes_the_second_factor_of_one(client: Client, boss: User) -> None:
    with_second_factor(boss)
    before = factors()
    assert removal_page(boss) not in client.get(change_page(boss)).content.decode()
    assert client.get(removal_page(boss)).status_code == 403
    assert client.post(removal_page(boss)).status_code == 403
    assert factors() == before
    assert not LogEntry.objects.exists()
    assert signed_in(factories.superuser()).post(removal_page(boss)).status_code == 302
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("role", ["", "Viewer", "Clerk", "Manager"])
def test_who_may_not_change_people_removes_no_second_factor(db: None, role: str) -> None:
    victim = with_second_factor(factories.user())
    before = factors()
    browser = signed_in(factories.user(*[role] if role else []))
    assert browser.post(removal_page(victim)).status_code in {302, 403}
    assert factors() == before


@pytest.mark.parametrize("key", ["01890000-0000-7000-8000-000000000000", "x"])
def test_of_who_is_not_there_nothing_is_removed(client: Client, key: str) -> None:
    assert client.post(f"{USERS}{key}/remove-second-factor/")["Location"] == USERS


def test_no_second_factor_is_removed_without_the_csrf_token(administrator: User) -> None:
    victim = with_second_factor(factories.user())
    before = factors()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(administrator)
    assert browser.post(removal_page(victim)).status_code == 403
    assert factors() == before


def test_a_superuser_makes_superusers(admin_client: Client) -> None:
    clerk = factories.user("Clerk")
    response = admin_client.post(change_page(clerk), form_of(clerk, is_superuser="on"))
    clerk.refresh_from_db()
    assert response.status_code == 302
    assert clerk.is_superuser


def test_who_is_no_superuser_any_more_and_has_no_role_is_no_staff(admin_client: Client) -> None:
    other = factories.superuser()
    admin_client.post(change_page(other), form_of(other, is_superuser=None))
    other.refresh_from_db()
    assert not other.is_superuser
    assert not other.is_staff


# --- Who may open them --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["Viewer", "Clerk", "Manager"])
def test_people_and_roles_are_closed_to_other_roles(role: str, roles: dict[str, Role]) -> None:
    user, other = factories.user(role), factories.user("Viewer")
    client = signed_in(user)
    before = all_rows()
    doors: list[tuple[str, dict[str, Any]]] = [
        (USERS, {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}),
        (f"{USERS}add/", new_user(groups=[roles["Administrator"].pk])),
        (change_page(user), form_of(user, groups=[roles["Administrator"].pk])),
        (f"{USERS}{other.pk}/delete/", {"post": "yes"}),
        (f"{USERS}{other.pk}/password/", {"password1": "x", "password2": "x"}),
        (ROLES, {"action": "delete_selected", "_selected_action": [1], "post": "yes"}),
        (f"{ROLES}add/", {"name": "Owner"}),
        (f"{ROLES}{roles[role].pk}/change/", {"name": "Owner"}),
        (f"{ROLES}{roles[role].pk}/delete/", {"post": "yes"}),
    ]
    for path, body in doors:
        assert client.get(path).status_code == 403, path
        assert client.post(path, body).status_code == 403, path
    assert all_rows() == before


def test_an_administrator_changes_what_a_role_may_do(
    client: Client, roles: dict[str, Role]
) -> None:
    kept = roles["Viewer"].permissions.get(codename="view_order")
    body = {"name": "Viewer", "may_orders": ["crm.view_order"]}
    response = client.post(f"{ROLES}{roles['Viewer'].pk}/change/", body)
    assert response.status_code == 302
    assert list(roles["Viewer"].permissions.all()) == [kept]


# --- The lists ----------------------------------------------------------------------------------


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def test_a_list_of_users_costs_the_same_queries_with_one_and_with_fifty(
    admin_client: Client, roles: dict[str, Role]
) -> None:
    factories.user("Clerk")
    queries_of(admin_client, USERS)  # what is asked once a process is asked here
    few = queries_of(admin_client, USERS)
    for _ in range(49):
        assign_roles(factories.user(), [roles["Clerk"], roles["Viewer"]])
    assert queries_of(admin_client, USERS) == few


def test_a_list_of_roles_costs_the_same_queries_with_one_and_with_fifty(
    admin_client: Client,
) -> None:
    Role.objects.create(name="Packer")
    queries_of(admin_client, ROLES)  # what is asked once a process is asked here
    few = queries_of(admin_client, ROLES)
    Role.objects.bulk_create(Role(name=f"Packer {number}") for number in range(49))
    assert queries_of(admin_client, ROLES) == few


def test_the_list_of_users_tells_their_roles(admin_client: Client) -> None:
    factories.user("Clerk", "Manager", username="wanjiku", first_name="Wanjiku", last_name="Kamau")
    page = admin_client.get(USERS, {"q": "wanjiku"}).content.decode()
    assert "Wanjiku Kamau" in page
    assert "Clerk, Manager" in page
