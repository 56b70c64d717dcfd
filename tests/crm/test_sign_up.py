"""The page where a customer makes an account of their own."""

import re
from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client

from crm.models import Customer
from crm.sign_up import LINK_IS_GOOD_FOR
from identity.models import SignIn, User
from identity.sealing import seal
from tests import factories

pytestmark = pytest.mark.django_db

JANE = {
    "username": "jane",
    "email": "jane@example.com",
    "password": factories.PASSWORD,
    "phone_number": "0722 000 000",
    "name": "Jane Doe",
}
SENT = "/sign-up/sent/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"


def sign_up(client: Client | None = None, **facts: str) -> Any:
    return (client or Client()).post("/sign-up/", JANE | facts)


def link() -> str:
    found = re.search(r"https://karani.example.com(/sign-up/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def counts() -> tuple[int, int, int]:
    return User.objects.count(), Customer.objects.count(), EmailAddress.objects.count()


def test_the_form_makes_nothing_but_a_mail() -> None:
    response = sign_up()
    assert (response.status_code, response["Location"]) == (302, SENT)
    assert counts() == (0, 0, 0)
    assert [(each.to, each.subject) for each in mail.outbox] == [
        (["jane@example.com"], "Karani: Complete your account")
    ]
    body = str(mail.outbox[0].body)
    assert factories.PASSWORD not in body
    assert "jane" not in body  # what a stranger typed is not for us to send


def test_opening_the_link_makes_nothing_yet() -> None:
    client = Client()
    sign_up(client)
    page = client.get(link())
    assert page.status_code == 200
    assert "<strong>jane@example.com</strong>" in page.content.decode()
    assert counts() == (0, 0, 0)


def test_who_says_so_there_has_an_account_and_a_record() -> None:
    client = Client()
    sign_up(client)
    assert client.post(link()).status_code == 302
    user = User.objects.get()
    assert (user.username, user.email) == ("jane", "jane@example.com")
    assert (user.first_name, user.last_name) == ("Jane", "Doe")
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert user.check_password(factories.PASSWORD)
    assert EmailAddress.objects.get(user=user, verified=True, primary=True).email == user.email
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


def test_in_another_browser_the_password_of_the_form_completes_it_and_signs_in() -> None:
    sign_up(next="/my-orders/")
    other = Client()
    assert b"The one that you chose when you signed up." in other.get(link()).content
    assert other.post(link(), {"password": factories.PASSWORD})["Location"] == "/"
    assert other.session["_auth_user_id"] == str(User.objects.get().pk)
    assert EmailAddress.objects.get().verified


@pytest.mark.parametrize("password", ["", "another-Battery-9"])
def test_who_reads_the_mail_alone_confirms_no_account_of_a_stranger(password: str) -> None:
    sign_up()
    victim = Client()
    sign_up(victim, username="victim", email="victim@example.com")
    strangers = re.search(r"/sign-up/\S+", str(mail.outbox[0].body))
    assert strangers
    response = victim.post(strangers[0], {"password": password})
    said = "Wrong password." if password else "This field is required."
    assert response.context["form"].errors == {"password": [said]}
    assert counts() == (0, 0, 0)
    assert "_auth_user_id" not in victim.session


def test_the_password_is_guessed_there_as_rarely_as_at_the_sign_in() -> None:
    sign_up()
    victim = Client()
    for _ in range(10):
        victim.post(link(), {"password": "wrong"})
    response = victim.post(link(), {"password": factories.PASSWORD})
    assert b"Too many attempts. Try again in 15 minutes." in response.content
    assert counts() == (0, 0, 0)


def test_who_was_signed_in_as_somebody_else_leaves_that_session() -> None:
    client = Client()
    client.force_login(factories.user(username="before", email="before@example.com"))
    client.get("/account/")
    before = client.session["sid"]
    sign_up(client)
    client.post(link())
    assert client.session["_auth_user_id"] == str(User.objects.get(username="jane").pk)
    assert client.session["sid"] != before


def test_a_second_click_leads_on_who_is_signed_in_by_the_first() -> None:
    client = Client()
    sign_up(client, next="/my-orders/")
    client.post(link())
    before = counts()
    assert client.get(link())["Location"] == client.post(link())["Location"] == "/"
    assert counts() == before


def test_no_cache_keeps_what_the_link_shows_and_it_is_only_opened_or_sent() -> None:
    sign_up()
    assert "no-store" in Client().get(link())["Cache-Control"]
    assert Client().put(link()).status_code == 405


def test_where_no_mail_can_be_sent_the_form_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with patch("django.core.mail.EmailMessage.send", side_effect=SMTPRecipientsRefused({})):
        response = sign_up()
    assert response.context["form"].errors == {
        "email": ["We could not send a mail there. Check it, or try again later."]
    }
    assert b"Jane Doe" in response.content
    assert counts() == (0, 0, 0)


def test_the_page_after_the_form_names_the_address_alone() -> None:
    client = Client()
    assert client.get(SENT)["Location"] == "/sign-up/"
    sign_up(client)
    assert b"<strong>jane@example.com</strong>" in client.get(SENT).content


def test_an_address_that_was_another_accounts_once_is_free() -> None:
    other = factories.user(username="other", email="new@example.com")
    EmailAddress.objects.create(user=other, email="jane@example.com", verified=True)
    client = Client()
    sign_up(client)
    client.post(link())
    assert User.objects.get(username="jane").email == "jane@example.com"
    assert not EmailAddress.objects.filter(user=other, email="jane@example.com").exists()


def test_a_link_makes_one_account_however_often_it_is_used() -> None:
    client = Client()
    sign_up(client)
    client.post(link())
    before = counts()
    other = Client()
    for response in (other.get(link()), other.post(link(), {"password": factories.PASSWORD})):
        assert b"<h1>You have an account</h1>" in response.content
    assert counts() == before


def test_of_two_who_want_a_name_the_first_to_complete_it_has_it() -> None:
    first, second = Client(), Client()
    sign_up(first)
    sign_up(second, email="second@example.com", phone_number="0733 000 000")
    second.post(link())
    before = counts()
    mail.outbox.pop()
    response = first.post(link())
    assert b"User with this username already exists." in response.content
    assert (counts(), User.objects.get().email) == (before, "second@example.com")
    assert "_auth_user_id" not in first.session


@pytest.mark.parametrize("what", ["old", "forged", "sealed for something else"])
def test_a_link_that_is_no_good_says_so_and_makes_nothing(what: str) -> None:
    client = Client()
    at = datetime.now(UTC) - LINK_IS_GOOD_FOR - timedelta(seconds=2 if what == "old" else -60)
    with patch("cryptography.fernet.time.time", return_value=at.timestamp()):
        sign_up(client)
    address = {
        "old": link(),
        "forged": "/sign-up/x/",
        "sealed for something else": f"/sign-up/{seal('{}')}/",
    }[what]
    for response in (client.get(address), client.post(address)):
        assert response.status_code == 410
        assert b"<h1>This link is no good</h1>" in response.content
    assert counts() == (0, 0, 0)


def test_the_link_is_good_for_three_days_but_no_longer() -> None:
    client = Client()
    at = datetime.now(UTC) - timedelta(days=3) + timedelta(minutes=1)
    with patch("cryptography.fernet.time.time", return_value=at.timestamp()):
        sign_up(client)
    client.post(link())
    assert User.objects.count() == 1


def test_the_password_does_not_tell_who_sent_the_form_whether_the_address_is_known() -> None:
    factories.user(username="known", email="known@example.com")
    said = []
    for email in ("known@example.com", "free@example.com"):
        client = Client()
        sign_up(client, email=email, password="horse-Battery-7")
        for name in ("jane", email):
            facts = {"username": name, "password": "horse-Battery-7"}
            said.append(client.post("/sign-in/", facts).context["form"].errors)
        assert "_auth_user_id" not in client.session
    assert said == said[:1] * 4


def test_an_address_that_has_an_account_gets_the_same_answer_and_a_mail() -> None:
    factories.user(username="known", email="jane@example.com")
    before = counts()
    again = sign_up(email="Jane@Example.com")
    assert (again.status_code, again["Location"]) == (302, SENT)
    assert counts() == before
    assert mail.outbox[0].to == ["jane@example.com"]
    assert mail.outbox[0].subject == "Karani: You have an account"
    assert "karani.example.com/sign-up/" not in mail.outbox[0].body


def test_one_address_gets_so_many_mails() -> None:
    for number in range(5):
        assert sign_up(username=f"jane{number}").status_code == 302
    response = sign_up(username="jane5")
    assert b"Too many attempts. Try again in 60 minutes." in response.content
    assert len(mail.outbox) == 5


def test_it_costs_a_hash_of_the_password_too() -> None:
    hashes = []
    factories.user(email="known@example.com")
    factories.customer(phone_number="+254711000000")
    for username, email, phone in (
        ("jane", "jane@example.com", "0722 000 000"),
        ("other", "known@example.com", "0733 000 000"),
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
            "Use up to 150 letters, digits and the signs . _ + -",
        ),
        ({"password": "password"}, "password", "This password is too common."),
        ({"name": ""}, "name", "This field is required."),
        ({"phone_number": "020 2222222"}, "phone_number", "No text gets to this number."),
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
    body = re.sub(r"/sign-up/\S+", "/sign-up/...", str(mail.outbox[-1].body))
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
    factories.customer(phone_number="+254722000000")
    before = counts()
    taken = Client()
    assert seen(taken, sign_up(taken)) == expected
    assert (len(mail.outbox), counts()) == (2, before)


@pytest.mark.parametrize("is_looked_up_too_early", [False, True])
def test_nobody_takes_the_record_of_a_customer_by_their_phone(is_looked_up_too_early: bool) -> None:
    theirs = factories.customer(phone_number="+254722000000", name="John", email="")
    known = theirs.updated_at
    client = Client()
    sign_up(client)
    if is_looked_up_too_early:  # as the slower of two sees it, which looked before the other wrote
        with patch("crm.sign_up.registration_errors", return_value={}):
            client.post(link())
    else:
        client.post(link())
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
    response = sign_up(email="other@example.com")
    assert b"Too many attempts. Try again in 60 minutes." in response.content
    assert (counts(), len(mail.outbox)) == ((0, 0, 0), 1)


def test_a_sign_up_goes_on_to_nobody_else() -> None:
    client = Client()
    page = client.get("/sign-up/?next=//evil.example")
    assert b"evil.example" not in page.content
    sign_up(client, next="//evil.example")
    assert client.post(link())["Location"] == "/"


def test_the_form_is_for_our_own_pages_only() -> None:
    assert sign_up(Client(enforce_csrf_checks=True)).status_code == 403
    assert counts() == (0, 0, 0)
