"""Invitations: a link that works once, for a week, and gives no more than who made it may."""

from datetime import timedelta
from html import unescape
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from identity import accounts, invitations, roles
from identity.admin.invitations import InvitationForm
from identity.errors import GivesMore, InvitationIsOver
from identity.models import BrowserSession, Invitation, Role, SignIn, User
from tests import factories
from tests.identity.test_admin import signed_in

pytestmark = pytest.mark.django_db

INVITATIONS = "/admin/identity/invitation/"
CHOSEN = {"name": "Wanjiku Kamau", "username": "wanjiku", "password": factories.PASSWORD}
CONSOLE = "django.core.mail.backends.console.EmailBackend"


@pytest.fixture
def administrator() -> User:
    return factories.user("Administrator", username="administrator", first_name="Asha")


@pytest.fixture
def client(administrator: User) -> Client:
    return signed_in(administrator)


def link(secret: str) -> str:
    return f"/invitation/{secret}/"


def all_rows() -> list[Any]:
    tables: tuple[Any, ...] = (
        *(User, User.groups.through, EmailAddress, BrowserSession),
        *(Invitation, Invitation.roles.through),
    )
    return [list(table.objects.order_by("pk").values()) for table in tables]


def invite(client: Client, *role_names: str, **fields: Any) -> Any:
    known = factories.roles()
    body = {"name": "Wanjiku", "email": "", "roles": [known[name].pk for name in role_names]}
    return client.post(f"{INVITATIONS}add/", body | fields)


def link_on(page: str) -> str:
    """The link that the page shows."""
    start = page.index('id="link"')
    value = page[page.index('value="', start) + len('value="') :]
    return unescape(value[: value.index('"')])


# --- Inviting -----------------------------------------------------------------------------------


def test_an_administrator_invites_somebody_and_gets_the_link_once(
    client: Client, administrator: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    response = invite(client, "Clerk")
    made = Invitation.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"{INVITATIONS}{made.pk}/link/")
    page = client.get(response["Location"]).content.decode()
    address = link_on(page)
    assert address.startswith("https://karani.example.com/invitation/")
    assert "Hand it over yourself, as in a chat." in page
    secret = address.removeprefix("https://karani.example.com/invitation/").rstrip("/")
    assert invitations.find_by_secret(secret) == made
    again = client.get(response["Location"]).content.decode()
    assert secret not in again
    assert "The link was shown once, and is stored nowhere." in again
    assert (made.name, made.invited_by) == ("Wanjiku", administrator)
    assert [role.name for role in made.roles.all()] == ["Clerk"]
    assert made.expires_at - made.created_at > timedelta(days=7) - timedelta(minutes=1)


def test_the_secret_is_stored_nowhere(client: Client) -> None:
    response = invite(client, "Clerk")
    stored = str([each.get_decoded() for each in BrowserSession.objects.all()]) + str(all_rows())
    secret = link_on(client.get(response["Location"]).content.decode()).split("/")[-2]
    assert len(secret) == 43
    assert secret not in stored


def test_where_mail_goes_out_the_link_is_sent_too(client: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    response = invite(client, "Clerk", email="wanjiku@example.com")
    page = client.get(response["Location"]).content.decode()
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["wanjiku@example.com"], "Karani: You are invited")
    assert "Asha asks you into the back office of Karani." in str(sent.body)
    assert link_on(page) in str(sent.body)
    assert "It was sent to wanjiku@example.com." in page


def test_where_no_mail_goes_out_the_page_says_so(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = CONSOLE
    response = invite(client, "Clerk", email="wanjiku@example.com")
    page = client.get(response["Location"]).content.decode()
    assert "No mail was sent to wanjiku@example.com: hand the link over yourself" in page
    assert link_on(page)


def test_where_the_mail_server_is_gone_the_link_is_there_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("identity.people.adapters.AccountAdapter.send_mail", fail)
    response = invite(client, "Clerk", email="wanjiku@example.com")
    assert "No mail was sent to" in client.get(response["Location"]).content.decode()
    assert Invitation.objects.get().state == "open"


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("Known@example.com", "Somebody has an account with this address: give them the role."),
        ("Asked@example.com", "There is an open invitation to this address: renew that one."),
    ],
)
def test_who_is_here_or_asked_already_is_not_invited(client: Client, email: str, why: str) -> None:
    factories.user(email="known@example.com")
    factories.invitation("Clerk", email="asked@example.com")
    before = all_rows()
    assert why in invite(client, "Clerk", email=email).content.decode()
    assert all_rows() == before
    assert mail.outbox == []


def test_the_operation_looks_at_the_address_without_any_screen() -> None:
    known = factories.roles()
    boss, _ = factories.superuser(), factories.user(email="known@example.com")
    before = all_rows()
    with pytest.raises(ValidationError, match="Somebody has an account with this address"):
        invitation = Invitation(name="Twice", email="Known@example.com")
        invitations.invite(invitation, [known["Clerk"]], by=boss)
    assert all_rows() == before


def test_who_was_asked_in_at_the_same_moment_is_told_of_on_the_page(client: Client) -> None:
    """The form has looked, and then somebody else was quicker."""
    factories.invitation("Clerk", email="asked@example.com")
    before = all_rows()
    with patch.object(InvitationForm, "clean_email", lambda form: form.cleaned_data["email"]):
        page = invite(client, "Clerk", email="asked@example.com")
    assert (page.status_code, page["Location"]) == (302, f"{INVITATIONS}add/")
    assert "There is an open invitation to this address" in client.get(page["Location"]).text
    assert all_rows() == before


@pytest.mark.parametrize("by", ["Viewer", "Manager"])
def test_who_may_add_nobody_neither_invites_nor_renews_nor_revokes(by: str) -> None:
    made, _ = factories.invitation("Viewer")
    user, viewers = factories.user(by), [factories.roles()["Viewer"]]
    before = all_rows()
    with pytest.raises(PermissionDenied):
        invitations.invite(Invitation(name="Mine"), viewers, by=user)
    with pytest.raises(PermissionDenied):
        invitations.renew(made, by=user)
    with pytest.raises(PermissionDenied):
        invitations.revoke(made, by=user)
    assert all_rows() == before


def test_an_invitation_is_to_some_role(client: Client) -> None:
    assert "This field is required." in invite(client).content.decode()
    assert not Invitation.objects.exists()


def test_nobody_invites_to_more_than_they_may(client: Client) -> None:
    owner = Role.objects.create(name="Owner")
    owner.permissions.add(roles.known_permissions()["auth.add_permission"])
    with pytest.raises(GivesMore):
        invitations.invite(Invitation(name="Mine"), [owner], by=factories.user("Administrator"))
    page = client.get(f"{INVITATIONS}add/").content.decode()
    assert "Administrator" in page
    assert "Owner" not in page
    body = {"name": "Mine", "roles": [owner.pk]}
    told = client.post(f"{INVITATIONS}add/", body).content.decode()
    assert "is not one of the available choices" in told
    assert not Invitation.objects.exists()


# --- Accepting ----------------------------------------------------------------------------------


def test_who_was_invited_makes_an_account_and_is_in() -> None:
    made, secret = factories.invitation("Clerk", "Viewer", email="wanjiku@example.com")
    browser = Client()
    page = browser.get(link(secret))
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
    response = browser.post(link(secret), CHOSEN)
    user = User.objects.get(username="wanjiku")
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200
    assert (user.get_full_name(), user.email) == ("Wanjiku Kamau", "wanjiku@example.com")
    assert user.check_password(factories.PASSWORD)
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert sorted(role.name for role in user.groups.all()) == ["Clerk", "Viewer"]
    assert SignIn.objects.get(user=user).method == "invitation"
    made.refresh_from_db()
    assert (made.state, made.accepted_by) == ("accepted", user)
    assert mail.outbox == []


def test_a_program_that_looks_at_the_link_does_not_use_it_up() -> None:
    made, secret = factories.invitation("Clerk")
    before = all_rows()[4:]
    for method in ("get", "head", "options"):
        getattr(Client(), method)(link(secret))
    assert all_rows()[4:] == before
    assert made.state == "open"


def test_the_link_works_once() -> None:
    _, secret = factories.invitation("Clerk")
    Client().post(link(secret), CHOSEN)
    before = all_rows()
    for method in ("get", "post"):
        again = getattr(Client(), method)(link(secret), CHOSEN | {"username": "kamau"})
        assert again.status_code == 410
        assert b"This invitation was used." in again.content
    assert all_rows() == before


def expire(made: Invitation) -> None:
    Invitation.objects.update(expires_at=timezone.now())


def revoke(made: Invitation) -> None:
    invitations.revoke(made, by=factories.superuser())


def delete_role(made: Invitation) -> None:
    roles.delete_role(made.roles.get())


def deactivate_inviter(made: Invitation) -> None:
    factories.superuser()
    assert made.invited_by is not None
    accounts.deactivate(made.invited_by)


def deactivate_inviter_and_back(made: Invitation) -> None:
    deactivate_inviter(made)
    assert made.invited_by is not None
    accounts.reactivate(made.invited_by, by=factories.superuser())


def delete_inviter(made: Invitation) -> None:
    assert made.invited_by is not None
    accounts.delete_account(made.invited_by, by=factories.superuser())


def take_role_of_inviter(made: Invitation) -> None:
    factories.superuser()
    assert made.invited_by is not None
    roles.assign_roles(made.invited_by, [])


def put_more_into_role(made: Invitation) -> None:
    made.roles.get().permissions.add(roles.known_permissions()["auth.add_permission"])


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        (expire, "This invitation has expired."),
        (revoke, "This invitation was taken back."),
        (delete_role, "This invitation was taken back."),
        (deactivate_inviter, "This invitation was taken back."),
        (deactivate_inviter_and_back, "This invitation was taken back."),
        (delete_inviter, "Who invited you may not do so any more."),
        (take_role_of_inviter, "Who invited you may not do so any more."),
        (put_more_into_role, "Who invited you may not do so any more."),
    ],
)
def test_what_came_between_makes_no_account_and_is_told(
    administrator: User, meanwhile: Any, told: str
) -> None:
    made, secret = factories.invitation("Clerk", by=administrator)
    meanwhile(made)
    before = all_rows()
    for method in ("get", "post"):
        answer = getattr(Client(), method)(link(secret), CHOSEN)
        assert answer.status_code == 410
        assert told in answer.content.decode()
    with pytest.raises(InvitationIsOver):
        invitations.accept(made, User(username="wanjiku"), factories.PASSWORD)
    assert all_rows() == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"username": "Taken"}, "User with this username already exists."),
        ({"username": "two words"}, "Enter a valid username."),
        ({"password": "12345678"}, "This password is too common."),
        ({"password": ""}, "This field is required."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_told_and_the_link_still_works(fields: dict[str, str], told: str) -> None:
    factories.user(username="taken")
    _, secret = factories.invitation("Clerk")
    before = all_rows()[:3] + all_rows()[4:]
    answer = Client().post(link(secret), CHOSEN | fields)
    assert told in answer.content.decode()
    assert all_rows()[:3] + all_rows()[4:] == before
    assert Client().post(link(secret), CHOSEN).status_code == 302


def test_an_address_that_somebody_took_meanwhile_is_told() -> None:
    _, secret = factories.invitation("Clerk", email="wanjiku@example.com")
    factories.user(email="wanjiku@example.com")
    answer = Client().post(link(secret), CHOSEN)
    assert b"User with this email already exists." in answer.content
    assert not User.objects.filter(username="wanjiku").exists()


def test_who_is_signed_in_as_somebody_else_is_told_and_signed_out() -> None:
    browser = signed_in(factories.user("Viewer", username="kamau"))
    _, secret = factories.invitation("Clerk")
    page = browser.get(link(secret)).content.decode()
    assert "You are signed in here as kamau, and will be signed out." in page
    browser.post(link(secret), CHOSEN)
    assert browser.session["_auth_user_id"] == str(User.objects.get(username="wanjiku").pk)


def test_an_administrator_sets_up_a_second_factor_first_where_each_must_have_one(
    settings: Settings,
) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    _, secret = factories.invitation("Administrator", email="wanjiku@example.com")
    browser = Client()
    response = browser.post(link(secret), CHOSEN, follow=True)
    assert response.redirect_chain == [("/admin/", 302), ("/account/two-factor/", 302)]
    assert browser.get("/account/two-factor/app/").status_code == 200


def test_guessing_is_limited() -> None:
    _, secret = factories.invitation("Clerk")
    for number in range(20):
        assert Client().get(link(f"guess{number}")).status_code == 410
    refused = Client().get(link("guess"))
    assert refused.status_code == 429
    assert b"Too many attempts." in refused.content
    elsewhere = Client(REMOTE_ADDR="203.0.113.1")
    assert elsewhere.get(link(secret)).status_code == 200


def test_no_account_is_made_without_the_csrf_token() -> None:
    _, secret = factories.invitation("Clerk")
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(link(secret), CHOSEN).status_code == 403
    assert not User.objects.filter(username="wanjiku").exists()


@pytest.mark.postgres
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite lets one of them write at a time"
)
@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_the_same_moment_one_is_in() -> None:
    _, secret = factories.invitation("Clerk")
    start, told = Barrier(6), []

    def run(number: int) -> None:
        browser = Client(REMOTE_ADDR=f"203.0.113.{number}")
        try:
            start.wait(timeout=60)
            told.append(browser.post(link(secret), CHOSEN | {"username": f"w{number}"}).status_code)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [302, 410, 410, 410, 410, 410]
    assert User.objects.filter(groups__name="Clerk").count() == 1


# --- What became of it --------------------------------------------------------------------------


def test_a_renewed_invitation_has_another_link_for_another_week(
    client: Client, administrator: User
) -> None:
    made, old = factories.invitation("Clerk")
    expire(made)
    path = f"{INVITATIONS}{made.pk}/renew/"
    assert b"They get another link, good for a week." in client.get(path).content
    response = client.post(path)
    new = link_on(client.get(response["Location"]).content.decode()).split("/")[-2]
    made.refresh_from_db()
    assert (made.state, made.invited_by) == ("open", administrator)
    assert Client().get(link(old)).status_code == 410
    assert Client().get(link(new)).status_code == 200
    assert LogEntry.objects.get().get_change_message() == "Renewed."


def test_a_revoked_invitation_opens_nothing_and_stays_listed(client: Client) -> None:
    made, secret = factories.invitation("Clerk", name="Wanjiku")
    path = f"{INVITATIONS}{made.pk}/revoke/"
    assert b"The link opens nothing any more." in client.get(path).content
    assert Client().get(link(secret)).status_code == 200  # it was only asked for
    client.post(path)
    assert Client().get(link(secret)).status_code == 410
    page = client.get(INVITATIONS).content.decode()
    assert "Wanjiku" in page
    assert "Revoked" in page


@pytest.mark.parametrize("move", ["renew", "revoke"])
def test_what_is_over_is_over(client: Client, move: str) -> None:
    made, secret = factories.invitation("Clerk")
    Client().post(link(secret), CHOSEN)
    before = all_rows()[:3] + all_rows()[4:]
    client.post(f"{INVITATIONS}{made.pk}/{move}/")
    assert "It was accepted or revoked already." in client.get(INVITATIONS).content.decode()
    assert all_rows()[:3] + all_rows()[4:] == before


def test_nobody_renews_what_gives_more_than_they_may() -> None:
    made, _ = factories.invitation("Administrator")
    manager = factories.user("Manager")
    manager.user_permissions.add(roles.known_permissions()[invitations.INVITES])
    with pytest.raises(GivesMore):
        invitations.renew(made, by=manager)


def test_the_list_tells_what_became_of_each(client: Client) -> None:
    _, secret = factories.invitation("Clerk", name="Accepted one")
    Client().post(link(secret), CHOSEN)
    factories.invitation("Clerk", name="Open one")
    page = " ".join(client.get(INVITATIONS).content.decode().split())
    assert "By wanjiku" in page
    assert "Good until" in page


@pytest.mark.parametrize("role", ["Viewer", "Clerk", "Manager"])
def test_who_may_not_add_people_invites_nobody(role: str) -> None:
    made, _ = factories.invitation("Clerk")
    browser = signed_in(factories.user(role))
    before = all_rows()
    for path in ("", "add/", f"{made.pk}/change/", f"{made.pk}/renew/", f"{made.pk}/revoke/"):
        assert browser.get(f"{INVITATIONS}{path}").status_code == 403, path
        assert browser.post(f"{INVITATIONS}{path}").status_code == 403, path
    assert all_rows() == before


def test_a_list_costs_the_same_queries_with_one_and_with_fifty(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(INVITATIONS).status_code == 200
        return len(seen)

    boss = factories.superuser()
    factories.invitation("Clerk", by=boss)
    queries()  # what is asked once a process is asked here
    few = queries()
    for _ in range(24):
        factories.invitation("Clerk", "Viewer", by=boss)
    assert queries() == few
