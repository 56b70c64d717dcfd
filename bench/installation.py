"""A Karani to measure: its settings those of any installation, its database one that goes again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django


@contextmanager
def installation(database: str, **environment: str) -> Iterator[Path]:
    """Set Django up with an empty database of the tests' kind, where that URL says one is made.

    Yields a folder, for what other processes write; both are gone at the end.
    """
    os.environ.update(
        DATABASE_URL=database,
        DEBUG="off",
        DJANGO_SETTINGS_MODULE="project.settings",
        ENV_FILE=os.devnull,
        SECRET_KEY="only-for-the-bench-0123456789-abcdefghijklmnopqrstuvwxyz",  # noqa: S106  # of a database that goes at the end
        **environment,
    )
    django.setup()

    from django.conf import settings
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    with tempfile.TemporaryDirectory() as folder:
        if settings.DATABASES["default"]["ENGINE"] == "project.sqlite":
            # In a file, as another process is to find it.
            settings.DATABASES["default"]["TEST"]["NAME"] = f"{folder}/bench.sqlite3"
        databases = runner.setup_databases()
        try:
            yield Path(folder)
        finally:
            runner.teardown_databases(databases)


def open_to_the_test_client() -> None:
    """Let Django's test client ask for pages; their files are collected nowhere."""
    from django.conf import settings
    from django.test.utils import override_settings, setup_test_environment

    setup_test_environment()
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    override_settings(STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": plain}}).enable()
