"""All data in one file and back: on whichever database the tests run, by its own means."""

import io
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from crm.models import Customer
from identity.models import BrowserSession, Invitation, User
from identity.session_tokens import issue_tokens
from project.backups import making, postgresql, restoring
from project.backups.errors import CannotBackUp, CannotRestore
from project.models import Backup, Worker
from sms import line
from sms.models import Hold, Line, Message
from tests import factories

IS_POSTGRESQL = connection.vendor == "postgresql"
SUFFIX = ".dump" if IS_POSTGRESQL else ".sqlite3"

pytestmark = [
    pytest.mark.django_db(transaction=True),  # another connection is to see what is written
    pytest.mark.skipif(
        IS_POSTGRESQL and shutil.which("pg_dump") is None, reason="PostgreSQL's client is missing"
    ),
]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Where the backups of this test are."""
    settings.DATA_DIR = tmp_path
    return tmp_path / "backups"


def backup(*arguments: str) -> str:
    out = io.StringIO()
    call_command("backup", *arguments, stdout=out)
    return out.getvalue()


def restore(path: Path, *arguments: str) -> str:
    out = io.StringIO()
    call_command("restore", str(path), "--no-input", *arguments, stdout=out)
    return out.getvalue()


def codes() -> list[str]:
    return list(Customer.objects.order_by("code").values_list("code", flat=True))


# --- Making -------------------------------------------------------------------------------------


def test_a_backup_is_one_file_for_its_owner_alone(folder: Path) -> None:
    factories.customer()
    told = backup()
    [path] = folder.iterdir()
    assert path.name.startswith("karani-20")
    assert path.suffix == SUFFIX
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert told.startswith(f"{path} has all data (")
    assert "Not in it: the settings, SECRET_KEY above all." in told
    noted = Backup.objects.get()
    assert (noted.path, noted.size) == (str(path), path.stat().st_size)


def test_the_newest_are_kept_and_what_a_killed_backup_left_goes(folder: Path) -> None:
    folder.mkdir()
    old = [folder / f"karani-202601{day}-020000{SUFFIX}" for day in ("01", "02", "03")]
    draft, another = folder / "unfinished-1", folder / "unfinished-2"
    others = folder / "notes.txt"
    for file in (*old, draft, another, others):
        file.write_bytes(b"")
    two_days = time.time() - timedelta(days=2).total_seconds()
    os.utime(draft, (two_days, two_days))
    backup("--keep", "2")
    kept = {path.name for path in folder.iterdir()}
    assert {old[2].name, another.name, others.name} < kept
    assert len(kept) == 4


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_backup_keeps_at_least_itself(folder: Path, count: str) -> None:
    with pytest.raises(CommandError, match="takes a number of 1 and more"):
        backup(f"--keep={count}")
    assert not folder.exists()


def test_a_backup_that_fails_leaves_nothing_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise CannotBackUp("The disk is full.")

    monkeypatch.setattr(making.engine(), "dump", fail)
    with pytest.raises(CommandError, match="The disk is full"):
        backup()
    assert list(folder.iterdir()) == []
    assert not Backup.objects.exists()


def test_a_folder_that_cannot_be_written_is_told(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "backups").write_bytes(b"a file")
    with pytest.raises(CommandError, match="cannot be written"):
        backup()
    assert not Backup.objects.exists()


# --- Restoring ----------------------------------------------------------------------------------


def test_a_round_trip_brings_back_all_that_was_there(folder: Path) -> None:
    factories.order(customer=factories.customer(code="KEPT"), text_customer=False)
    boss = factories.superuser()
    backup("--verbosity=0")
    [path] = folder.iterdir()
    Customer.objects.get(code="KEPT").orders.all().delete()
    Customer.objects.all().delete()
    User.objects.all().delete()
    factories.customer(code="LATER")
    seen_at = timezone.now() - timedelta(seconds=61)
    Worker.objects.create(name="shop", version="1", started_at=seen_at, seen_at=seen_at)
    assert restore(path).startswith(f"The data of {path} are there.\n")
    assert not Worker.objects.exists()
    assert Backup.objects.get().path == str(path)
    assert not Line.objects.exists()  # no text waited, and texts go on
    assert codes() == ["KEPT"]
    assert Customer.objects.get().orders.get().item == "Laptop Computer"
    assert User.objects.get(pk=boss.pk).check_password(factories.PASSWORD)
    factories.customer(code="NEXT")  # it can be written on
    assert codes() == ["KEPT", "NEXT"]


def test_a_backup_is_as_old_as_its_name_says_though_it_was_copied(folder: Path) -> None:
    backup()
    [path] = folder.iterdir()
    made_at = Backup.objects.get().made_at
    copy = folder / f"karani-20260102-030405{SUFFIX}"
    path.rename(copy)
    restore(copy)
    assert Backup.objects.get().made_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    other = copy.rename(folder / f"monday{SUFFIX}")
    restore(other)
    assert abs(Backup.objects.get().made_at - made_at) < timedelta(minutes=1)


def test_who_was_signed_in_then_is_not_now_and_scripts_go_on(folder: Path) -> None:
    clerk = factories.superuser()
    browser = Client()
    browser.force_login(clerk)
    tokens = issue_tokens(clerk)
    script = factories.personal_token(clerk)
    invitation, _secret = factories.invitation()
    backup()
    [path] = folder.iterdir()
    assert "Everybody signs in anew, and who was invited must be invited again." in restore(path)
    assert not BrowserSession.objects.exists()
    assert not Invitation.objects.unanswered().filter(pk=invitation.pk).exists()
    assert browser.get("/admin/").status_code == 302

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return Client().get("/api/me/", headers=headers).status_code

    assert (status(tokens.access), status(script)) == (401, 200)


def test_a_backup_of_a_later_version_is_refused_and_nothing_changes(folder: Path) -> None:
    MigrationRecorder(connection).record_applied("crm", "9999_later")
    backup()
    [path] = folder.iterdir()
    MigrationRecorder(connection).record_unapplied("crm", "9999_later")
    factories.customer(code="LATER")
    with pytest.raises(CommandError, match=r"of a later version of Karani, .* crm 9999_later"):
        restore(path)
    assert codes() == ["LATER"]


def test_a_migration_of_a_library_that_this_version_has_no_more_is_no_later_version(
    folder: Path,
) -> None:
    MigrationRecorder(connection).record_applied("another", "0001_initial")
    backup()
    [path] = folder.iterdir()
    restore(path)
    MigrationRecorder(connection).record_unapplied("another", "0001_initial")


def test_tables_that_a_later_version_has_added_do_not_stop_an_older_backup(folder: Path) -> None:
    """As where a migration was applied since: the model has a table that the backup lacks."""
    factories.customer(code="KEPT")
    with connection.schema_editor() as editor:
        editor.delete_model(Worker)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'project' AND name <> '0001_initial'"
        )
        cursor.execute("DROP TABLE project_backup")
    path = folder / f"older{SUFFIX}"
    folder.mkdir()
    making.engine().dump(path)
    call_command("migrate", verbosity=0)
    restore(path)
    assert codes() == ["KEPT"]
    assert not Worker.objects.exists()  # and its table is there


def test_who_has_the_database_open_sees_the_new_data(folder: Path) -> None:
    factories.customer(code="KEPT")
    backup()
    [path] = folder.iterdir()
    factories.customer(code="LATER")
    seen: list[list[str]] = []
    ready, restored = threading.Event(), threading.Event()

    def look() -> None:
        try:
            seen.append(codes())
            ready.set()
            restored.wait(30)
            seen.append(codes())
        finally:
            connection.close()

    other = threading.Thread(target=look)
    other.start()
    ready.wait(30)
    restore(path)
    restored.set()
    other.join(30)
    assert seen == [["KEPT", "LATER"], ["KEPT"]]


def test_texts_that_may_have_left_since_are_not_sent_again_by_themselves(folder: Path) -> None:
    factories.message()
    backup()
    [path] = folder.iterdir()
    told = restore(path)
    assert "all texts are stopped" in told
    assert line.find_line().hold == Hold.STAFF
    assert Message.objects.get().status == "queued"


def test_nothing_is_restored_while_a_worker_is_at_work_unless_forced(folder: Path) -> None:
    backup()
    [path] = folder.iterdir()
    factories.customer(code="LATER")
    now = timezone.now()
    Worker.objects.create(name="shop", version="1", started_at=now, seen_at=now)
    with pytest.raises(CommandError, match=r"A worker was seen \d+ s ago\. Stop Karani"):
        restore(path)
    assert codes() == ["LATER"]
    restore(path, "--force")
    assert codes() == []


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0 and then not"])
def test_what_is_no_backup_is_refused_and_nothing_changes(folder: Path, content: bytes) -> None:
    factories.customer(code="KEPT")
    folder.mkdir()
    path = folder / f"other{SUFFIX}"
    path.write_bytes(content)
    with pytest.raises(CommandError):
        restore(path)
    assert codes() == ["KEPT"]


def test_a_backup_that_is_cut_off_is_refused_and_nothing_changes(folder: Path) -> None:
    factories.customer(code="KEPT")
    backup()
    [path] = folder.iterdir()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    factories.customer(code="LATER")
    with pytest.raises(CommandError):
        restore(path)
    assert codes() == ["KEPT", "LATER"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"There is no file {tmp_path / 'none'}."):
        restore(tmp_path / "none")


def test_it_is_asked_first_whether_all_data_may_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup()
    [path] = folder.iterdir()
    factories.customer(code="LATER")
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("restore", str(path))
    assert codes() == ["LATER"]


# --- Of one database ----------------------------------------------------------------------------


@pytest.mark.skipif(IS_POSTGRESQL, reason="is about SQLite")
def test_a_database_of_something_else_is_refused(folder: Path) -> None:
    factories.customer(code="KEPT")
    folder.mkdir()
    path = folder / "other.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (words)")
    other.close()
    with pytest.raises(CannotRestore, match="is a database, but none of Karani"):
        restoring.restore_backup(path)
    assert codes() == ["KEPT"]


@pytest.mark.skipif(IS_POSTGRESQL, reason="is about SQLite")
def test_sqlite_still_writes_ahead_after_a_restore(folder: Path) -> None:
    backup()
    [path] = folder.iterdir()
    assert path.read_bytes()[18:20] == b"\x01\x01"  # the file needs no other beside it
    restore(path)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


@pytest.mark.postgres
@pytest.mark.skipif(not IS_POSTGRESQL, reason="is about PostgreSQL")
def test_without_postgresqls_programs_it_is_said_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(CommandError, match="pg_dump is not installed here"):
        backup()
    assert list(folder.iterdir()) == []


@pytest.mark.postgres
@pytest.mark.skipif(not IS_POSTGRESQL, reason="is about PostgreSQL")
def test_a_password_is_told_to_the_program_and_not_to_who_looks_at_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> Any:
        called.update(options, command=command)
        raise postgresql._Failed("enough")

    facts = {"dbname": "karani", "user": "shop", "password": "s3cret pass", "sslmode": "require"}
    monkeypatch.setattr(connection, "get_connection_params", lambda: dict(facts))
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(CannotBackUp):
        postgresql.dump(tmp_path / "out")
    assert "s3cret" not in " ".join(called["command"])
    assert called["command"][-1] == "--dbname=dbname=karani user=shop sslmode=require"
    assert called["env"]["PGPASSWORD"] == "s3cret pass"


@pytest.mark.postgres
@pytest.mark.skipif(not IS_POSTGRESQL, reason="is about PostgreSQL")
def test_who_holds_a_table_makes_a_restore_fail_and_not_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_PATIENCE", "100ms")
    backup()
    [path] = folder.iterdir()
    factories.customer(code="LATER")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM crm_customer")
                held.set()
                done.wait(30)
                cursor.execute("ROLLBACK")
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    try:
        with pytest.raises(CommandError, match="lock timeout"):
            restore(path)
    finally:
        done.set()
        other.join(30)
    assert codes() == ["LATER"]
