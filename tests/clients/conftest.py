"""One Karani, made from nothing, for the clients and for the tour."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests import chromium
from tests.clients import guests
from tests.clients.app_home import AppHome, app_home
from tests.clients.newcomer import Karani, Readme, free_port, let_in, running


@pytest.fixture(scope="session")
def karani(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Karani]:
    with running(tmp_path_factory.mktemp("karani")) as karani:
        yield karani


@pytest.fixture(scope="session")
def readme() -> Readme:
    return Readme()


@pytest.fixture(scope="session")
def home() -> Iterator[AppHome]:
    """Where the apps are that sign people in."""
    with app_home() as home:
        yield home


@pytest.fixture(scope="session")
def branch_address() -> str:
    """Where another Karani will be. It has another name for this machine: cookies know no ports."""
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="session")
def apps(karani: Karani, home: AppHome, branch_address: str) -> dict[str, dict[str, Any]]:
    """These apps by name: what their makers were told."""
    apps = let_in(karani, guests.PEOPLE, guests.apps_at(home.address, branch_address))
    home.settings = {"authority": f"{karani.address}/o", "client_id": apps["window"]["client_id"]}
    return apps


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium.started() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Of a person who is not signed in."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
