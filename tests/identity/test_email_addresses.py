"""The email address of an account: confirmed by its owner, and changed."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from identity.accounts import create_account
from identity.models import User
from tests import factories

pytestmark = pytest.mark.django_db

OLD, NEW = "jane@example.com", "doe@example.com"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"


@pytest.fixture
def jane() -> User:
    return create_account(User(username="jane", email="Jane@example.com"), factories.PASSWORD)


@pytest.fixture
def client(jane: User) -> Client:
    client = Client()
    client.force_login(jane)
    return client


def rows() -> list[Any]:
    return list(EmailAddress.objects.order_by("pk").values_list("email", "verified", "primary"))


def link() -> str:
    found = re.search(
        r"https://karani.example.com(/account/email/confirm/\S+)", str(mail.outbox[-1].body)
    )
    assert found
    return found[1]


def change(client: Client, email: str = NEW) -> Any:
    return client.post("/account/email/", {"change": "yes", "email": email})


def test_a_new_account_has_its_address_unconfirmed(jane: User) -> None:
    assert rows() == [(OLD, False, True)]


def test_an_address_is_confirmed_by_a_link_and_a_yes(client: Client) -> None:
    assert b"Not confirmed yet" in client.get("/account/email/").content
    client.post("/account/email/", {"send": "yes"})
    assert mail.outbox[0].to == [OLD]
    assert b"Is <strong>jane@example.com</strong>" in client.get(link()).content
    assert rows() == [(OLD, False, True)]
    client.post(link())
    assert rows() == [(OLD, True, True)]
    page = client.get("/account/email/").content
    assert b"Confirmed" in page
    assert b"Send the link" not in page


def test_a_new_address_takes_the_place_of_the_old_one_once_it_is_confirmed(
    client: Client, jane: User
) -> None:
    change(client, "typo@example.com")
    change(client)
    jane.refresh_from_db()
    assert jane.email == "jane@example.com".replace("jane", "Jane", 1)
    assert rows() == [(OLD, False, True), (NEW, False, False)]
    assert b"A link is on its way to <strong>doe@example.com</strong>" in (
        client.get("/account/email/").content
    )
    client.post(link())
    jane.refresh_from_db()
    assert jane.email == NEW
    assert rows() == [(NEW, True, True)]


def test_who_has_no_address_adds_one() -> None:
    client = Client()
    client.force_login(factories.user(email=""))
    page = client.get("/account/email/").content.decode()
    assert "You have none here yet." in page
    assert ">Add it</button>" in page
    assert "Another address" not in page


def test_the_old_address_is_told_of_the_new_one(client: Client) -> None:
    change(client)
    client.post(link())
    assert mail.outbox[-1].to == [OLD]
    assert NEW in str(mail.outbox[-1].body)
    # A link to a new password would go to the new address.
    assert "If that was not you,\ntell Karani at once" in str(mail.outbox[-1].body)


def test_the_address_of_another_is_not_told_of_and_not_taken(client: Client, jane: User) -> None:
    other = factories.user(email="Other@example.com")
    response = change(client, "other@example.com")
    assert (response.status_code, response["Location"]) == (302, "/account/email/")
    page = client.post(link(), follow=True).content
    assert b"Another account has the address other@example.com." in page
    jane.refresh_from_db()
    other.refresh_from_db()
    assert (jane.email, other.email) == ("Jane@example.com", "Other@example.com")
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_mails_to_one_address_are_five_an_hour(client: Client) -> None:
    for _ in range(5):
        change(client)
    assert b"Too many attempts. Try again in 60 minutes." in change(client).content
    assert len(mail.outbox) == 5
    for _ in range(5):
        client.post("/account/email/", {"send": "yes"})
    page = client.post("/account/email/", {"send": "yes"}).content
    assert b"Too many attempts. Try again in 60 minutes." in page
    assert len(mail.outbox) == 10


def test_some_time_after_the_sign_in_the_password_is_asked_for_again(client: Client) -> None:
    session = client.session
    session["auth_time"] -= 600
    session.save()
    assert change(client)["Location"].startswith("/sign-in/again/")
    assert rows() == [(OLD, False, True)]
    assert mail.outbox == []


@pytest.mark.parametrize("key", ["x", "MQ:1:x", "x" * 3000])
def test_a_link_of_chance_confirms_nothing(jane: User, key: str) -> None:
    page = Client().get(f"/account/email/confirm/{key}/")
    assert page.status_code == 200
    assert b"This link is used up" in page.content
    assert Client().post(f"/account/email/confirm/{key}/").status_code == 404
    assert rows() == [(OLD, False, True)]
