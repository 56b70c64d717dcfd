"""What dead workers, lost tasks and a silent gateway leave behind is found. More of the first in
``test_sending``."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from sms import delivery_reports, doorbells, line, sweeping, tasks
from sms.gateway import Hold, OnHold, Submission
from sms.models import Line, Message
from sms.sending import claims, outcomes
from sms.sending.outcomes import Result
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db


def bells() -> list[str]:
    return [task.func() for task in OrmQ.objects.order_by("pk")]


def test_the_worker_sweeps_each_minute_however_often_it_is_set_up() -> None:
    sweeping.schedule_sweeps()
    Schedule.objects.update(next_run=timezone.now() + timedelta(seconds=30))
    known = Schedule.objects.get().next_run
    sweeping.schedule_sweeps()
    schedule = Schedule.objects.get()
    assert (schedule.func, schedule.schedule_type, schedule.minutes) == ("sms.tasks.sweep", "I", 1)
    assert schedule.next_run == known


def test_a_text_whose_task_is_gone_is_sent(gateway: Scripted) -> None:
    message = factories.message()
    OrmQ.objects.all().delete()  # as django-q2 does when SECRET_KEY has changed
    tasks.sweep()
    assert bells() == [doorbells.DRAIN_TASK]
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"


def test_nobody_is_called_where_nothing_is_due(gateway: Scripted) -> None:
    message = factories.message()
    later = timezone.now() + timedelta(minutes=1)
    Message.objects.filter(pk=message.pk).update(next_attempt_at=later)
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert bells() == []


def test_a_probe_whose_task_is_gone_is_asked(gateway: Scripted) -> None:
    factories.message()
    line.find_line()
    Line.objects.update(broken_at=timezone.now(), next_probe_at=timezone.now())
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert bells() == [doorbells.PROBE_TASK]


def test_a_text_whose_worker_died_before_it_told_the_line_of_the_hold_is_sent(
    gateway: Scripted,
) -> None:
    message = factories.message()
    [(claimed, attempt)] = claims.begin(claims.claim(1)[0], gateway)
    empty = OnHold("The account is empty.", Hold.BALANCE)
    outcomes.record([outcomes.Result(claimed, attempt, empty, timezone.now())])
    # and here the worker is killed
    message.refresh_from_db()
    assert (message.status, line.find_line().hold) == ("held", "")
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert bells() == [doorbells.DRAIN_TASK]
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"


def test_held_texts_stay_held_while_the_line_is(gateway: Scripted) -> None:
    message = factories.message()
    gateway.answers = [OnHold("Unknown sender.", Hold.SENDER)]
    tasks.drain()
    tasks.sweep()
    message.refresh_from_db()
    assert (message.status, len(gateway.taken)) == ("held", 1)


@pytest.mark.parametrize("status", ["queued", "held"])
def test_a_text_that_waited_for_a_day_has_failed(gateway: Scripted, status: str) -> None:
    old, young = factories.message(), factories.message()
    line.find_line()
    line.stop(None)
    Message.objects.update(status=status)
    day = timedelta(hours=24, minutes=1)
    Message.objects.filter(pk=old.pk).update(queued_at=timezone.now() - day)
    tasks.sweep()
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.status, old.failure_reason) == ("failed", "Not sent within 24 hours.")
    assert old.final_at is not None
    assert (young.status, young.failure_reason) == (status, "")


def test_two_days_without_a_report_are_told_and_the_state_stays(gateway: Scripted) -> None:
    silent, young = factories.message(), factories.message()
    tasks.drain()
    two_days = timedelta(hours=48, minutes=1)
    Message.objects.filter(pk=silent.pk).update(sent_at=timezone.now() - two_days)
    tasks.sweep()
    silent.refresh_from_db()
    young.refresh_from_db()
    assert (silent.status, silent.failure_reason) == ("sent", sweeping.NOT_REPORTED)
    assert (young.status, young.failure_reason) == ("sent", "")


@pytest.mark.postgres
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite lets one of them write at a time"
)
@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_while_its_text_is_given_up_is_written_down(
    gateway: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither waits for the other for ever, in which case PostgreSQL would end one of them."""
    pks = {factories.message(text=f"Hello {number}").pk for number in range(2)}
    begun = claims.begin(claims.claim(2)[0], gateway)
    now, record_one = timezone.now(), outcomes._record_one
    is_begun = threading.Event()

    def record_slowly(result: Result) -> None:
        is_begun.set()
        wait_until_somebody_is_blocked()
        record_one(result)

    def answer() -> None:
        taken = [
            Result(message, attempt, Submission(f"id-{number}"), now)
            for number, (message, attempt) in enumerate(begun)
        ]
        try:
            outcomes.record(taken)
        finally:
            connection.close()

    monkeypatch.setattr(outcomes, "_record_one", record_slowly)
    with ThreadPoolExecutor(1) as other:
        answered = other.submit(answer)
        assert is_begun.wait(timeout=30)
        outcomes.give_up_on_lost_attempts(timedelta(0))
        answered.result()
    sent = Message.objects.filter(status="sent", attempts__outcome="taken")
    assert set(sent.values_list("pk", flat=True)) == pks


def wait_until_somebody_is_blocked() -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(waiting)
            if cursor.fetchone():
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waited for anybody.")


def test_a_step_that_fails_keeps_the_others_from_nothing(
    gateway: Scripted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object) -> None:
        raise DatabaseError("Gone.")

    factories.message()
    OrmQ.objects.all().delete()
    monkeypatch.setattr(delivery_reports, "match_again", fail)
    with pytest.raises(ExceptionGroup, match="The sweeper failed"):
        tasks.sweep()
    assert bells() == [doorbells.DRAIN_TASK]
    assert "The sweeper's step match_reports failed." in caplog.messages


def test_a_text_in_doubt_that_waited_to_be_sent_again_for_a_day_is_in_doubt_once_more() -> None:
    message = factories.message()
    old = timezone.now() - timedelta(hours=25)
    Message.objects.update(queued_at=old, may_be_double=True)
    sweeping.give_up_on_old_texts()
    message.refresh_from_db()
    assert (message.status, message.final_at) == ("unconfirmed", None)
    assert message.failure_reason == "It was not sent again. Not sent within 24 hours."
