"""From the queue to the gateway: sent once, and never silently lost."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from sms import opt_outs, sending, tasks
from sms.gateway import NotTaken, Refused, Submission, Unclear
from sms.models import Attempt, DeliveryReport, Message
from tests import factories

pytestmark = pytest.mark.django_db


class Scripted:
    """A gateway that answers as a test says, and remembers what it was given."""

    name = "scripted"

    def __init__(self, *answers: Submission | Exception) -> None:
        self.answers = list(answers)
        self.taken: list[tuple[str, str]] = []
        self.during: Callable[[], None] = lambda: None

    def submit(self, phone_number: str, text: str) -> Submission:
        self.taken.append((phone_number, text))
        self.during()
        answer = self.answers.pop(0) if self.answers else Submission(f"id-{len(self.taken)}")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(sending, "get_gateway", lambda: scripted)
    return scripted


def deliver(message: Message) -> Message:
    """What the worker does with the message's task."""
    tasks.send_message(str(message.pk))
    message.refresh_from_db()
    return message


def age(message: Message, by: timedelta) -> None:
    """Let time pass for a message."""
    message.refresh_from_db()
    message.queued_at -= by
    if message.claimed_at:
        message.claimed_at -= by
    if message.next_attempt_at:
        message.next_attempt_at -= by
    message.save(update_fields=["queued_at", "claimed_at", "next_attempt_at"])


def test_a_queued_message_is_sent_with_what_the_gateway_said(gateway: Scripted) -> None:
    gateway.answers = [Submission("ATXid_1", Decimal("0.8"), "KES", segments=2)]
    message = deliver(factories.message(text="Hello"))
    assert gateway.taken == [("+254722000000", "Hello")]
    assert message.status == "sent"
    assert message.gateway == "scripted"
    assert message.gateway_message_id == "ATXid_1"
    assert (message.cost, message.currency, message.segments) == (Decimal("0.8000"), "KES", 2)
    assert message.sent_at is not None
    attempt = message.attempts.get()
    assert attempt.outcome == Attempt.Outcome.TAKEN
    assert attempt.finished_at is not None


def test_the_same_task_delivered_twice_sends_once(gateway: Scripted) -> None:
    message = factories.message()
    deliver(message)
    deliver(message)
    assert len(gateway.taken) == 1
    assert message.attempts.count() == 1


def test_a_task_delivered_again_while_the_text_is_being_sent_sends_once(gateway: Scripted) -> None:
    message = factories.message()
    gateway.during = lambda: sending.send(message.pk)
    assert deliver(message).status == "sent"
    assert len(gateway.taken) == 1


def test_the_attempt_is_written_down_before_the_wire_is_touched(gateway: Scripted) -> None:
    message = factories.message()
    seen: list[tuple[str, int]] = []
    gateway.during = lambda: seen.append(
        (Message.objects.get(pk=message.pk).status, Attempt.objects.filter(outcome="").count())
    )
    deliver(message)
    assert seen == [("sending", 1)]


def test_a_message_that_is_gone_is_no_error(gateway: Scripted) -> None:
    message = factories.message()
    Message.objects.all().delete()
    tasks.send_message(str(message.pk))
    assert gateway.taken == []


def test_somebody_who_opted_out_after_the_order_is_not_texted(gateway: Scripted) -> None:
    message = factories.message()
    opt_outs.opt_out(message.phone_number)
    assert deliver(message).status == "suppressed"
    assert message.failure_reason == "The customer opted out of texts."
    assert message.final_at is not None
    assert gateway.taken == []
    opt_outs.opt_in(message.phone_number)
    assert deliver(message).status == "suppressed"


def test_a_text_older_than_a_day_is_not_sent(gateway: Scripted) -> None:
    message = factories.message()
    age(message, timedelta(hours=24, minutes=1))
    assert deliver(message).status == "failed"
    assert message.failure_reason == "Not sent within 24 hours."
    assert gateway.taken == []


def test_a_text_that_the_gateway_refuses_has_failed(gateway: Scripted) -> None:
    gateway.answers = [Refused("The phone number is not valid [InvalidPhoneNumber].")]
    message = deliver(factories.message())
    assert message.status == "failed"
    assert message.failure_reason == "The phone number is not valid [InvalidPhoneNumber]."
    assert message.final_at is not None
    assert message.attempts.get().outcome == Attempt.Outcome.REFUSED


def test_a_text_that_may_have_been_taken_is_never_sent_again(gateway: Scripted) -> None:
    gateway.answers = [Unclear("The gateway did not answer in time.")]
    message = deliver(factories.message())
    assert message.status == "unconfirmed"
    assert message.attempts.get().outcome == Attempt.Outcome.UNCLEAR
    age(message, timedelta(hours=1))
    assert deliver(message).status == "unconfirmed"
    assert len(gateway.taken) == 1


def test_a_fault_of_ours_leaves_the_text_in_doubt_and_in_the_log(
    gateway: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.answers = [ZeroDivisionError()]
    message = deliver(factories.message())
    assert message.status == "unconfirmed"
    assert message.failure_reason == "An error of ours: ZeroDivisionError."
    assert "raised what it should not" in caplog.text


def test_a_text_that_was_not_taken_is_queued_for_later_and_sent_then(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("The gateway cannot be reached.")]
    before = timezone.now()
    message = deliver(factories.message())
    assert message.status == "queued"
    assert message.failure_reason == "The gateway cannot be reached."
    schedule = Schedule.objects.get()
    assert schedule.func == "sms.tasks.send_message"
    assert schedule.args == f"('{message.pk}',)"
    assert schedule.next_run == message.next_attempt_at
    assert timedelta(seconds=30) <= schedule.next_run - before <= timedelta(seconds=38)
    assert deliver(message).status == "queued"  # not before its time
    age(message, timedelta(seconds=38))
    assert deliver(message).status == "sent"
    assert message.failure_reason == ""
    outcomes = [attempt.outcome for attempt in message.attempts.all()]
    assert outcomes == [Attempt.Outcome.NOT_TAKEN, Attempt.Outcome.TAKEN]


def test_each_further_wait_is_twice_as_long_up_to_half_an_hour(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Busy.") for _ in range(9)]
    message = factories.message()
    waits = []
    for _ in range(9):
        before = timezone.now()
        deliver(message)
        assert message.next_attempt_at is not None
        waits.append((message.next_attempt_at - before).total_seconds())
        age(message, timedelta(seconds=waits[-1]))
    floors = [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert all(floor <= wait <= floor * 1.27 for floor, wait in zip(floors, waits, strict=True))


def test_the_gateway_may_ask_for_a_longer_wait(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Too many requests.", http_status=429, retry_after=600)]
    before = timezone.now()
    message = deliver(factories.message())
    assert message.next_attempt_at is not None
    assert message.next_attempt_at - before >= timedelta(seconds=600)


def test_a_worker_that_died_before_sending_loses_nothing(gateway: Scripted) -> None:
    message = factories.message()
    assert sending._claim(message)  # and here the worker is killed
    assert deliver(message).status == "claimed"
    assert gateway.taken == []
    age(message, sending.LEASE + timedelta(seconds=1))
    assert deliver(message).status == "sent"
    assert len(gateway.taken) == 1


def test_a_worker_that_slept_past_its_lease_does_not_send_too(gateway: Scripted) -> None:
    sleeper = factories.message()
    assert sending._claim(sleeper)
    age(Message.objects.get(pk=sleeper.pk), sending.LEASE + timedelta(seconds=1))
    deliver(Message.objects.get(pk=sleeper.pk))
    sending._submit(sleeper, gateway)
    assert len(gateway.taken) == 1


def test_a_worker_that_died_while_sending_leaves_the_text_in_doubt(gateway: Scripted) -> None:
    message = factories.message()
    assert sending._claim(message)
    assert sending._begin_attempt(message, gateway)  # and here the worker is killed
    assert deliver(message).status == "sending"
    age(message, sending.LEASE + timedelta(seconds=1))
    assert deliver(message).status == "unconfirmed"
    assert message.attempts.get().outcome == Attempt.Outcome.UNCLEAR
    assert message.attempts.get().finished_at is not None
    assert gateway.taken == []


def test_a_report_that_the_worker_died_before_looking_for_is_found_later(
    gateway: Scripted,
) -> None:
    message = deliver(factories.message())
    DeliveryReport.objects.create(gateway_message_id="id-1", status="Success")
    assert deliver(message).status == "delivered"


def test_a_task_that_fails_or_runs_out_of_time_is_delivered_again() -> None:
    """What is queued says itself whether a failure ends it: see django-q2's ``ack_failure``."""
    factories.message()
    assert not OrmQ.objects.get().task.get("ack_failure", False)


def test_the_queue_ends_a_task_before_its_lease_and_delivers_it_again_after() -> None:
    cluster: dict[str, Any] = dict(settings.Q_CLUSTER)
    lease = sending.LEASE.total_seconds()
    rounds = cluster["queue_limit"] / cluster["workers"] + 2
    assert cluster["timeout"] < lease < cluster["retry"]
    assert cluster["retry"] > cluster["timeout"] * rounds


def test_a_rolled_back_text_is_not_in_the_queue_either() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        factories.message()
        raise RuntimeError
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()
