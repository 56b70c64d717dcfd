"""``manage.py sms_status``: how the texts stand."""

import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from sms import line, status, tasks
from sms.gateway import Balance, Hold, NotTaken, OnHold, Refused
from sms.models import Line, Message
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sms_status", *arguments, stdout=out)
    return out.getvalue()


def facts(*arguments: str) -> dict[str, Any]:
    return dict(json.loads(told("--json", *arguments)))


def test_an_installation_without_texts_is_told_in_full() -> None:
    assert facts() == {
        "gateway": "simulator",
        "line": "clear",
        "reason": "",
        "since": None,
        "next_probe_at": None,
        "balance": None,
        "currency": "",
        "counts": {},
        "oldest_queued": None,
        "rate": 0.0,
        "limit": None,
        "trouble": "",
    }
    assert told() == (
        "Gateway:       simulator\n"
        "Line:          clear\n"
        "Rate:          0.0 texts a second (no limit)\n"
    )


def test_texts_are_counted_by_state_and_the_oldest_in_the_queue_is_told(gateway: Scripted) -> None:
    for _ in range(3):
        factories.message()
    tasks.drain()
    for minutes in (5, 2):
        waiting = factories.message()
        then = timezone.now() - timedelta(minutes=minutes)
        Message.objects.filter(pk=waiting.pk).update(queued_at=then)
    found = facts()
    assert found["counts"] == {"sent": 3, "queued": 2}
    assert found["oldest_queued"] == pytest.approx(300, abs=5)
    assert found["rate"] == pytest.approx(0.05)
    assert "Oldest queued: 300 s" in told() or "Oldest queued: 301 s" in told()


def test_a_held_line_tells_why_and_what_is_left(gateway: Scripted) -> None:
    gateway.answers = [OnHold("Top it up [InsufficientBalance].", Hold.BALANCE)]
    gateway.balances = [Balance(Decimal("1234.5"), "KES")]
    Line.objects.create(gateway="simulator", balance=Decimal(1300), currency="KES")
    factories.message()
    tasks.drain()
    found = facts()
    assert (found["line"], found["balance"]) == ("held", "1300.0000")
    assert found["reason"] == (
        "The account with the gateway is empty. Top it up [InsufficientBalance]."
    )
    assert found["since"] is not None
    assert "Balance:       KES 1,300.00" in told()


def test_a_broken_line_tells_why_and_when_it_is_tried(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Nobody there."), NotTaken("Nobody there.")]
    factories.message()
    factories.message()
    tasks.drain()
    found = facts()
    assert (found["line"], found["reason"]) == ("broken", "Nobody there.")
    assert found["next_probe_at"] is not None
    assert "Next try:" in told()


def test_the_command_stops_and_resumes_the_texts(gateway: Scripted) -> None:
    assert facts("--stop")["reason"] == (
        "Somebody of the staff stopped the texts. Stopped by a command."
    )
    assert facts("--resume")["line"] == "trying"
    with pytest.raises(CommandError, match="not allowed with"):
        told("--stop", "--resume")
    assert line.find_line().hold == ""


def test_trouble_is_shown_for_a_day(gateway: Scripted) -> None:
    gateway.answers = [Refused("It made no sense [HTTP 400].", needs_staff=True)]
    factories.message()
    tasks.drain()
    assert facts()["trouble"] == "It made no sense [HTTP 400]."
    Line.objects.update(trouble_at=timezone.now() - timedelta(hours=25))
    assert facts()["trouble"] == ""


def test_the_figures_cost_four_queries_however_many_texts_there_are(
    gateway: Scripted, django_assert_num_queries: Any
) -> None:
    line.find_line()
    for count in (1, 30):
        for _ in range(count):
            factories.message()
        with django_assert_num_queries(4):
            status.find_status()
