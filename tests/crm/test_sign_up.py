"""The page where a customer makes an account of their own."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client

from crm.models import Customer
from identity.models import SignIn, User
from tests import factories

pytestmark = pytest.mark.django_db

JANE = {
    "username": "jane",
    "email": "jane@example.com",
    "password": factories.PASSWORD,
    "phone_number": "0722 000 000",
    "name": "Jane Doe",
}
SENT = "/account/email/sent/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"


def sign_up(client: Client | None = None, **facts: str) -> Any:
    return (client or Client()).post("/sign-up/", JANE | facts)


def link() -> str:
    found = re.search(
        r"https://karani.example.com(/account/email/confirm/\S+)", str(mail.outbox[-1].body)
    )
    assert found
    return found[1]


def counts() -> tuple[int, int, int]:
    return User.objects.count(), Customer.objects.count(), EmailAddress.objects.count()


def test_who_signs_up_has_an_account_and_a_record() -> None:
    response = sign_up()
    assert (response.status_code, response["Location"]) == (302, SENT)
    user = User.objects.get()
    assert (user.username, user.email) == ("jane", "jane@example.com")
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert user.check_password(factories.PASSWORD)
    customer = Customer.objects.get()
    assert (customer.user, customer.name, customer.phone_number, customer.email) == (
        user,
        "Jane Doe",
        "+254722000000",
        "jane@example.com",
    )


def test_the_link_in_the_mail_signs_in_the_browser_of_the_sign_up() -> None:
    client = Client()
    sign_up(client, next="/o/authorize/?client_id=x")
    assert mail.outbox[0].to == ["jane@example.com"]
    assert "_auth_user_id" not in client.session
    response = client.post(link())
    assert response["Location"] == "/o/authorize/?client_id=x"
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)
    assert SignIn.objects.get().method == "sign up"


def test_in_another_browser_it_confirms_and_signs_nobody_in() -> None:
    sign_up()
    other = Client()
    assert other.post(link())["Location"] == "/sign-in/"
    assert "_auth_user_id" not in other.session
    assert EmailAddress.objects.get().verified


def test_an_address_that_has_an_account_gets_the_same_answer_and_a_mail() -> None:
    sign_up()
    before = counts()
    again = sign_up(username="other", phone_number="0733 000 000", email="Jane@Example.com")
    assert (again.status_code, again["Location"]) == (302, SENT)
    assert counts() == before
    assert mail.outbox[1].to == ["jane@example.com"]
    assert mail.outbox[1].subject == "Karani: You have an account"
    assert "/account/email/confirm/" not in mail.outbox[1].body


def test_it_costs_a_hash_of_the_password_too() -> None:
    hashes = []
    factories.customer(phone_number="+254711000000")
    for username, email, phone in (
        ("jane", "jane@example.com", "0722 000 000"),
        ("other", "jane@example.com", "0733 000 000"),
        ("third", "third@example.com", "0711 000 000"),
    ):
        with patch.object(
            MD5PasswordHasher, "encode", autospec=True, return_value="md5$a$b"
        ) as made:
            sign_up(username=username, email=email, phone_number=phone)
        hashes.append(made.call_count)
    assert hashes == [1, 1, 1]


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"username": "JANE"}, "username", "User with this username already exists."),
        ({"phone_number": "12"}, "phone_number", "is not a valid phone number in KE."),
        (
            {"username": "jane@x"},
            "username",
            "Use 1 to 150 letters, digits and . _ + - characters.",
        ),
        ({"password": "password"}, "password", "This password is too common."),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    facts: dict[str, str], field: str, said: str
) -> None:
    factories.user(username="Jane", email="other@example.com")
    before = counts()
    response = Client().post("/sign-up/", JANE | {"username": "free"} | facts)
    assert response.status_code == 200
    assert said in " ".join(response.context["form"].errors[field])
    assert counts() == before
    assert mail.outbox == []


def seen(client: Client, response: Any) -> tuple[Any, ...]:
    """All that somebody sees of a sign-up, but for what is drawn anew each time."""
    body = re.sub(r"/confirm/\S+", "/confirm/...", str(mail.outbox[-1].body))
    page = client.get(response["Location"])
    headers = {name for name, _ in response.items()}
    return (
        (response.status_code, response["Location"], response.content, headers),
        sorted(response.cookies),
        (mail.outbox[-1].to, mail.outbox[-1].subject, body),
        (page.status_code, re.sub(rb'nonce-[^"]+|value="[^"]+"', b"", page.content)),
    )


def test_a_phone_on_record_gets_the_same_answer_and_the_same_mail() -> None:
    free = Client()
    expected = seen(free, sign_up(free))
    User.objects.all().delete()  # the record stays, and with it the phone
    taken = Client()
    assert seen(taken, sign_up(taken)) == expected
    assert (len(mail.outbox), Customer.objects.count()) == (2, 1)


@pytest.mark.parametrize("is_looked_up_too_early", [False, True])
def test_nobody_takes_the_record_of_a_customer_by_their_phone(is_looked_up_too_early: bool) -> None:
    theirs = factories.customer(phone_number="+254722000000", name="John", email="")
    known = theirs.updated_at
    client = Client()
    if is_looked_up_too_early:  # as the slower of two sees it, which looked before the other wrote
        with patch("crm.sign_up.registration_errors", return_value={}):
            assert sign_up(client)["Location"] == SENT
    else:
        assert sign_up(client)["Location"] == SENT
    theirs.refresh_from_db()
    assert (theirs.user, theirs.name, theirs.email, theirs.updated_at) == (None, "John", "", known)
    assert Customer.objects.get() == theirs
    assert User.objects.get().username == "jane"


def test_whose_phone_is_on_record_is_told_what_to_do_once_signed_in() -> None:
    theirs = factories.customer(phone_number="+254722000000")
    client = Client()
    sign_up(client)
    client.post(link())
    page = " ".join(client.get("/my-orders/").content.decode().split())
    assert "If you have ordered from Karani before, ask them to connect your account" in page
    assert "<strong>jane</strong>" in page
    assert theirs.phone_number not in page


def test_a_phone_and_an_address_that_are_known_get_the_same_answer_too() -> None:
    factories.user(email="jane@example.com")
    factories.customer(phone_number="+254722000000")
    before = counts()
    assert sign_up()["Location"] == SENT
    assert counts() == before
    assert mail.outbox[0].subject == "Karani: You have an account"


def test_with_another_mistake_neither_a_taken_address_nor_a_phone_is_told_of() -> None:
    factories.user(email="jane@example.com")
    factories.customer(phone_number="+254722000000")
    errors = sign_up(password="password").context["form"].errors
    assert set(errors) == {"password"}


def test_one_address_signs_up_so_often(settings: Any) -> None:
    settings.GUARD_FACTOR = 0.1
    assert sign_up().status_code == 302
    before = counts()
    response = sign_up()
    assert b"Too many attempts. Try again in 60 minutes." in response.content
    assert counts() == before


def test_a_sign_up_goes_on_to_nobody_else() -> None:
    client = Client()
    page = client.get("/sign-up/?next=//evil.example")
    assert b"evil.example" not in page.content
    sign_up(client, next="//evil.example")
    assert client.post(link())["Location"] == "/"


def test_the_form_is_for_our_own_pages_only() -> None:
    assert sign_up(Client(enforce_csrf_checks=True)).status_code == 403
    assert counts() == (0, 0, 0)
