"""A form of a page that is out of date: nothing is done, and the page is one click away."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from identity.models import Application
from tests.identity.oauth_flows import nothing_written, question

pytestmark = pytest.mark.django_db

HOUSE = "http://testserver"


def way_back(response: Any) -> str:
    assert response.status_code == 403
    page = response.content.decode()
    assert "This page is out of date" in page
    assert "no-store" in response["Cache-Control"]
    found = re.search(r'<a class="button" href="([^"]*)">Load the page again<', page)
    assert found
    return html.unescape(found[1])


def test_the_page_is_loaded_again_as_it_was_asked_for() -> None:
    client = Client(enforce_csrf_checks=True)
    address = "/sign-in/?next=/account/%3Fa%3D%22b&login_hint=x"
    assert way_back(client.post(address)) == address
    assert client.get(address).status_code == 200


def test_a_question_of_an_app_is_asked_again(shop: Application, browser: Client) -> None:
    asked = question(nonce='"><b>')
    with nothing_written():
        refused = browser.post(asked.replace("/authorize/", "/consent/"), {"answer": "allow"})
    assert way_back(refused) == asked
    assert browser.get(asked).status_code == 200


def test_so_is_whether_to_sign_out(browser: Client) -> None:
    assert way_back(browser.post("/o/logout/confirm/?state=x")) == "/o/logout/?state=x"
    assert way_back(browser.post("/o/logout/confirm/")) == "/o/logout/"
    assert "_auth_user_id" in browser.session


@pytest.mark.parametrize(
    ("referrer", "page"),
    [
        (f"{HOUSE}/account/?a=b#tokens", "/account/?a=b"),
        (HOUSE, "/"),
        ("https://evil.example.com/account/", "/sign-out/"),
        ("http://testserver.example.com/account/", "/sign-out/"),
        ("javascript:alert(1)", "/sign-out/"),
        (f"{HOUSE}//evil.example.com/", "/sign-out/"),
        ("http://[", "/sign-out/"),
    ],
)
def test_a_form_of_another_page_leads_to_that_one_if_it_is_ours(
    browser: Client, referrer: str, page: str
) -> None:
    assert way_back(browser.post("/sign-out/", headers={"Referer": referrer})) == page
    assert "_auth_user_id" in browser.session


def test_the_api_says_it_in_its_own_way(browser: Client) -> None:
    response = browser.post("/api/customers/", {}, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    response = browser.post("/api/nowhere/")
    assert response["Content-Type"] == "application/problem+json"
