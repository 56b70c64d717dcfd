"""A backup of SQLite: the database as one file, taken and put back while others work with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection
from django.utils.translation import gettext as _

from project.backups.errors import CannotBackUp, CannotRestore

SUFFIX = ".sqlite3"
_OURS = "SELECT count(*) FROM sqlite_master WHERE name IN ('django_migrations', 'crm_customer')"


def dump(path: Path) -> None:
    """By SQLite's own online backup, which waits for no writer, and holds none up."""
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # all of it in this one file
            _check(copy)
    except sqlite3.Error as error:
        reason = _("The database cannot be copied: {reason}").format(reason=error)
        raise CannotBackUp(reason) from None


def migrations_in(path: Path) -> set[tuple[str, str]]:
    """App and name of each migration that its data have gone through."""
    with _opened(path) as backup:
        return set(backup.execute("SELECT app, name FROM django_migrations"))


def restore(path: Path) -> None:
    """In one transaction, into the database as it is: who has it open sees the data of before, or
    all of the new; a replaced file would leave them writing into the old one."""
    with _opened(path) as backup:
        connection.ensure_connection()
        backup.backup(connection.connection)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as backup:
            _check(backup)
            if backup.execute(_OURS).fetchone() != (2,):
                raise CannotRestore(
                    _("{file} is a database, but none of Karani.").format(file=path)
                )
            yield backup
    except sqlite3.Error as error:
        reason = _("{file} cannot be read as a backup of SQLite: {reason}")
        raise CannotRestore(reason.format(file=path, reason=error)) from None


def _check(database: sqlite3.Connection) -> None:
    ((answer,), *_) = database.execute("PRAGMA quick_check").fetchall()
    if answer != "ok":
        raise sqlite3.DatabaseError(answer)
