"""What somebody sees where there is no page, or none for them, or where one fails."""

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db


def fail_with(error: Exception, monkeypatch: Any) -> Any:
    def landing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("project.landing.render", landing)
    client = Client(raise_request_exception=False)
    client.force_login(factories.user(username="wanjiku"))
    return client.get("/")


@pytest.mark.parametrize("address", ["/nothing/", "/account/nothing/", "/o/nothing/"])
def test_where_there_is_no_page_one_says_so_and_leads_on(settings: Any, address: str) -> None:
    settings.BUSINESS_NAME = "Duka Moja"
    response = Client().get(address)
    page = response.content.decode()
    assert response.status_code == 404
    assert "<title>No such page | Duka Moja</title>" in page
    assert "<h1>There is no such page</h1>" in page
    assert '<a class="button wanted wide" href="/">Go to Duka Moja</a>' in page


@pytest.mark.parametrize("address", ["/apple-touch-icon.png", "/o/nothing/"])
def test_a_picture_that_is_not_there_takes_no_message_from_the_next_page(address: str) -> None:
    client = Client()
    client.force_login(factories.user())
    assert client.post("/account/email/", {"send": "yes"}).status_code == 302  # leaves one
    client.get(address)
    assert b'role="status"' in client.get("/account/email/").content


def test_where_one_is_for_others_it_says_who_asked(monkeypatch: Any) -> None:
    response = fail_with(PermissionDenied(), monkeypatch)
    assert response.status_code == 403
    assert "<h1>This page is not for you</h1>" in response.content.decode()
    assert "wanjiku" in response.content.decode()


def test_a_question_that_is_none_is_said_to_be(monkeypatch: Any) -> None:
    for response in (
        fail_with(BadRequest(), monkeypatch),
        Client().get("/", headers={"Host": "evil.example"}),
    ):
        assert response.status_code == 400
        assert "<h1>That was not understood</h1>" in response.content.decode()


def test_where_one_fails_the_page_for_that_needs_nothing(monkeypatch: Any) -> None:
    response = fail_with(RuntimeError(), monkeypatch)
    page = response.content.decode()
    assert response.status_code == 500
    assert "<title>Something went wrong</title>" in page
    assert "<h1>Something went wrong here</h1>" in page
    assert '<link rel="stylesheet" href="' in page
