"""The first page: the way in for each who comes."""

import re
from typing import Any

import pytest
from django.test import Client

from identity.models import User
from tests import factories

pytestmark = pytest.mark.django_db


def links(page: Any) -> dict[str, str]:
    """The links of a page's content, by their words."""
    assert page.status_code == 200
    content = page.content.decode().partition("<main>")[2]
    return {
        words: href for href, words in re.findall(r'<a [^>]*href="([^"]+)">([^<]+)</a>', content)
    }


def bar(page: Any) -> dict[str, str]:
    content = page.content.decode().partition("<main>")[0]
    return {
        words: href for href, words in re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', content)
    }


def opened_by(user: User | None) -> Any:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.get("/")


def test_a_stranger_reads_whose_house_it_is_and_how_to_come_in(settings: Any) -> None:
    settings.BUSINESS_NAME = "Duka Moja"
    page = opened_by(None)
    assert "<h1>Duka Moja</h1>" in page.content.decode()
    found = links(page)
    assert found["Sign in"] == "/sign-in/"
    assert found["Create an account"] == "/sign-up/"
    assert found["Open the back office"] == "/admin/"
    assert found["Read how to use the API"] == "/api/docs"
    assert bar(page) == {}


def test_a_customer_goes_to_their_orders() -> None:
    page = opened_by(factories.user(first_name="Juma", last_name="Otieno"))
    assert "Juma Otieno" in page.content.decode()
    assert links(page) == {
        "My orders": "/my-orders/",
        "Account": "/account/",
        "Read how to use the API": "/api/docs",
    }
    assert bar(page) == {"My orders": "/my-orders/", "Account": "/account/"}


def test_staff_go_to_the_back_office() -> None:
    page = opened_by(factories.user("Viewer"))
    assert links(page)["Open the back office"] == "/admin/"
    assert bar(page)["Back office"] == "/admin/"


def test_no_copy_is_kept_and_nothing_comes_from_elsewhere() -> None:
    page = opened_by(None)
    assert "no-store" in page["Cache-Control"]
    assert page["X-Frame-Options"] == "DENY"
    assert re.findall(r'(?:src|href|action)="https?://', page.content.decode()) == []
    assert "<script" not in page.content.decode()


@pytest.mark.parametrize(("path", "here"), [("/account/", "Account"), ("/my-orders/", "My orders")])
def test_the_bar_says_where_one_is(path: str, here: str) -> None:
    client = Client()
    client.force_login(factories.user("Viewer"))
    page = client.get(path).content.decode()
    assert re.findall(r'aria-current="page">([^<]+)<', page) == [here]


def test_a_person_signs_out_from_the_bar() -> None:
    client = Client()
    client.force_login(factories.user())
    action = re.search(
        r'<form method="post" action="([^"]+)">', client.get("/account/").content.decode()
    )
    assert action
    assert client.post(action[1]).status_code == 302
    assert client.get("/account/").status_code == 302
