"""A backup of PostgreSQL, by its own programs: pg_dump, pg_restore and psql."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import psycopg2.extensions
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from project.backups.errors import CannotBackUp, CannotRestore

SUFFIX = ".dump"
_OURS = ("django_migrations", "crm_customer")  # tables that every backup of Karani has
_AS_ANYBODY = ("--no-owner", "--no-privileges")  # it is restored by whoever has the database then
_PATIENCE = "10s"  # with who has a table in use
# What libpq does not know; and the password, as all see with what a process was called.
_NOT_TOLD = {"password", "cursor_factory", "client_encoding"}


class _Failed(Exception):
    """A program is missing, or ended with an error."""


def dump(path: Path) -> None:
    """As it is at one moment; nobody waits for it."""
    try:
        _run("pg_dump", [*_AS_ANYBODY, "--format=custom", f"--file={path}", _database()])
    except _Failed as failed:
        raise CannotBackUp(str(failed)) from None


def migrations_in(path: Path) -> set[tuple[str, str]]:
    """App and name of each migration that its data have gone through."""
    try:
        _refuse_others(path)
        rows = ["--data-only", "--table=django_migrations", "--file=-", str(path)]
        script = _run("pg_restore", rows)
    except _Failed as failed:
        raise CannotRestore(str(failed)) from None
    # As text, a row of COPY is its columns with a tab between: id, app, name, applied.
    columns = (line.split("\t") for line in script.splitlines())
    return {(row[1], row[2]) for row in columns if len(row) == 4}


def restore(path: Path) -> None:
    """In one transaction, in place of all tables of Karani.

    The tables are dropped here: ``pg_restore --clean`` would leave those that a later version has
    added, at which the next migration fails, and drop an extension, which is its owner's to do.
    """
    try:
        _refuse_others(path)
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=settings.DATA_DIR) as script:
            # First all of it: what cannot be read to its end must not be half of a transaction.
            what = [*_AS_ANYBODY, "--no-comments", f"--file={script.name}", str(path)]
            _run("pg_restore", what)
            _run_in_one_transaction(Path(script.name))
    except _Failed as failed:
        raise CannotRestore(str(failed)) from None


def _refuse_others(path: Path) -> None:
    listed = _run("pg_restore", ["--list", str(path)])
    if not all(f" {table} " in listed for table in _OURS):
        raise CannotRestore(_("{file} is a backup, but none of Karani.").format(file=path))


def _run_in_one_transaction(script: Path) -> None:
    tables = connection.introspection.django_table_names(only_existing=True)
    names = map(connection.ops.quote_name, [*tables, "django_migrations"])
    before = [
        f"SET lock_timeout = '{_PATIENCE}'",
        f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE",
    ]
    connection.close()
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    commands = [f"--command={each}" for each in before]
    _run("psql", [*options, *commands, f"--file={script}", _database()])


def _database() -> str:
    """The option that names the database to each of these programs."""
    told = connection.get_connection_params()
    facts = {name: value for name, value in told.items() if name not in _NOT_TOLD}
    return f"--dbname={psycopg2.extensions.make_dsn(**facts)}"


def _run(program: str, options: Sequence[str]) -> str:
    """What it printed.

    :raises _Failed: with what it said.
    """
    if shutil.which(program) is None:
        missing = _(
            "{program} is not installed here. Install PostgreSQL's client (on Debian and Ubuntu "
            "the package postgresql-client), of the server's version or a later one."
        )
        raise _Failed(missing.format(program=program))
    password = connection.get_connection_params().get("password", "")
    done = subprocess.run(  # noqa: S603  # a program of PostgreSQL, with options of ours
        [program, *options],
        env={**os.environ, "PGPASSWORD": password} if password else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        failed = _("{program} failed: {reason}")
        raise _Failed(failed.format(program=program, reason=done.stderr.strip()))
    return done.stdout
