"""Liveness and readiness, as the platform asks for them."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from django.test import Client
from django.test.utils import CaptureQueriesContext


def test_liveness_asks_the_database_nothing() -> None:
    response = Client().get("/healthz")  # a query would fail: this test has no database
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_liveness_is_told_whatever_host_is_asked() -> None:
    assert Client().get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


@pytest.mark.django_db
def test_it_is_ready_with_a_database_that_has_every_migration() -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "migrations": "ok"}


@pytest.mark.django_db
def test_it_is_not_ready_while_a_migration_is_missing() -> None:
    [newest] = MigrationLoader(connection).graph.leaf_nodes("crm")
    MigrationRecorder(connection).record_unapplied(*newest)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "database": "ok", "migrations": "missing"}


@pytest.mark.django_db
def test_it_is_not_ready_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nonexistent/karani.sqlite3"}
    handler = ConnectionHandler({"default": nowhere})
    monkeypatch.setattr("project.health.connection", handler["default"])
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "database": "unreachable",
        "migrations": "unknown",
    }
    assert Client().get("/healthz").status_code == 200


@pytest.mark.django_db
def test_readiness_writes_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        Client().get("/readyz")
    assert {query["sql"].split()[0].strip('"') for query in queries} <= {"SELECT"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_the_platform_may_ask_over_plain_http(path: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get(path).status_code == 200
    assert Client().get("/sign-in/").status_code == 301
