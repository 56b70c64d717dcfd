"""A person, an app, and a browser in which the person is signed in."""

from typing import Any

import pytest
from django.test import Client

from identity.models import Application, User
from identity.models.provider import AppKind
from tests import factories
from tests.identity.oauth_flows import CALLBACK, answer, question, redeem


@pytest.fixture
def shop() -> Application:
    """A public app, such as a program on people's phones."""
    app, _ = factories.app(
        name="Shop window",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[CALLBACK],
        client_id="shop",
    )
    return app


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="wanjiku")


@pytest.fixture
def browser(clerk: User) -> Client:
    """A browser in which the clerk is signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(clerk)
    return client


@pytest.fixture
def tokens(shop: Application, browser: Client) -> dict[str, Any]:
    """What the app has after the clerk let it in."""
    response = redeem(answer(browser, question())["code"])
    assert response.status_code == 200
    return dict(response.json())
