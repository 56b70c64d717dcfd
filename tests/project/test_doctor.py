"""How the installation stands: what each check finds, told by the health page and the command."""

import io
import json
import platform
import re
import shutil
from collections import namedtuple
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Task

from project.backups.making import this_machine
from project.doctor import examination, machine, storage, texting, work
from project.doctor.findings import Finding, State
from project.models import Backup, Worker
from project.version import version
from sms import line, probing
from sms.gateway import Balance, NotTaken
from sms.models import Hold, Line, Message
from tests import factories

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


class Asked:
    """A gateway that tells its balance, or fails to."""

    def __init__(self, answer: Balance | Exception | None) -> None:
        self.answer = answer

    def balance(self) -> Balance | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def live(settings: Any) -> Any:
    """Set up to send real texts."""
    settings.SMS_GATEWAY = "africastalking"
    settings.AFRICASTALKING_USERNAME = "duka"
    settings.SMS_CALLBACK_SECRET = "a-secret-of-twenty-letters"
    return settings


def worker(ago: timedelta = timedelta(), name: str = "shop, process 7", runs: str = "") -> None:
    now = timezone.now()
    Worker.objects.create(
        name=name, version=runs or version(), started_at=now - 60 * MINUTE, seen_at=now - ago
    )


def task(ago: timedelta) -> None:
    OrmQ.objects.create(key=Conf.CLUSTER_NAME, payload="task", lock=timezone.now() - ago)


def told(finding: Finding) -> tuple[str, str]:
    assert bool(finding.advice) == (finding.state != State.OK)
    return finding.state, finding.figure


def doctor(*arguments: str) -> tuple[str, int]:
    out, code = io.StringIO(), 0
    try:
        call_command("doctor", *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return out.getvalue(), code


# --- The database -------------------------------------------------------------------------------


def test_the_database_tells_what_it_is_and_how_large() -> None:
    state, figure = told(storage.database())
    assert state == "ok"
    name = {"sqlite": "SQLite 3.", "postgresql": "PostgreSQL 1"}[connection.vendor]
    assert figure.startswith(name)
    assert " answers; " in figure


def test_a_missing_migration_is_named() -> None:
    assert told(storage.migrations()) == ("ok", "All are applied.")
    [newest] = MigrationLoader(connection).graph.leaf_nodes("crm")
    MigrationRecorder(connection).record_unapplied(*newest)
    found = storage.migrations()
    assert told(found) == ("broken", "1 is missing.")
    assert found.details == [".".join(newest)]
    assert "manage.py prepare" in found.advice


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (3 * 1024**3, ("ok", "3.0 GB left for ")),
        (1024**3, ("look", "1.0 GB left for ")),
        (100 * 1024**2, ("broken", "100.0 MB left for ")),
    ],
)
def test_a_disk_that_fills_up_is_told_of(
    monkeypatch: pytest.MonkeyPatch, left: int, expected: tuple[str, str]
) -> None:
    usage = namedtuple("usage", ["free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(left))
    state, figure = told(storage.disk())
    figure = figure.replace("\xa0", " ")
    assert (state, figure) == (expected[0], f"{expected[1]}{django_settings.DATA_DIR}.")


def test_the_disk_is_told_of_where_nothing_was_kept_yet(settings: Any) -> None:
    settings.DATA_DIR = settings.DATA_DIR / "not" / "there"
    assert storage.disk().figure.endswith("/not/there.")


def test_a_backup_is_told_with_its_age_and_where_it_lies(tmp_path: Path) -> None:
    assert told(storage.backup()) == ("look", "None has been made.")
    file = tmp_path / "karani.dump"
    file.write_bytes(b"")
    Backup.objects.create(
        made_at=timezone.now() - 60 * MINUTE, machine=this_machine(), path=str(file), size=2048
    )
    figure = f"The last one was made 1\xa0hour ago: 2.0\xa0KB, {file} on {this_machine()}."
    assert told(storage.backup()) == ("ok", figure)
    file.unlink()
    assert told(storage.backup()) == ("look", f"{figure} It is there no more.")
    Backup.objects.update(machine="elsewhere")
    assert storage.backup().state == State.OK
    Backup.objects.update(made_at=timezone.now() - 26 * 60 * MINUTE - MINUTE)
    found = storage.backup()
    assert (found.state, found.advice) == (
        "look",
        "Run “python manage.py backup”, and see why it did not run.",
    )


# --- The work -----------------------------------------------------------------------------------


def test_each_worker_is_told_with_when_it_was_last_seen() -> None:
    worker(5 * MINUTE, "till, process 9")
    worker()
    found = work.workers()
    assert told(found) == ("ok", "1 is at work.")
    newest, oldest = found.details
    assert newest.startswith("shop, process 7: at work since 20")
    assert re.search(r", last seen \d+ seconds? ago\.$", newest)
    assert oldest.endswith("last seen 5\xa0minutes ago.")


def test_workers_that_are_all_gone_are_what_is_broken() -> None:
    worker(2 * MINUTE)
    state, figure = told(work.workers())
    assert (state, figure) == ("broken", "None: the last one was seen 2\xa0minutes ago.")


def test_a_new_installation_without_a_worker_is_broken_once_something_waits() -> None:
    assert told(work.workers()) == ("look", "None has been seen yet.")
    task(2 * MINUTE)
    assert told(work.workers()) == ("broken", "None has been seen yet, and tasks wait.")


def test_the_queue_is_told_with_how_long_the_oldest_waits() -> None:
    assert told(work.queue()) == ("ok", "No task waits.")
    task(timedelta())
    task(-60 * MINUTE)
    found = work.queue()
    state, figure = told(found)
    assert state == "ok"
    assert re.fullmatch(r"1 task waits, for \d+ seconds?\.", figure)
    assert found.details == ["Being done, or for later: 1."]
    task(3 * MINUTE)
    assert told(work.queue()) == ("look", "2 tasks wait, the oldest for 3\xa0minutes.")
    task(11 * MINUTE)
    assert told(work.queue()) == ("broken", "3 tasks wait, the oldest for 11\xa0minutes.")


def test_tasks_that_failed_in_the_last_day_are_told_by_name() -> None:
    for number, (func, hours) in enumerate(
        [("crm.tasks.run_import", 1), ("sms.tasks.sweep", 2), ("sms.tasks.sweep", 25)]
    ):
        moment = timezone.now() - timedelta(hours=hours)
        Task.objects.create(
            id=str(number),
            name=str(number),
            func=func,
            started=moment,
            stopped=moment,
            success=False,
        )
    found = work.queue()
    assert told(found) == ("look", "No task waits. Failed in the last 24 hours: 2.")
    assert found.details == ["crm.tasks.run_import: 1", "sms.tasks.sweep: 1"]


# --- Texts and their gateway --------------------------------------------------------------------


def test_texts_that_could_have_left_are_told_of() -> None:
    assert told(texting.texts()) == ("ok", "No text waits.")
    message = factories.message()
    state, figure = told(texting.texts())
    assert state == "ok"
    assert re.fullmatch(r"1 text waits, the oldest that could leave for \d+ seconds?\.", figure)
    Message.objects.filter(pk=message.pk).update(queued_at=timezone.now() - 5 * MINUTE)
    assert told(texting.texts()) == (
        "look",
        "1 text waits, the oldest that could leave for 5\xa0minutes.",
    )


def test_texts_for_later_are_not_late() -> None:
    message = factories.message()
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(
        queued_at=now - 60 * MINUTE, next_attempt_at=now + 60 * MINUTE
    )
    assert told(texting.texts()) == ("ok", "1 text waits.")


def test_what_holds_the_texts_up_is_told_with_why() -> None:
    line.note_hold(line.find_line(), Hold.BALANCE, "Top it up.")
    assert told(texting.texts()) == (
        "broken",
        "No texts are sent. The account with the gateway is empty. Top it up. No text waits.",
    )
    line.resume(None)
    state, figure = told(texting.texts())
    assert (state, figure) == ("look", "The gateway is being tried with one text. No text waits.")
    line.stop(None)
    assert texting.texts().state == State.LOOK  # as somebody wished


def test_trouble_with_a_text_is_told_for_a_day() -> None:
    line.note_trouble(line.find_line(), "It made no sense [HTTP 400].")
    found = texting.texts()
    assert told(found) == ("look", "No text waits.")
    assert found.details == ["It made no sense [HTTP 400]."]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("simulator", "Simulator: no customer gets a text."),
        ("console", "Console: no customer gets a text."),
    ],
)
def test_a_gateway_that_sends_nothing_is_to_be_looked_into(
    settings: Any, name: str, figure: str
) -> None:
    settings.SMS_GATEWAY = name
    found = texting.gateway()
    assert told(found) == ("look", figure)
    assert "SMS_GATEWAY=africastalking" in found.advice


def test_what_a_real_gateway_lacks_is_told_first(live: Any) -> None:
    live.SMS_CALLBACK_SECRET = ""
    assert told(texting.gateway()) == (
        "look",
        "Africa's Talking cannot tell which texts arrived.",
    )
    live.AFRICASTALKING_USERNAME = "sandbox"
    assert told(texting.gateway()) == (
        "look",
        "Africa's Talking, its sandbox: no customer gets a text.",
    )


def test_the_balance_is_told_with_when_it_was_so_and_what_it_pays_for(live: Any) -> None:
    found = texting.gateway()
    assert told(found) == ("ok", "Africa's Talking.")
    assert found.details == [
        "It has taken no text yet.",
        "It has not been asked for the balance yet.",
    ]
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(
        status="sent",
        gateway="africastalking",
        sent_at=timezone.now() - 3 * MINUTE,
        cost=Decimal("0.80"),
        segments=1,
    )
    moment = timezone.now()
    for amount, state in (("1234.5", "ok"), ("79", "look"), ("0", "broken")):
        Line.objects.update_or_create(
            gateway="africastalking",
            defaults={"balance": Decimal(amount), "currency": "KES", "balance_at": moment},
        )
        found = texting.gateway()
        local = f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
        assert told(found) == (
            state,
            f"Africa's Talking: KES {Decimal(amount):,.2f} on {local}.",
        )
        count = int(Decimal(amount) / Decimal("0.80"))
        assert found.details == [
            f"That pays for about {count:,} texts.",
            "It took the last text 3\xa0minutes ago.",
        ]


# --- The machine --------------------------------------------------------------------------------


def test_all_versions_are_told() -> None:
    worker()
    found = machine.versions()
    assert told(found) == ("ok", f"Karani {version()}")
    assert found.details[:2] == [
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
    ]


def test_a_worker_that_a_deploy_has_forgotten_is_told_of() -> None:
    worker(runs="0.0.9")
    worker(2 * MINUTE, "till, process 9", runs="0.0.8")
    state, figure = told(machine.versions())
    assert (state, figure) == ("look", f"Karani {version()}. A worker runs Karani 0.0.9.")


def test_a_clock_that_differs_from_that_of_the_database_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, figure = told(machine.clock())
    assert state == "ok"
    assert figure.endswith("in Africa/Nairobi.")
    wrong = timezone.now() - MINUTE
    monkeypatch.setattr(machine, "_time_of_database", lambda: wrong)
    state, figure = told(machine.clock())
    local = timezone.localtime(wrong)
    assert state == "look"
    assert figure.endswith(f"The database's clock says {local:%Y-%m-%d %H:%M:%S}.")


# --- The page and the command -------------------------------------------------------------------


def break_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Finding:
        raise OperationalError("no such table: django_q_ormq")

    broken = [
        examination.Check(check.name, check.title, fail) if check.name == "queue" else check
        for check in examination.CHECKS
    ]
    monkeypatch.setattr(examination, "CHECKS", broken)


def test_the_page_and_the_command_say_the_same(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "CHECKS", examination.CHECKS[:5])  # none of those that vary
    worker(2 * MINUTE)
    words, code = doctor()
    page = unescape(admin_client.get("/admin/health/").content.decode())
    assert code == 1
    report = examination.examine()
    assert report.summary == "Broken: Workers."
    for check, finding in report.found:
        said = f"{finding.state.label + ':':<14}{check.title}: {finding.figure}"
        assert said in words
        for part in (finding.state.label, str(check.title), finding.figure, finding.advice):
            assert part in page
    assert words.endswith("\n\nBroken: Workers.\n")
    assert report.summary in page


def test_the_command_ends_well_where_nothing_is_broken() -> None:
    worker()
    words, code = doctor()
    assert (code, words.splitlines()[-1]) == (0, "To look into: Gateway, Backup.")


def test_the_command_tells_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "CHECKS", examination.CHECKS[1:3])
    words, code = doctor("--json")
    facts = json.loads(words)
    assert facts["migrations"] == {
        "state": "ok",
        "figure": "All are applied.",
        "advice": "",
        "details": [],
    }
    assert facts["workers"]["state"] == "look"
    assert code == 0


def test_a_check_that_fails_is_told_as_broken_and_the_others_stand(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_queue(monkeypatch)
    response = admin_client.get("/admin/health/")
    assert response.status_code == 200
    page = unescape(response.content.decode())
    assert "It cannot be told: no such table: django_q_ormq" in page
    assert "All are applied." in page
    words, code = doctor()
    assert "Broken:       Queue: It cannot be told: no such table: django_q_ormq" in words
    assert code == 1


def test_the_page_costs_the_same_for_one_row_and_for_fifty(admin_client: Client) -> None:
    counts = []
    for more in (1, 49):
        for number in range(more):
            worker(name=f"worker {more} {number}")
            task(MINUTE)
            factories.message()
        with CaptureQueriesContext(connection) as queries:
            admin_client.get("/admin/health/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Asking the gateway -------------------------------------------------------------------------


def ask(monkeypatch: pytest.MonkeyPatch, answer: Balance | Exception | None) -> None:
    monkeypatch.setattr(probing, "get_gateway", lambda: Asked(answer))


def test_the_gateway_is_asked_by_the_button_and_by_the_command(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, live: Any
) -> None:
    assert "Ask for the balance now" in admin_client.get("/admin/health/").content.decode()
    ask(monkeypatch, Balance(Decimal("1234.5"), "KES"))
    response = admin_client.post("/admin/health/ask-gateway/", follow=True)
    assert "The gateway answers: KES 1,234.50 is left." in response.content.decode()
    assert Line.objects.get().balance == Decimal("1234.5")
    ask(monkeypatch, Balance(Decimal(99), "KES"))
    words, _ = doctor("--ask-gateway")
    assert words.startswith("The gateway answers: KES 99.00 is left.\n")
    assert Line.objects.get().balance == 99


def test_a_gateway_that_does_not_answer_is_told_and_nothing_is_written(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, live: Any
) -> None:
    Line.objects.create(gateway="africastalking", balance=7, currency="KES")
    before = Line.objects.values().get()
    ask(monkeypatch, NotTaken("Nobody there."))
    response = admin_client.post("/admin/health/ask-gateway/", follow=True)
    assert "Nobody there." in response.content.decode()
    with pytest.raises(CommandError, match="Nobody there"):
        doctor("--ask-gateway")
    assert Line.objects.values().get() == before


def test_a_gateway_that_wants_no_money_says_so(admin_client: Client) -> None:
    response = admin_client.post("/admin/health/ask-gateway/", follow=True)
    assert "This gateway wants no money." in response.content.decode()
    assert "Ask for the balance now" not in response.content.decode()


def test_an_account_called_empty_keeps_the_balance_by_which_its_probe_measures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line.note_hold(line.find_line(), Hold.BALANCE, "Empty.")
    Line.objects.update(balance=3, balance_at=timezone.now())
    ask(monkeypatch, Balance(Decimal(500), "KES"))
    probing.ask_balance()
    known = line.find_line()
    assert (known.hold, known.balance) == ("balance", Decimal(3))
