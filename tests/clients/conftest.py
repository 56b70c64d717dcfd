"""One Karani, made from nothing, for the clients and for the tour."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import guests
from tests.clients.newcomer import Karani, Readme, let_in, running


@pytest.fixture(scope="session")
def karani(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Karani]:
    with running(tmp_path_factory.mktemp("karani")) as karani:
        yield karani


@pytest.fixture(scope="session")
def readme() -> Readme:
    return Readme()


@pytest.fixture(scope="session")
def apps(karani: Karani) -> dict[str, dict[str, Any]]:
    """The apps that sign people in at this Karani, by name: what their makers were told."""
    return let_in(karani, guests.PEOPLE, guests.APPS)
