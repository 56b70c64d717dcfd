"""What every test has: no network but this machine, a settled clock of settings, and people."""

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from pytest_socket import socket_allow_hosts

from identity.models import Role, User
from identity.provider import keys
from identity.session_tokens import issue_tokens
from project.setup import FIXTURES
from sms.gateway import get_gateway
from tests import factories

JSON = "application/json"

# What is loaded stays: looking through all of it for garbage, again and again, took a third of the
# time of the suite.
gc.set_threshold(100_000, 50, 100)


@pytest.fixture(autouse=True)
def _only_this_machine() -> None:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True, scope="session")
def _plain_test_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test run may do without: collected static files, a slow password hash, nights."""
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
    settings.SMS_QUIET_HOURS = None  # a test may run at any hour; those about it set their own
    settings.DATA_DIR = tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """SQLite in a file: threads share a database in memory, and its locks are other ones. And
    PostgreSQL without its care for a power cut, and emptied after a test without new files."""
    database = settings.DATABASES["default"]
    with pytest.MonkeyPatch.context() as patch:
        if database["ENGINE"] == "project.sqlite":
            folder = tmp_path_factory.mktemp("database")
            database.setdefault("TEST", {})["NAME"] = str(folder / "test.sqlite3")
        else:
            database.setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"
            patch.setattr(DatabaseOperations, "sql_flush", _delete_all_rows)
        yield


def _delete_all_rows(
    operations: BaseDatabaseOperations, style: Any, tables: Sequence[str], **_: Any
) -> list[str]:
    """Django's ``TRUNCATE`` makes each table, and there are 64, a new file: half a second and more
    for a test that has written ten rows. The foreign keys are asked at the end of the transaction.
    """
    return [f"DELETE FROM {operations.quote_name(table)}" for table in tables]


@pytest.fixture(autouse=True)
def _nobody_was_counted() -> None:
    """The rate of requests and long counts are kept in the cache, which outlives a test."""
    cache.clear()


@pytest.fixture(autouse=True)
def _content_types_are_known(request: pytest.FixtureRequest) -> None:
    """Each test counts the same queries, whatever ran before it: Django keeps content types."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        ContentType.objects.get_for_models(*apps.get_models())


@pytest.fixture(autouse=True)
def _gateway_of_this_test() -> Iterator[None]:
    """The gateway is made once a process; a test that changes the settings wants its own."""
    get_gateway.cache_clear()
    yield
    get_gateway.cache_clear()


_signing_keys: list[bytes] = []  # real ones, made once a process: a tenth of a second each


@pytest.fixture(autouse=True)
def _signing_keys_in_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has the same signing keys to begin with, in the same order."""
    make, taken = keys._new_pem, count()

    def take() -> bytes:
        number = next(taken)
        while len(_signing_keys) <= number:
            _signing_keys.append(make())
        return _signing_keys[number]

    monkeypatch.setattr(keys, "_new_pem", take)


@pytest.fixture
def roles(db: None) -> dict[str, Role]:
    """The roles that Karani comes with, by name."""
    return factories.roles()


@pytest.fixture
def templates(db: None) -> None:
    """The wording that Karani comes with."""
    factories.templates()


@pytest.fixture
def boss(db: None) -> User:
    """A superuser."""
    return factories.superuser()


@pytest.fixture
def admin_client(boss: User) -> Client:
    """A browser in which the superuser is signed in."""
    client = Client()
    client.force_login(boss)
    return client


class Api:
    """A caller of the API with a token, who sends and gets JSON."""

    def __init__(self, user: User | None) -> None:
        self.client = Client()
        self.headers: dict[str, str] = {}
        if user is not None:
            self.headers["Authorization"] = f"Bearer {issue_tokens(user).access}"

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers=self.headers)

    def delete(self, path: str) -> Any:
        return self.client.delete(path, headers=self.headers)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(path, body, content_type=JSON, headers=self.headers)

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(path, body, content_type=JSON, headers=self.headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(path, body, content_type=JSON, headers=self.headers)


@pytest.fixture
def as_user() -> Callable[[User | None], Api]:
    """Call the API as somebody."""
    return Api


@pytest.fixture
def api(boss: User) -> Api:
    """Call the API as the superuser."""
    return Api(boss)


@pytest.fixture
def fixtures() -> Path:
    return FIXTURES
