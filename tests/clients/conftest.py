"""One Karani, made from nothing, for the clients and for the tour."""

from collections.abc import Iterator

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
def secrets(karani: Karani) -> dict[str, str]:
    """Those of the apps that sign people in at this Karani, by their client IDs."""
    return let_in(karani, guests.PEOPLE, guests.APPS)
