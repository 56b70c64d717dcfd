"""From the queue to the gateway: sent once, and never silently lost."""

import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from identity.identifiers import new_id
from sms import decisions, delivery_reports, doorbells, line, opt_outs, outbox, tasks
from sms.gateway import (
    GatewayError,
    Hold,
    NotTaken,
    OnHold,
    Refused,
    SlowDown,
    Submission,
    TurnedAway,
    Unclear,
    Unreachable,
    connections,
)
from sms.models import Attempt, DeliveryReport, Line, Message, UnreachablePhone, Withdrawal
from sms.sending import claims, drain, outcomes
from sms.sending.outcomes import Result
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db

MAX_AGE = timedelta(hours=24)


def deliver(message: Message) -> Message:
    """What the worker does with the message's task."""
    tasks.send_message(str(message.pk))
    message.refresh_from_db()
    return message


def let_pass(seconds: float, message: Message) -> None:
    """Let time pass for a message that waits, and for the line."""
    by = timedelta(seconds=seconds)
    message.refresh_from_db()
    if message.next_attempt_at:
        Message.objects.filter(pk=message.pk).update(next_attempt_at=message.next_attempt_at - by)
    Line.objects.update(broken_at=None, failures=0, quiet_until=None)


def bells() -> list[str]:
    return [task.func() for task in OrmQ.objects.order_by("pk")]


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
    assert attempt.claimed_at is not None
    assert attempt.finished_at is not None
    assert attempt.claimed_at <= attempt.started_at <= attempt.finished_at


def test_the_same_task_delivered_twice_sends_once(gateway: Scripted) -> None:
    message = factories.message()
    deliver(message)
    deliver(message)
    assert len(gateway.taken) == 1
    assert message.attempts.count() == 1


def test_a_task_delivered_again_while_the_text_is_being_sent_sends_once(gateway: Scripted) -> None:
    message = factories.message()
    gateway.during = lambda: tasks.send_message(str(message.pk))
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


def test_one_bell_sends_all_that_is_due_and_the_oldest_first(gateway: Scripted) -> None:
    for number in range(40):
        factories.message(text=f"text {number}")
    Message.objects.filter(text="text 39").update(queued_at=timezone.now() - timedelta(hours=1))
    tasks.drain()
    expected = ["text 39", *(f"text {number}" for number in range(39))]
    assert [text for _, text in gateway.taken] == expected
    tasks.drain()
    assert len(gateway.taken) == 40


def test_a_bell_with_nothing_to_do_costs_one_query(
    gateway: Scripted, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        tasks.drain()


def test_a_message_that_is_gone_is_no_error(gateway: Scripted) -> None:
    message = factories.message()
    Message.objects.all().delete()
    tasks.send_message(str(message.pk))
    assert gateway.taken == []


def test_somebody_who_opted_out_after_the_order_is_not_texted(gateway: Scripted) -> None:
    message = factories.message()
    other = factories.message("+254722000001")
    opt_outs.heed(message.phone_number, factories.NO_TEXTS)
    assert deliver(message).status == "suppressed"
    assert message.failure_reason == "The customer opted out of texts."
    assert message.final_at is not None
    assert [phone for phone, _ in gateway.taken] == [other.phone_number]
    opt_outs.heed(message.phone_number, factories.TEXTS_AGAIN)
    assert deliver(message).status == "suppressed"


def test_texts_that_are_not_to_be_sent_do_not_hold_up_those_behind_them(
    gateway: Scripted,
) -> None:
    opted_out = factories.message("+254722000001")
    opt_outs.heed(opted_out.phone_number, factories.NO_TEXTS)
    for _ in range(40):
        factories.message(opted_out.phone_number)
    factories.message("+254722000002")
    tasks.drain()
    assert [phone for phone, _ in gateway.taken] == ["+254722000002"]
    assert Message.objects.filter(status="suppressed").count() == 41


def test_a_text_older_than_a_day_is_not_sent(gateway: Scripted) -> None:
    message = factories.message()
    long_ago = timezone.now() - timedelta(hours=24, minutes=1)
    Message.objects.update(queued_at=long_ago)
    assert deliver(message).status == "failed"
    assert message.failure_reason == "Not sent within 24 hours."
    assert message.final_at is not None
    assert gateway.taken == []


# --- What each answer comes to ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "outcome", "is_final"),
    [
        (NotTaken("Nobody there."), "queued", "not_taken", False),
        (SlowDown("Too fast.", http_status=429), "queued", "not_taken", False),
        (
            TurnedAway("Not now.", delays=(9.0,)),
            "queued",
            "turned_away",
            False,
        ),
        (TurnedAway("Not now.", word="CouldNotRoute"), "failed", "turned_away", True),
        (OnHold("No money.", Hold.BALANCE, word="InsufficientBalance"), "held", "held", False),
        (Refused("No such phone.", word="InvalidPhoneNumber"), "failed", "refused", True),
        (Unclear("No answer."), "unconfirmed", "unclear", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_each_answer_comes_to(
    gateway: Scripted, answer: GatewayError, status: str, outcome: str, is_final: bool
) -> None:
    gateway.answers = [answer]
    message = deliver(factories.message())
    assert message.status == status
    assert message.failure_reason == str(answer)
    assert (message.final_at is not None) is is_final
    attempt = message.attempts.get()
    assert (attempt.outcome, attempt.detail, attempt.word) == (outcome, str(answer), answer.word)
    assert attempt.finished_at is not None


def test_a_text_that_may_have_been_taken_is_never_sent_again(gateway: Scripted) -> None:
    gateway.answers = [Unclear("The gateway did not answer in time.")]
    message = deliver(factories.message())
    let_pass(3600, message)
    assert deliver(message).status == "unconfirmed"
    tasks.sweep()
    assert deliver(message).status == "unconfirmed"
    assert len(gateway.taken) == 1


def test_a_fault_of_ours_leaves_the_text_in_doubt_and_in_the_log(
    gateway: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.answers = [ZeroDivisionError()]
    message = deliver(factories.message())
    assert message.status == "unconfirmed"
    assert message.failure_reason == (
        "An error of ours: ZeroDivisionError; the text may have gone out."
    )
    assert "raised what it should not" in caplog.text


@pytest.mark.parametrize("reason", list(Unreachable))
def test_a_phone_that_no_text_reaches_is_marked(gateway: Scripted, reason: Unreachable) -> None:
    gateway.answers = [Refused("No.", unreachable=reason)]
    message = deliver(factories.message())
    marked = UnreachablePhone.objects.get()
    assert (marked.phone_number, marked.reason) == (message.phone_number, reason)


def test_a_text_that_did_not_reach_the_gateway_is_sent_later(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("The gateway cannot be reached.")]
    before = timezone.now()
    message = deliver(factories.message())
    OrmQ.objects.exclude(lock__gt=before + timedelta(seconds=0.5)).delete()
    [bell] = OrmQ.objects.all()
    assert bell.func() == doorbells.DRAIN_TASK
    assert bell.lock == message.next_attempt_at
    assert timedelta(seconds=0.75) <= bell.lock - before <= timedelta(seconds=1.5)
    assert deliver(message).status == "queued"  # not before its time
    let_pass(1.5, message)
    assert deliver(message).status == "sent"
    assert message.failure_reason == ""
    outcomes = [attempt.outcome for attempt in message.attempts.all()]
    assert outcomes == [Attempt.Outcome.NOT_TAKEN, Attempt.Outcome.TAKEN]


def test_each_further_wait_is_twice_as_long_up_to_a_minute(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Busy.") for _ in range(9)]
    message = factories.message()
    waits = []
    for _ in range(9):
        before = timezone.now()
        deliver(message)
        assert message.next_attempt_at is not None
        waits.append((message.next_attempt_at - before).total_seconds())
        let_pass(waits[-1], message)
    steps = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(
        0.75 * step <= wait <= 1.25 * step + 0.5 for step, wait in zip(steps, waits, strict=True)
    )


def test_the_gateway_may_ask_for_a_longer_wait(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Out of service.", http_status=503, retry_after=600)]
    before = timezone.now()
    message = deliver(factories.message())
    assert message.next_attempt_at is not None
    assert message.next_attempt_at - before >= timedelta(seconds=600)


def test_a_text_turned_away_is_tried_by_its_schedule_and_then_has_failed(gateway: Scripted) -> None:
    gateway.answers = [TurnedAway("Trouble.", delays=(30.0, 120.0)) for _ in range(3)]
    message = factories.message()
    waits = []
    for _ in range(2):
        before = timezone.now()
        deliver(message)
        assert message.next_attempt_at is not None
        waits.append(round((message.next_attempt_at - before).total_seconds()))
        let_pass(waits[-1] + 1, message)
    assert waits == [30, 120]
    assert deliver(message).status == "failed"
    assert message.final_at is not None


def test_a_text_that_is_sent_again_by_somebody_has_all_its_tries_anew(gateway: Scripted) -> None:
    gateway.answers = [TurnedAway("Trouble.", delays=(30.0,)) for _ in range(3)]
    message = factories.message()
    deliver(message)
    let_pass(31, message)
    assert deliver(message).status == "failed"
    Message.objects.update(status="queued", queued_at=timezone.now())
    assert deliver(message).status == "queued"


# --- What is not to be sent any more ----------------------------------------------------------


def test_a_text_about_an_order_that_goes_while_it_is_claimed_is_not_sent(
    gateway: Scripted,
) -> None:
    about = new_id()
    factories.message(about_id=about)
    claimed, _ = claims.claim(1)
    Withdrawal.objects.create(about_id=about)  # as where the row was locked by the claim
    assert claims.begin(claimed, gateway) == []
    message = Message.objects.get()
    assert (message.status, message.failure_reason) == ("cancelled", "What it told of is gone.")
    assert not Attempt.objects.exists()


@pytest.mark.parametrize("again", [NotTaken("No."), OnHold("No.", Hold.SENDER)])
def test_a_text_about_an_order_that_goes_while_it_is_on_the_wire_is_not_tried_again(
    gateway: Scripted, again: GatewayError
) -> None:
    message = factories.message(about_id=new_id())

    def delete_the_order() -> None:
        assert message.about_id is not None
        assert outbox.cancel_messages(message.about_id) == 0

    gateway.during = delete_the_order
    gateway.answers = [again]
    assert deliver(message).status in ("queued", "held")
    gateway.during = lambda: None
    line.resume(None)
    let_pass(60.0, message)
    assert deliver(message).status == "cancelled"
    assert len(gateway.taken) == 1


def test_who_starts_again_between_the_claim_and_the_wire_gets_the_text_all_the_same(
    gateway: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = factories.message()
    claimed, _ = claims.claim(1)
    opt_outs.heed(message.phone_number, factories.NO_TEXTS)
    asked = claims._opted_out

    def start_again(messages: Iterable[Message]) -> set[str]:
        opt_outs.heed(message.phone_number, factories.TEXTS_AGAIN)
        return asked(messages)

    monkeypatch.setattr(claims, "_opted_out", start_again)
    assert claims.begin(claimed, gateway) == []
    assert deliver(message).status == "sent"


# --- Workers that die ---------------------------------------------------------------------------


def test_a_worker_that_died_before_sending_loses_nothing(gateway: Scripted) -> None:
    message = factories.message()
    assert claims.claim(1) == ([message], False)  # and here the worker is killed
    assert deliver(message).status == "claimed"
    tasks.sweep()
    assert deliver(message).status == "claimed"
    assert gateway.taken == []
    age_claims()
    tasks.sweep()
    assert deliver(message).status == "sent"
    assert len(gateway.taken) == 1


def age_claims() -> None:
    lease = timedelta(seconds=settings.SMS_LEASE + 1)
    for message in Message.objects.filter(claimed_at__isnull=False):
        assert message.claimed_at is not None
        Message.objects.filter(pk=message.pk).update(claimed_at=message.claimed_at - lease)


def test_a_worker_that_slept_past_its_lease_does_not_send_too(gateway: Scripted) -> None:
    factories.message()
    sleeper, _ = claims.claim(1)
    age_claims()
    tasks.sweep()
    tasks.drain()
    assert claims.begin(sleeper, gateway) == []
    claims.give_back(sleeper)
    assert Message.objects.get().status == "sent"
    assert Attempt.objects.count() == 1


def test_of_several_claimed_those_that_another_has_by_now_are_left_out(gateway: Scripted) -> None:
    first, second = factories.message(), factories.message()
    claimed, _ = claims.claim(2)
    Message.objects.filter(pk=first.pk).update(claimed_at=timezone.now())
    begun = claims.begin(claimed, gateway)
    assert [message.pk for message, _ in begun] == [second.pk]
    assert Attempt.objects.get().message == second


def test_a_worker_that_died_while_sending_leaves_the_text_in_doubt(gateway: Scripted) -> None:
    message = factories.message()
    claims.begin(claims.claim(1)[0], gateway)  # and here the worker is killed
    assert deliver(message).status == "sending"
    tasks.sweep()
    assert deliver(message).status == "sending"
    age_claims()
    tasks.sweep()
    assert deliver(message).status == "unconfirmed"
    assert "worker stopped" in message.failure_reason
    assert message.attempts.get().outcome == Attempt.Outcome.UNCLEAR
    assert message.attempts.get().finished_at is not None
    assert gateway.taken == []


@pytest.fixture
def given_up(gateway: Scripted, settings: Settings) -> Message:
    """A text that is given up while the gateway takes it."""
    settings.SMS_LEASE = 0.0
    gateway.during = tasks.sweep
    return factories.message()


def test_a_receipt_that_comes_after_the_text_was_given_up_ends_the_doubt(
    given_up: Message,
) -> None:
    assert deliver(given_up).status == "sent"
    assert (given_up.gateway_message_id, given_up.failure_reason) == ("id-1", "")
    assert Attempt.objects.get().outcome == Attempt.Outcome.TAKEN


def test_a_receipt_that_comes_after_a_report_tells_the_price(
    gateway: Scripted, given_up: Message
) -> None:
    def give_up_and_report() -> None:
        tasks.sweep()
        delivery_reports.receive_report("id-1", "Success", phone_number=given_up.phone_number)

    gateway.during = give_up_and_report
    gateway.answers = [Submission("id-1", Decimal("0.8000"), "KES", 2)]
    assert deliver(given_up).status == "delivered"
    assert (given_up.cost, given_up.currency, given_up.segments) == (Decimal("0.8"), "KES", 2)
    (attempt,) = given_up.attempts.all()
    assert (attempt.outcome, attempt.gateway_message_id) == ("taken", "")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (NotTaken("The gateway could not be reached."), "queued"),
        (TurnedAway("Not this time.", delays=(60.0,)), "queued"),
        (OnHold("The account is empty.", Hold.BALANCE), "held"),
        (Refused("There is no such number."), "failed"),
        (Unclear("Something else went wrong."), "unconfirmed"),
    ],
)
def test_so_does_any_other_answer_that_is_certain(
    gateway: Scripted, given_up: Message, answer: GatewayError, status: str
) -> None:
    gateway.answers = [answer]
    assert (deliver(given_up).status, given_up.failure_reason) == (status, str(answer))
    assert not given_up.may_be_double
    assert len(gateway.taken) == 1


@pytest.fixture
def sent_again(gateway: Scripted, given_up: Message) -> Message:
    """The same, and somebody has it sent again while the gateway takes it."""
    boss = factories.user()

    def give_up_and_send_again() -> None:
        gateway.during = lambda: None
        tasks.sweep()
        decisions.send_again(Message.objects.get(), boss)

    gateway.during = give_up_and_send_again
    return given_up


def test_a_receipt_that_comes_late_spares_the_person_the_second_text(
    gateway: Scripted, sent_again: Message
) -> None:
    assert (deliver(sent_again).status, sent_again.gateway_message_id) == ("sent", "id-1")
    assert not sent_again.may_be_double
    tasks.drain()
    assert len(gateway.taken) == 1


def test_a_receipt_for_the_try_before_is_not_that_of_a_text_sent_again(
    gateway: Scripted, sent_again: Message
) -> None:
    give_up_and_send_again = gateway.during

    def begin_again() -> None:
        give_up_and_send_again()
        claims.begin(claims.claim(1)[0], gateway)  # by another worker, which waits for its answer

    gateway.during = begin_again
    assert (deliver(sent_again).status, sent_again.gateway_message_id) == ("sending", "")
    first, second = sent_again.attempts.all()
    assert (first.outcome, first.gateway_message_id) == ("taken", "id-1")
    assert (second.outcome, second.gateway_message_id) == ("", "")
    delivery_reports.receive_report("id-1", "Success", phone_number=sent_again.phone_number)
    assert deliver(sent_again).status == "sending"
    answer = Result(sent_again, second, Submission("id-2"), timezone.now())
    outcomes.record([answer])
    assert delivery_reports.match_again(timezone.now()) == 1
    assert (deliver(sent_again).status, sent_again.gateway_message_id) == ("delivered", "id-2")
    assert sent_again.may_be_double
    assert DeliveryReport.objects.get().effect == "moved"


def test_a_receipt_for_a_try_that_was_said_not_to_have_arrived_makes_no_sent_text_of_it(
    gateway: Scripted, sent_again: Message
) -> None:
    give_up_and_send_again = gateway.during

    def doubt_again() -> None:
        give_up_and_send_again()
        gateway.answers = [Unclear("Nobody knows."), Submission("id-1")]
        deliver(Message.objects.get())
        phone_number = sent_again.phone_number
        delivery_reports.receive_report("id-1", "Failed", phone_number=phone_number)

    gateway.during = doubt_again
    assert deliver(sent_again).status == "unconfirmed"
    assert (sent_again.gateway_message_id, sent_again.may_be_double) == ("", True)
    assert sent_again.attempts.get(outcome="taken").gateway_message_id == "id-1"


@pytest.mark.parametrize(
    "answer", [NotTaken("No."), OnHold("Empty.", Hold.BALANCE), Refused("No such number.")]
)
def test_any_other_answer_to_the_try_before_moves_no_text_sent_again(
    gateway: Scripted, settings: Settings, answer: GatewayError
) -> None:
    settings.SMS_LEASE = 0.0
    message = factories.message()
    begun = claims.begin(claims.claim(1)[0], gateway)
    tasks.sweep()
    message.refresh_from_db()
    decisions.send_again(message, factories.user())
    outcomes.record([Result(*each, answer, timezone.now()) for each in begun])
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == ("queued", True)
    assert (message.failure_reason, message.next_attempt_at) == ("", None)


def test_a_report_that_was_quicker_than_the_answer_is_applied(gateway: Scripted) -> None:
    def report() -> None:
        DeliveryReport.objects.create(gateway_message_id="id-1", status="Success")

    gateway.during = report
    assert deliver(factories.message()).status == "delivered"


# --- Several at once ----------------------------------------------------------------------------


class Wired:
    """A gateway that takes a moment for each, as one behind a wire does."""

    name = "wired"
    is_immediate = False

    def __init__(self, seconds: float = 0.05) -> None:
        self.seconds = seconds
        self.lock = threading.Lock()
        self.taken: list[str] = []
        self.in_flight = self.most = 0

    def submit(self, phone_number: str, text: str) -> Submission:
        with self.lock:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        time.sleep(self.seconds)
        with self.lock:
            self.in_flight -= 1
            self.taken.append(text)
            return Submission(f"wired-{len(self.taken)}")

    def balance(self) -> None:
        return None


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> Wired:
    gateway = Wired()
    monkeypatch.setattr(drain, "get_gateway", lambda: gateway)
    return gateway


def test_as_many_texts_are_in_the_air_as_the_settings_say(wired: Wired) -> None:
    for number in range(60):
        factories.message(text=str(number))
    tasks.drain()
    assert wired.most == settings.SMS_CONCURRENCY == 16
    assert sorted(map(int, wired.taken)) == list(range(60))
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


def test_a_drain_ends_in_time_and_calls_another(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "SLICE", 0.02)
    for _ in range(60):
        factories.message()
    OrmQ.objects.all().delete()
    tasks.drain()
    counts = dict.fromkeys(["sent", "queued"], 0)
    for status in Message.objects.values_list("status", flat=True):
        counts[status] += 1  # and none is left claimed or sending
    assert counts["sent"] < 60
    assert bells() == [doorbells.DRAIN_TASK]


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_queue_and_send_nothing_twice(wired: Wired) -> None:
    for number in range(120):
        factories.message(text=str(number))

    def work() -> None:
        try:
            tasks.drain()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(map(int, wired.taken)) == list(range(120))
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert Attempt.objects.count() == 120


# --- A database that fails ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_answers_that_cannot_be_written_down_at_once_are_written_by_and_by(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        factories.message(text=str(number))
    record, failures = outcomes.record, [1, 1, 1]

    def fail_at_first(results: Any) -> None:
        record(results)
        if failures:
            failures.pop()
            raise OperationalError("The database begins anew.")

    monkeypatch.setattr(outcomes, "record", fail_at_first)
    tasks.drain()
    assert failures == []
    assert len(wired.taken) == 8
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_at_all_is_in_the_log_and_the_others_are_written(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [factories.message(text=str(number)) for number in range(4)]
    record = outcomes.record

    def fail_for_one(results: Any) -> None:
        if any(result.message.pk == messages[0].pk for result in results):
            raise OperationalError("Not this one.")
        record(results)

    monkeypatch.setattr(outcomes, "record", fail_for_one)
    monkeypatch.setattr(outcomes, "PATIENCE", 0.0)
    with pytest.raises(OperationalError, match="Not this one"):
        tasks.drain()
    states = {each.pk: each.status for each in Message.objects.all()}
    assert states.pop(messages[0].pk) == "sending"
    assert set(states.values()) == {"sent"}
    lost = [said for said in caplog.messages if said.startswith("What came of text ")]
    assert len(lost) == 1
    assert str(messages[0].pk) in lost[0]
    assert "is lost: wired-" in lost[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server to end")
def test_answers_outlive_the_connection_of_their_worker(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that begins anew: the first to notice is a question asked in no transaction."""
    for number in range(8):
        factories.message(text=str(number))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        workers_own = cursor.fetchone()
    submit = wired.submit

    def end_the_connection_first(phone_number: str, text: str) -> Submission:
        if text == "0":
            with connection.cursor() as cursor:  # this thread's
                cursor.execute("SELECT pg_terminate_backend(%s)", workers_own)
            connection.close()
        time.sleep(0.3)
        return submit(phone_number, text)

    monkeypatch.setattr(wired, "submit", end_the_connection_first)
    with pytest.raises(OperationalError):
        tasks.drain()
    assert len(wired.taken) == 8
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert not [said for said in caplog.messages if "is lost" in said]


# --- The queue ----------------------------------------------------------------------------------


def test_a_bell_that_fails_is_not_rung_again_by_the_queue() -> None:
    """Its text is found by the next bell, or by the sweeper."""
    factories.message()
    assert OrmQ.objects.get().task["ack_failure"] is True


def test_a_drain_and_its_last_answer_end_before_the_queues_timeout() -> None:
    cluster: dict[str, Any] = dict(settings.Q_CLUSTER)
    longest = connections.LONGEST_CONNECT + settings.AFRICASTALKING_READ_TIMEOUT
    rounds = cluster["queue_limit"] / cluster["workers"] + 2
    assert drain.SLICE + longest < cluster["timeout"] < cluster["retry"]
    assert cluster["retry"] > cluster["timeout"] * rounds
    assert longest < settings.SMS_LEASE


def test_a_rolled_back_text_is_not_in_the_queue_either() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        factories.message()
        raise RuntimeError
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_the_words_of_the_gateways_are_those_of_the_rows() -> None:
    assert {hold.value for hold in Hold} < set(Line.Hold.values)
    assert {reason.value for reason in Unreachable} == set(UnreachablePhone.Reason.values)
