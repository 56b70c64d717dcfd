"""A password that is forgotten, and one that is changed."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client

from identity.models import AttemptCount, BrowserSession, User
from identity.session_tokens import issue_tokens
from tests import factories

pytestmark = pytest.mark.django_db

NEW = "another battery staple"
SENT = "/password/forgotten/sent/"


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"


@pytest.fixture
def wanjiku() -> User:
    return factories.user(username="wanjiku", email="wanjiku@example.com")


def forget(email: str, host: str = "testserver") -> Any:
    return Client(HTTP_HOST=host).post("/password/forgotten/", {"email": email})


def link() -> str:
    found = re.search(r"https://karani.example.com(/password/new/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def choose(address: str, password: str = NEW) -> Any:
    client = Client()
    form = client.get(address, follow=True)
    body = {"password1": password, "password2": password}
    return client.post(form.request["PATH_INFO"], body, follow=True)


def test_a_link_by_mail_leads_to_a_new_password(wanjiku: User) -> None:
    response = forget("Wanjiku@Example.com")
    assert (response.status_code, response["Location"]) == (302, SENT)
    message = mail.outbox[0]
    assert (message.to, message.subject) == (["wanjiku@example.com"], "Karani: A new password")
    assert "for the account wanjiku" in message.body
    address = link()
    assert b"Your password is changed" in choose(address).content
    assert b"This link is used up" in Client().get(address).content
    wanjiku.refresh_from_db()
    assert wanjiku.check_password(NEW)


def test_it_signs_nobody_in_past_the_second_factor(wanjiku: User) -> None:
    factories.authenticator_app(wanjiku)
    forget(wanjiku.email)
    client = Client()
    address = client.get(link())["Location"]
    client.post(address, {"password1": NEW, "password2": NEW})
    assert "_auth_user_id" not in client.session
    response = client.post("/sign-in/", {"username": "wanjiku", "password": NEW})
    assert response["Location"] == "/sign-in/code/"


def test_it_ends_what_was_signed_in_with_the_old_one(wanjiku: User) -> None:
    browser = Client()
    browser.force_login(wanjiku)
    access = issue_tokens(wanjiku).access
    forget(wanjiku.email)
    choose(link())
    assert browser.get("/account/email/").status_code == 302
    headers = {"Authorization": f"Bearer {access}"}
    assert Client().get("/api/me/", headers=headers).status_code == 401


def test_who_has_no_account_gets_the_same_answer_and_a_mail_as_well(wanjiku: User) -> None:
    known, unknown = forget(wanjiku.email), forget("nobody@example.com")
    assert (unknown.status_code, unknown["Location"]) == (known.status_code, known["Location"])
    assert [message.to for message in mail.outbox] == [[wanjiku.email], ["nobody@example.com"]]
    assert "no account here has this address" in mail.outbox[1].body
    assert "/password/new/" not in mail.outbox[1].body


def test_a_service_account_gets_no_password(wanjiku: User) -> None:
    machine = factories.service_account(email="till@example.com")
    gone = factories.user(email="gone@example.com", is_active=False)
    for user in (machine, gone):
        forget(user.email)
        assert "no account here has this address" in mail.outbox[-1].body


def test_who_comes_from_elsewhere_may_have_one() -> None:
    user = factories.service_account(email="jane@example.com")
    SocialAccount.objects.create(user=user, provider="upstream", uid="1")
    forget(user.email)
    choose(link())
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_the_mail_goes_to_the_address_that_is_on_record_not_to_one_like_it(wanjiku: User) -> None:
    with patch.object(User.objects, "filter", lambda **facts: [wanjiku]):
        forget("wanj\u0131ku@example.com")
    assert mail.outbox[0].to == ["wanjiku@example.com"]


def test_the_link_is_to_us_whichever_host_was_asked(wanjiku: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["proxy.example"]
    forget(wanjiku.email, host="proxy.example")
    assert "https://karani.example.com/password/new/" in mail.outbox[0].body
    assert "proxy.example" not in mail.outbox[0].body


@pytest.mark.parametrize("email", ["wanjiku@example.com", "nobody@example.com"])
def test_an_address_gets_five_mails_an_hour(wanjiku: User, email: str) -> None:
    for _ in range(5):
        assert forget(email).status_code == 302
    response = forget(email.upper())
    assert response.status_code == 200
    assert b"Too many attempts. Try again in 60 minutes." in response.content
    assert len(mail.outbox) == 5


@pytest.mark.parametrize("email", ["wanjiku", "", "wan\x00jiku@example.com"])
def test_what_is_no_address_is_no_try(email: str) -> None:
    assert forget(email).status_code == 200
    assert mail.outbox == []
    assert not AttemptCount.objects.exists()


@pytest.mark.parametrize("key", ["0-x", "zz-x-y", "0" * 32 + "-cabcde-" + "0" * 32])
def test_a_link_of_chance_opens_nothing(key: str) -> None:
    response = Client().get(f"/password/new/{key}/")
    assert response.status_code == 200
    assert b"This link is used up" in response.content


# --- Changed ------------------------------------------------------------------------------------


def change(client: Client, old: str = factories.PASSWORD, new: str = NEW) -> Any:
    body = {"oldpassword": old, "password1": new, "password2": new}
    return client.post("/account/password/", body)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_password_is_changed_with_the_old_one_and_its_owner_is_told(wanjiku: User) -> None:
    here, elsewhere = signed_in(wanjiku), signed_in(wanjiku)
    assert change(here)["Location"] == "/account/"
    wanjiku.refresh_from_db()
    assert wanjiku.check_password(NEW)
    assert b"Your password is changed." in here.get("/account/").content
    assert elsewhere.get("/account/password/").status_code == 302
    assert mail.outbox[0].to == ["wanjiku@example.com"]
    assert mail.outbox[0].subject == "Karani: Your password was changed"
    assert "127.0.0.1" in mail.outbox[0].body


def test_the_old_one_is_guessed_as_often_as_at_the_sign_in(wanjiku: User) -> None:
    client = signed_in(wanjiku)
    for _ in range(10):
        assert b"Wrong password." in change(client, "wrong").content
    assert b"Too many attempts. Try again in 15 minutes." in change(client).content
    wanjiku.refresh_from_db()
    assert wanjiku.check_password(factories.PASSWORD)


def test_a_weak_one_is_refused(wanjiku: User) -> None:
    assert b"This password is too common." in change(signed_in(wanjiku), new="password1").content
    wanjiku.refresh_from_db()
    assert wanjiku.check_password(factories.PASSWORD)


def test_a_change_is_one_also_where_no_mail_can_be_sent(wanjiku: User) -> None:
    with patch("django.core.mail.EmailMessage.send", side_effect=ConnectionRefusedError):
        assert change(signed_in(wanjiku)).status_code == 302
    wanjiku.refresh_from_db()
    assert wanjiku.check_password(NEW)


def test_the_page_of_the_back_office_leads_here(wanjiku: User) -> None:
    response = Client().get("/admin/password_change/")
    assert response["Location"] == "/account/password/"


def test_a_stranger_changes_nothing() -> None:
    for address in ("/account/password/", "/account/password/first/", "/account/email/"):
        assert Client().post(address).status_code == 302
    assert not BrowserSession.objects.exists()
