"""Each reads our pages in the language that they chose; programs, sheets and customers' texts do
not change with it."""

import ast
import inspect
import re
from typing import Any

import pytest
from allauth.account import adapter, fields, forms
from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import models, password_validation, validators
from django.test import Client
from django.utils import translation

from crm import orders
from crm.models import Order
from identity.models import User
from identity.people.adapters import AccountAdapter
from identity.people.borrowed_words import WORDS
from identity.sign_ins import method_in_words
from sms.models import Message
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

PAGES = ["/", "/sign-in/", "/sign-up/", "/password/forgotten/", "/nothing/"]
OWN_PAGES = ["/account/", "/my-orders/", "/account/tokens/new/", "/admin/", "/admin/crm/order/"]


def in_browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def language_of(response: Any) -> tuple[str, str]:
    """What the page says of itself, and what its header does."""
    found = re.search(r'<html lang="([^"]+)"', response.content.decode())
    assert found
    return found[1], response.headers["Content-Language"]


def choose(client: Client, language: str, page: str = "/") -> Any:
    referer = page if "//" in page or ":" in page else f"http://testserver{page}"
    return client.post("/language/", {"language": language}, headers={"referer": referer})


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_reads_the_language_of_the_business_until_they_choose(
    settings: Any, page: str
) -> None:
    client = Client(headers={"Accept-Language": "sw"})
    assert language_of(client.get(page)) == ("en", "en")
    settings.BUSINESS_LANGUAGE = "sw"
    assert language_of(Client().get(page)) == ("sw", "sw")
    choose(client, "en")
    assert language_of(client.get(page)) == ("en", "en")


@pytest.mark.parametrize("page", [*PAGES, *OWN_PAGES])
def test_who_is_signed_in_reads_every_page_in_the_language_they_chose(page: str) -> None:
    user = factories.superuser()
    client = in_browser_of(user)
    assert language_of(client.get(page)) == ("en", "en")
    assert choose(client, "sw").status_code == 302
    user.refresh_from_db()
    assert user.language == "sw"
    another_phone = in_browser_of(user)
    for browser in (client, another_phone):
        assert language_of(browser.get(page)) == ("sw", "sw")


def test_the_choice_comes_along_from_the_sign_in_page() -> None:
    client = in_browser_of(None)
    choose(client, "sw")
    client.force_login(factories.user())
    assert language_of(client.get("/account/")) == ("sw", "sw")


def test_ones_own_choice_goes_before_that_of_who_used_the_browser_last() -> None:
    client = in_browser_of(None)
    choose(client, "sw")
    client.force_login(factories.user(language="en"))
    assert language_of(client.get("/account/")) == ("en", "en")


def test_a_switch_leads_back_to_its_page_and_to_no_other_site() -> None:
    client = Client()
    page = "http://testserver/sign-in/?next=/my-orders/"
    assert choose(client, "sw", page).url == page
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert choose(client, "sw", elsewhere).url == "/"
    assert client.post("/language/", {"language": "sw"}).headers["Location"] == "/"


@pytest.mark.parametrize("language", ["fr", "", "sw-KE", "../sw"])
def test_a_language_that_there_is_not_is_refused(language: str) -> None:
    user = factories.user(language="sw")
    client = in_browser_of(user)
    assert choose(client, language).status_code == 400
    user.refresh_from_db()
    assert user.language == "sw"
    assert "language" not in client.cookies


def test_a_cookie_with_another_language_is_passed_over() -> None:
    client = Client()
    client.cookies["language"] = "fr"
    assert language_of(client.get("/")) == ("en", "en")


def test_no_other_site_changes_somebodys_language() -> None:
    user = factories.user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert choose(client, "sw").status_code == 403
    user.refresh_from_db()
    assert user.language == ""


@pytest.mark.parametrize("page", ["/sign-in/", "/account/", "/admin/", "/my-orders/"])
def test_each_page_offers_each_language_under_its_own_name(page: str) -> None:
    client = in_browser_of(factories.superuser(language="sw"))
    switch = client.get(page).content.decode().partition('class="languages"')[2]
    buttons = re.findall(r'<button name="language" ([^>]+)>([^<]+)</button>', switch)
    assert buttons == [
        ('value="en" lang="en" aria-pressed="false"', "English"),
        ('value="sw" lang="sw" aria-pressed="true"', "Kiswahili"),
    ]


def test_a_page_that_answers_a_form_has_no_switch_that_would_lose_what_was_typed() -> None:
    page = Client().post("/sign-in/", {"login": "nobody", "password": "wrong"}).content.decode()
    assert "<form" in page
    assert 'class="languages"' not in page


def test_the_api_speaks_english_whatever_its_caller_reads(settings: Any) -> None:
    settings.BUSINESS_LANGUAGE = "sw"
    api = Api(factories.superuser(language="sw"))
    api.client.cookies["language"] = "sw"
    response = api.post("/api/customers/", {"phone_number": "1"})
    assert response.json()["detail"] == "The request has 2 invalid fields."
    assert response.json()["errors"]["name"] == ["This field is required."]
    assert "Content-Language" not in response.headers


@pytest.mark.parametrize("reader", ["en", "sw"])
def test_a_customer_is_texted_in_their_own_language_whoever_takes_the_order(
    templates: None, reader: str
) -> None:
    factories.switch_on("order_processing")
    customer = factories.customer(language=reader)
    texts = []
    for staff in ("en", "sw"):
        with translation.override(staff):
            order = factories.order(customer=customer, amount="80405.00")
            orders.change_status(order, Order.Status.PROCESSING)
        told = Message.objects.filter(about_id=order.pk).order_by("id")
        texts.append([message.text.replace(order.order_number, "NUMBER") for message in told])
    assert [len(told) for told in texts] == [2, 2]
    assert "KES 80,405.00" in texts[0][0]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("what", ["customer", "order"])
def test_a_sheet_is_the_same_for_every_reader(what: str) -> None:
    factories.order(customer=factories.customer(language="sw"))
    sheets = []
    for language in ("en", "sw"):
        client = in_browser_of(factories.superuser(username=language, language=language))
        answer = client.post(f"/admin/crm/{what}/export/", {"format": "0", "resource": "0"})
        assert answer.headers["Content-Type"] == "text/csv"
        sheets.append(answer.content)
    assert sheets[0] == sheets[1]


# --- Mails, and words that are kept or borrowed -------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "page", "spoken"),
    [("sw", "en", "sw"), ("en", "sw", "en"), ("", "sw", "sw")],
    ids=["swahili", "english", "none"],
)
def test_a_mail_speaks_the_language_of_its_reader_where_they_chose_one(
    monkeypatch: pytest.MonkeyPatch, chosen: str, page: str, spoken: str
) -> None:
    heard = []
    monkeypatch.setattr(
        DefaultAccountAdapter,
        "send_mail",
        lambda *arguments: heard.append(translation.get_language()),
    )
    reader = factories.user(language=chosen)
    with translation.override(page):
        AccountAdapter().send_mail("account/email/password_reset_key", "a@b.ke", {"user": reader})
        assert translation.get_language() == page
    assert heard == [spoken]


def test_who_has_no_account_is_written_to_in_the_language_of_the_page(
    mailoutbox: list[Any],
) -> None:
    client = Client()
    choose(client, "en")
    client.post("/password/forgotten/", {"email": "nobody@example.com"})
    assert [mail.subject.rpartition(": ")[2] for mail in mailoutbox] == ["No account"]


@pytest.mark.parametrize(
    "method",
    ["password", "password and code", "password and recovery code", "Duka ID and passkey", "x"],
)
def test_how_somebody_signed_in_is_told_as_it_was_kept(method: str) -> None:
    assert method_in_words(method) == method


def test_each_borrowed_word_is_one_that_they_still_say() -> None:
    modules = (
        *(auth_admin, auth_forms, models, password_validation, validators),
        *(adapter, fields, forms),
    )
    said = {
        node.value
        for module in modules
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant)
    }
    assert [word for word in WORDS if word not in said] == []
