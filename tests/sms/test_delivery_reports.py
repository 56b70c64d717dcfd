"""What became of a text: reports in any order, any number of times."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import permutations
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sms import decisions, delivery_reports, probing, tasks
from sms.errors import MessageCannotBeRetried
from sms.gateway import Submission, Unclear, get_gateway
from sms.models import Attempt, DeliveryReport, Line, Message, UnreachablePhone
from sms.sending import claims, drain, outcomes
from sms.sending.outcomes import Result
from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"


class Fixed:
    """A gateway that gives every text the same id, and may report before it answers."""

    name = "fixed"
    is_immediate = True
    report_first = ""

    def submit(self, phone_number: str, text: str) -> Submission:
        if self.report_first:
            delivery_reports.receive_report("ATXid_1", self.report_first)
        return Submission("ATXid_1")


class Silent:
    """A gateway that may have taken the text: nobody knows, and no id is told."""

    name = "silent"
    is_immediate = True

    def submit(self, phone_number: str, text: str) -> Submission:
        raise Unclear("The gateway did not answer in time.")


def send(monkeypatch: pytest.MonkeyPatch, gateway: Any, message: Message) -> Message:
    """What the worker does with a queued text and such a gateway."""
    monkeypatch.setattr(drain, "get_gateway", gateway)
    monkeypatch.setattr(probing, "get_gateway", gateway)
    tasks.send_message(str(message.pk))
    message.refresh_from_db()
    return message


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Message:
    message = send(monkeypatch, Fixed, factories.message())
    assert message.status == "sent"
    return message


@pytest.fixture
def in_doubt(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Message]:
    """Make a text to the phone whose answer got lost."""

    def make() -> Message:
        Line.objects.all().delete()  # which two such answers in a row would break
        message = send(monkeypatch, Silent, factories.message(PHONE))
        assert (message.status, message.gateway_message_id) == ("unconfirmed", "")
        return message

    return make


def report(gateway_message_id: str, status: str, phone_number: str = PHONE) -> DeliveryReport:
    delivery_reports.receive_report(gateway_message_id, status, phone_number=phone_number)
    return DeliveryReport.objects.latest("pk")


def effects() -> list[str]:
    """What came of each report, in the order in which they came."""
    return list(DeliveryReport.objects.order_by("pk").values_list("effect", flat=True))


def age(by: timedelta) -> None:
    """Let time pass for all texts and reports."""
    for row in Message.objects.all():
        claimed_at = row.claimed_at and row.claimed_at - by
        Message.objects.filter(pk=row.pk).update(claimed_at=claimed_at)
    for attempt in Attempt.objects.all():
        Attempt.objects.filter(pk=attempt.pk).update(started_at=attempt.started_at - by)
    for each in DeliveryReport.objects.all():
        DeliveryReport.objects.filter(pk=each.pk).update(received_at=each.received_at - by)


def at_once(*calls: Callable[[], Any]) -> None:
    start = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=60)
            call()
        finally:
            connection.close()

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- Reports with an id that is known ------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "status", "effect"),
    [
        ("Success", "delivered", "moved"),
        ("Rejected", "undelivered", "moved"),
        ("Failed", "undelivered", "moved"),
        ("AbsentSubscriber", "undelivered", "moved"),
        ("Expired", "undelivered", "moved"),
        ("Sent", "sent", "on_the_way"),
        ("Submitted", "sent", "on_the_way"),
        ("Buffered", "sent", "on_the_way"),
        ("SomethingNew", "sent", "unknown"),
        ("", "sent", "unknown"),
    ],
)
def test_a_report_moves_a_sent_text(sent: Message, reported: str, status: str, effect: str) -> None:
    delivery_reports.receive_report("ATXid_1", reported, "its reason", raw={"status": reported})
    sent.refresh_from_db()
    assert sent.status == status
    assert (sent.final_at is not None) is (status != "sent")
    assert sent.failure_reason == ("its reason" if status == "undelivered" else "")
    report = DeliveryReport.objects.get()
    assert (report.message, report.raw) == (sent, {"status": reported})
    assert report.effect == effect


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ("Rejected", "The phone network rejected the text."),
        ("Failed", "The phone network could not deliver the text."),
        ("AbsentSubscriber", "The phone was off or out of reach."),
        ("Expired", "The phone was not reached in time."),
    ],
)
def test_a_text_that_did_not_arrive_says_why_also_where_the_report_does_not(
    sent: Message, reported: str, reason: str
) -> None:
    delivery_reports.receive_report("ATXid_1", reported)
    sent.refresh_from_db()
    assert sent.failure_reason == reason


def test_the_first_final_report_stands_and_another_is_kept_as_a_contradiction(
    sent: Message, caplog: pytest.LogCaptureFixture
) -> None:
    for status in ("Buffered", "Success", "Failed", "Success", "Sent", "Expired"):
        delivery_reports.receive_report("ATXid_1", status)
    sent.refresh_from_db()
    assert (sent.status, sent.failure_reason) == ("delivered", "")
    assert sent.delivery_reports.count() == 6
    assert effects() == [
        *("on_the_way", "moved", "contradicts", "repeated", "on_the_way", "contradicts")
    ]
    first = DeliveryReport.objects.get(status="Failed")
    said = f"Report {first.pk} says Failed of message {sent.pk}, but another said otherwise before."
    assert said in caplog.text
    assert len(caplog.records) == 2


def test_a_text_reported_as_lost_is_not_delivered_later(sent: Message) -> None:
    for status in ("AbsentSubscriber", "Failed", "Success"):
        delivery_reports.receive_report("ATXid_1", status)
    sent.refresh_from_db()
    assert (sent.status, sent.failure_reason) == (
        "undelivered",
        "The phone was off or out of reach.",
    )
    assert effects() == ["moved", "repeated", "contradicts"]


@pytest.mark.parametrize(
    ("before", "after"), [("Success", "delivered"), ("Failed", "undelivered"), ("Sent", "sent")]
)
def test_a_report_before_the_gateways_own_answer_is_applied_after_it(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setattr(Fixed, "report_first", before)
    assert send(monkeypatch, Fixed, factories.message()).status == after
    assert DeliveryReport.objects.get().message is not None


def test_reports_that_waited_are_applied_in_the_order_in_which_they_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for status in ("Failed", "Success"):
        delivery_reports.receive_report("ATXid_1", status)
    assert send(monkeypatch, Fixed, factories.message()).status == "undelivered"
    assert effects() == ["moved", "contradicts"]


def test_a_report_for_an_unknown_id_is_kept() -> None:
    delivery_reports.receive_report("ATXid_unknown", "Success", raw={"id": "ATXid_unknown"})
    report = DeliveryReport.objects.get()
    assert (report.message, report.effect) == (None, "")
    assert report.raw == {"id": "ATXid_unknown"}


def test_a_report_without_an_id_is_kept_and_is_about_no_text(
    in_doubt: Callable[[], Message],
) -> None:
    message = in_doubt()  # which has no id either
    assert report("", "Success").message is None
    message.refresh_from_db()
    assert message.status == "unconfirmed"


def test_a_report_about_a_try_before_this_one_waits(
    sent: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    Message.objects.update(status="queued", may_be_double=True)
    assert report("ATXid_1", "Success").effect == ""
    assert send(monkeypatch, Fixed, sent).status == "delivered"  # the same id once more
    assert effects() == ["moved"]


def test_a_text_in_doubt_whose_id_was_told_is_settled_by_it(
    in_doubt: Callable[[], Message],
) -> None:
    message = in_doubt()
    Message.objects.update(gateway_message_id="ATXid_1")
    report("ATXid_1", "Sent", phone_number="")
    message.refresh_from_db()
    assert (message.status, message.sent_at) == ("sent", message.claimed_at)
    report("ATXid_1", "Success", phone_number="")
    message.refresh_from_db()
    assert message.status == "delivered"
    assert effects() == ["on_the_way", "moved"]


# --- Phones that no text reached -----------------------------------------------------------------


@pytest.mark.parametrize(("reported", "is_reached"), [("Success", True), ("Failed", False)])
def test_a_phone_that_got_a_text_is_reached_again(
    monkeypatch: pytest.MonkeyPatch, reported: str, is_reached: bool
) -> None:
    for phone in (PHONE, "+254733000000"):
        UnreachablePhone.objects.create(phone_number=phone, reason="invalid")
    send(monkeypatch, Fixed, factories.message(PHONE))
    report("ATXid_1", reported)
    left = set(UnreachablePhone.objects.values_list("phone_number", flat=True))
    assert left == {"+254733000000"} | (set() if is_reached else {PHONE})


def test_a_phone_found_unreachable_after_the_text_had_left_stays_so(sent: Message) -> None:
    UnreachablePhone.objects.create(phone_number=PHONE, reason="blocked")
    report("ATXid_1", "Success")
    assert UnreachablePhone.objects.get().phone_number == PHONE


# --- Adoption: reports with an id that nobody knows ----------------------------------------------


@pytest.mark.parametrize(
    ("reported", "status", "effect"),
    [
        ("Success", "delivered", "moved"),
        ("Failed", "undelivered", "moved"),
        ("Sent", "sent", "on_the_way"),
        ("Submitted", "sent", "on_the_way"),
        ("Buffered", "sent", "on_the_way"),
    ],
)
def test_a_report_that_fits_a_text_in_doubt_and_nothing_else_settles_it(
    in_doubt: Callable[[], Message], reported: str, status: str, effect: str
) -> None:
    message = in_doubt()
    assert report("ATXid_9", reported).effect == effect
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == (status, "ATXid_9")
    assert message.sent_at == message.claimed_at
    assert message.failure_reason == (
        "The phone network could not deliver the text." if status == "undelivered" else ""
    )
    assert message.attempts.get().outcome == Attempt.Outcome.UNCLEAR  # what was known then


def test_reports_after_an_adoption_find_the_text_by_its_id(
    in_doubt: Callable[[], Message],
) -> None:
    message = in_doubt()
    report("ATXid_9", "Sent")
    report("ATXid_9", "Success", phone_number="")
    message.refresh_from_db()
    assert message.status == "delivered"
    assert effects() == ["on_the_way", "moved"]


def test_a_report_that_is_not_understood_proves_nothing(in_doubt: Callable[[], Message]) -> None:
    message = in_doubt()
    assert report("ATXid_9", "SomethingNew").effect == ""
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("unconfirmed", "")


@pytest.mark.parametrize("phone_number", ["", "+254733000000"])
def test_a_report_from_another_phone_or_none_settles_nothing(
    in_doubt: Callable[[], Message], phone_number: str
) -> None:
    message = in_doubt()
    assert report("ATXid_9", "Success", phone_number).effect == ""
    message.refresh_from_db()
    assert message.status == "unconfirmed"


def test_of_two_texts_in_doubt_a_report_settles_neither(in_doubt: Callable[[], Message]) -> None:
    in_doubt()
    in_doubt()
    assert report("ATXid_9", "Success").effect == ""
    assert set(Message.objects.values_list("status", "gateway_message_id")) == {("unconfirmed", "")}


def test_a_text_claimed_after_the_report_came_is_not_meant(
    in_doubt: Callable[[], Message],
) -> None:
    waiting = report("ATXid_9", "Success")
    in_doubt()
    assert delivery_reports.match_again(timezone.now()) == 0
    waiting.refresh_from_db()
    assert waiting.message is None
    assert Message.objects.get().status == "unconfirmed"


def test_a_text_claimed_three_days_before_is_not_meant(in_doubt: Callable[[], Message]) -> None:
    in_doubt()
    age(timedelta(hours=72, minutes=1))
    assert report("ATXid_9", "Success").effect == ""
    assert Message.objects.get().status == "unconfirmed"


def test_a_text_of_the_same_phone_that_has_its_id_is_not_meant(
    in_doubt: Callable[[], Message], sent: Message
) -> None:
    message = in_doubt()
    assert report("ATXid_9", "Success").message == message


@pytest.mark.parametrize("state", ["claimed", "sending"])
def test_while_a_text_is_being_sent_a_report_waits_and_is_tried_again(
    in_doubt: Callable[[], Message], state: str
) -> None:
    first, second = in_doubt(), in_doubt()
    Message.objects.filter(pk=second.pk).update(status=state)
    waiting = report("ATXid_9", "Success")
    assert waiting.effect == ""
    assert delivery_reports.match_again(timezone.now()) == 0
    # Its own answer comes, with an id of its own: so the report was about the first.
    Message.objects.filter(pk=second.pk).update(status="sent", gateway_message_id="ATXid_10")
    assert delivery_reports.match_again(timezone.now()) == 1
    waiting.refresh_from_db()
    assert (waiting.message, waiting.effect) == (first, "moved")
    assert delivery_reports.match_again(timezone.now()) == 0


def test_a_text_that_was_being_sent_alone_and_ends_in_doubt_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TakesAndBreaks(Silent):
        def submit(self, phone_number: str, text: str) -> Submission:
            assert report("ATXid_9", "Success").effect == ""  # it came while we were waiting
            return super().submit(phone_number, text)

    message = send(monkeypatch, TakesAndBreaks, factories.message(PHONE))
    assert message.status == "unconfirmed"
    assert delivery_reports.match_again(timezone.now()) == 1
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("delivered", "ATXid_9")


@pytest.mark.parametrize("said", ["Failed", "Sent"])
def test_the_report_of_the_first_try_of_a_doubled_text_is_told_beside_it(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    message = decisions.send_again(in_doubt(), factories.user())
    send(monkeypatch, Fixed, message)
    assert (message.status, message.may_be_double) == ("sent", True)
    told = report("ATXid_9", said)
    assert (told.message, told.effect) == (message, "other_try")
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("sent", "ATXid_1")
    assert [each.gateway_message_id for each in message.attempts.all()] == ["ATXid_9", ""]
    # By now the next one can only be about the other text in doubt.
    other = in_doubt()
    assert report("ATXid_10", "Success").message == other
    assert report("ATXid_1", "Success").effect == "moved"


@pytest.mark.parametrize("order", [*permutations([("ATXid_9", "Success"), ("ATXid_1", "Failed")])])
def test_of_a_text_that_was_taken_twice_one_that_arrives_is_enough(
    in_doubt: Callable[[], Message],
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[tuple[str, str], ...],
) -> None:
    message = send(monkeypatch, Fixed, decisions.send_again(in_doubt(), factories.user()))
    for gateway_message_id, said in order:
        assert report(gateway_message_id, said).message == message
    message.refresh_from_db()
    assert (message.status, message.failure_reason) == ("delivered", "")
    assert (message.gateway_message_id, message.may_be_double) == ("ATXid_1", True)
    assert "contradicts" not in effects()


def test_a_report_that_may_be_about_a_doubled_text_or_about_another_waits(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(monkeypatch, Fixed, decisions.send_again(in_doubt(), factories.user()))
    other = in_doubt()
    assert report("ATXid_10", "Success").effect == ""
    other.refresh_from_db()
    assert other.status == "unconfirmed"
    assert delivery_reports.match_again(timezone.now()) == 0


@pytest.mark.parametrize(("said", "after"), [("Success", "delivered"), ("Sent", "sent")])
@pytest.mark.parametrize("waits", ["queued", "held"])
def test_a_text_that_was_taken_after_all_is_not_sent_again(
    in_doubt: Callable[[], Message],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    after: str,
    waits: str,
) -> None:
    message = decisions.send_again(in_doubt(), factories.user())
    Message.objects.update(status=waits)
    assert report("ATXid_9", said).message == message
    send(monkeypatch, Fixed, message)
    assert (message.status, message.gateway_message_id) == (after, "ATXid_9")
    assert not message.may_be_double  # it came once
    assert message.attempts.count() == 1


def test_a_text_that_did_not_arrive_is_sent_again_as_somebody_wants_it(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = decisions.send_again(in_doubt(), factories.user())
    assert report("ATXid_9", "Failed").effect == ""  # until the next one has ended
    assert report("ATXid_9", "Sent").effect == ""
    assert send(monkeypatch, Fixed, message).status == "sent"
    assert delivery_reports.match_again(timezone.now()) == 2
    assert effects() == ["other_try", "other_try"]
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("sent", "ATXid_1")


@pytest.mark.parametrize("order", [*permutations(["Failed", "Sent", "cancel"])])
def test_a_text_whose_one_try_did_not_arrive_ends_so_in_whatever_order_that_comes_to_be_known(
    in_doubt: Callable[[], Message], order: tuple[str, ...]
) -> None:
    clerk = factories.user()
    message = decisions.send_again(in_doubt(), clerk)
    for step in order:
        if step != "cancel":
            report("ATXid_9", step)
        elif Message.objects.filter(pk=message.pk, status="queued").exists():
            decisions.cancel_message(message, clerk)
    delivery_reports.match_again(timezone.now())
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == ("undelivered", False)
    assert not DeliveryReport.objects.filter(message=None).exists()


def test_a_report_while_the_next_try_is_on_the_wire_waits_for_its_end(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Meanwhile(Fixed):
        def submit(self, phone_number: str, text: str) -> Submission:
            assert report("ATXid_9", "Success").effect == ""
            return super().submit(phone_number, text)

    message = decisions.send_again(in_doubt(), factories.user())
    send(monkeypatch, Meanwhile, message)
    assert delivery_reports.match_again(timezone.now()) == 1
    assert effects() == ["moved"]
    assert report("ATXid_1", "Success").effect == "repeated"


@pytest.mark.parametrize(("said", "after"), [("Success", "delivered"), ("Failed", "undelivered")])
def test_a_text_that_was_to_be_sent_again_and_never_was_is_settled_by_its_report(
    in_doubt: Callable[[], Message], said: str, after: str
) -> None:
    clerk = factories.user()
    message = decisions.cancel_message(decisions.send_again(in_doubt(), clerk), clerk)
    assert (message.status, message.failure_reason) == ("unconfirmed", "It was not sent again.")
    assert report("ATXid_9", said).effect == "moved"
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == (after, False)


def test_of_two_tries_in_doubt_one_that_failed_settles_nothing(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(monkeypatch, Silent, decisions.send_again(in_doubt(), factories.user()))
    assert report("ATXid_9", "Failed").effect == "other_try"
    message.refresh_from_db()
    assert message.status == "unconfirmed"
    assert report("ATXid_10", "Success").effect == "moved"
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("delivered", "ATXid_10")


def test_of_two_tries_in_doubt_one_that_failed_stays_so_when_more_is_told_of_it(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(monkeypatch, Silent, decisions.send_again(in_doubt(), factories.user()))
    for said in ("Failed", "Sent", "Success"):  # the first final one stands
        assert report("ATXid_9", said).effect == "other_try"
        message.refresh_from_db()
        assert (message.status, message.gateway_message_id) == ("unconfirmed", "")


def test_a_text_of_which_neither_try_arrived_is_settled_by_the_second_report(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(monkeypatch, Silent, decisions.send_again(in_doubt(), factories.user()))
    assert report("ATXid_9", "Failed").effect == "other_try"
    assert report("ATXid_10", "Expired").effect == "moved"
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == ("undelivered", True)  # both were taken


def test_a_text_in_doubt_keeps_the_id_that_it_was_given_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Odd(Fixed):
        def submit(self, phone_number: str, text: str) -> Submission:
            assert report("ATXid_1", "Sent").effect == ""
            raise Unclear("Not understood.", gateway_message_id="ATXid_1")

    message = send(monkeypatch, Odd, factories.message(PHONE))
    assert (message.status, message.gateway_message_id) == ("sent", "ATXid_1")
    other = send(monkeypatch, Odd, factories.message("+254733000000"))
    assert other.status == "unconfirmed"  # the id is taken


def test_an_id_that_is_known_outlives_that_the_text_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Odd(Fixed):
        def submit(self, phone_number: str, text: str) -> Submission:
            raise Unclear("Not understood.", gateway_message_id="ATXid_7")

    message = send(monkeypatch, Odd, factories.message(PHONE))
    assert (message.status, message.gateway_message_id) == ("unconfirmed", "ATXid_7")
    decisions.send_again(message, factories.user())
    assert report("ATXid_7", "Success", phone_number="").effect == "moved"
    assert send(monkeypatch, Fixed, message).status == "delivered"
    assert message.attempts.count() == 1


def test_a_doubled_text_that_waits_for_its_turn_again_may_still_be_meant(
    in_doubt: Callable[[], Message],
) -> None:
    doubled, other = in_doubt(), in_doubt()
    decisions.send_again(doubled, factories.user())
    claims.give_back(claims.claim(1)[0])  # the line broke before its turn came
    doubled.refresh_from_db()
    assert (doubled.status, doubled.claimed_at) == ("queued", None)
    assert report("ATXid_9", "Success").effect == ""
    other.refresh_from_db()
    assert (other.status, other.gateway_message_id) == ("unconfirmed", "")


def test_an_answer_that_comes_while_its_report_looks_around_is_not_overlooked(
    in_doubt: Callable[[], Message],
) -> None:
    other = in_doubt()
    message = factories.message(PHONE)
    begun = claims.begin(claims.claim(1)[0], get_gateway())
    answers = [Result(*each, Submission("ATXid_9"), timezone.now()) for each in begun]

    def answer_meanwhile(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if answers and '"phone_number" =' in sql:  # no text has the id: so it asks what else fits
            outcomes.record([answers.pop()])
        return execute(sql, *arguments)

    with connection.execute_wrapper(answer_meanwhile):
        settled = report("ATXid_9", "Success")
    assert not answers
    assert (settled.message, settled.effect) == (message, "moved")
    other.refresh_from_db()
    assert (other.status, other.gateway_message_id) == ("unconfirmed", "")


def test_a_text_that_was_doubled_and_is_in_doubt_again_is_settled_by_either_report(
    in_doubt: Callable[[], Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(monkeypatch, Silent, decisions.send_again(in_doubt(), factories.user()))
    assert report("ATXid_9", "Success").effect == "moved"
    told = report("ATXid_10", "Success")
    assert (told.message, told.effect) == (message, "other_try")
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == ("delivered", True)


# --- Trying again --------------------------------------------------------------------------------


def test_to_look_for_what_to_try_again_costs_one_question_where_there_is_nothing(
    in_doubt: Callable[[], Message], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert delivery_reports.match_again(timezone.now()) == 0
    for number in range(3):  # of texts that we never sent
        report(f"foreign-{number}", "Success", "+254733000000")
    with django_assert_num_queries(1):
        assert delivery_reports.match_again(timezone.now()) == 0


def test_a_report_whose_sender_died_before_it_looked_is_applied(sent: Message) -> None:
    DeliveryReport.objects.create(gateway_message_id="ATXid_1", status="Success")
    assert delivery_reports.match_again(timezone.now()) == 1
    sent.refresh_from_db()
    assert sent.status == "delivered"


def test_reports_whose_text_is_known_do_not_wait_for_those_that_may_be_about_two(
    in_doubt: Callable[[], Message], sent: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_doubt(), in_doubt()
    monkeypatch.setattr(delivery_reports, "_MATCHED_AT_ONCE", 1)
    for gateway_message_id in ("ATXid_98", "ATXid_99"):
        assert report(gateway_message_id, "Success").effect == ""
    late = DeliveryReport.objects.create(gateway_message_id="ATXid_1", status="Success")
    assert delivery_reports.match_again(timezone.now()) == 1
    late.refresh_from_db()
    assert late.message == sent


def test_a_report_that_cannot_be_applied_keeps_no_other_from_its_text(
    sent: Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    apply = delivery_reports.apply_waiting_reports

    def fail_once(gateway_message_id: str) -> int:
        monkeypatch.setattr(delivery_reports, "apply_waiting_reports", apply)
        raise RuntimeError(gateway_message_id)

    for said in ("Sent", "Success"):
        DeliveryReport.objects.create(gateway_message_id="ATXid_1", status=said)
    monkeypatch.setattr(delivery_reports, "apply_waiting_reports", fail_once)
    assert delivery_reports.match_again(timezone.now()) == 2
    sent.refresh_from_db()
    assert sent.status == "delivered"
    assert "could not be applied" in caplog.text


def test_a_report_older_than_three_days_is_not_tried_again(sent: Message) -> None:
    DeliveryReport.objects.create(gateway_message_id="ATXid_1", status="Success")
    age(timedelta(hours=71, minutes=59))
    later = timezone.now() + timedelta(minutes=2)
    assert delivery_reports.match_again(later) == 0
    assert delivery_reports.match_again(timezone.now()) == 1


# --- At the same moment --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_report_many_times_at_once_moves_the_text_once(
    sent: Message, caplog: pytest.LogCaptureFixture
) -> None:
    at_once(*[lambda: report("ATXid_1", "Success")] * 8)
    sent.refresh_from_db()
    assert sent.status == "delivered"
    assert sorted(effects()) == ["moved"] + ["repeated"] * 7
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.django_db(transaction=True)
def test_of_two_that_contradict_each_other_at_once_one_stands(sent: Message) -> None:
    at_once(*[lambda: report("ATXid_1", "Success"), lambda: report("ATXid_1", "Failed")] * 4)
    sent.refresh_from_db()
    word = "Success" if sent.status == "delivered" else "Failed"
    stands = DeliveryReport.objects.filter(status=word).values_list("effect", flat=True)
    assert sorted(stands) == ["moved", "repeated", "repeated", "repeated"]
    others = DeliveryReport.objects.exclude(status=word).values_list("effect", flat=True)
    assert list(others) == ["contradicts"] * 4


@pytest.mark.django_db(transaction=True)
def test_one_report_many_times_at_once_is_adopted_once(in_doubt: Callable[[], Message]) -> None:
    message = in_doubt()
    at_once(*[lambda: report("ATXid_9", "Success")] * 8)
    message.refresh_from_db()
    assert (message.status, message.gateway_message_id) == ("delivered", "ATXid_9")
    assert sorted(effects()) == ["moved"] + ["repeated"] * 7


@pytest.mark.django_db(transaction=True)
def test_of_many_ids_at_once_a_text_in_doubt_takes_one(in_doubt: Callable[[], Message]) -> None:
    message = in_doubt()
    at_once(*[partial(report, f"ATXid_{number}", "Success") for number in range(8)])
    message.refresh_from_db()
    assert message.status == "delivered"
    matched = DeliveryReport.objects.get(effect="moved")
    assert matched.gateway_message_id == message.gateway_message_id
    assert sorted(effects()) == [""] * 7 + ["moved"]


@pytest.mark.django_db(transaction=True)
def test_a_report_at_the_moment_of_the_gateways_answer_is_never_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Prompt:
        """Reports on one line while it answers on another."""

        name = "prompt"
        is_immediate = True
        lines: list[Thread] = []  # noqa: RUF012

        def submit(self, phone_number: str, text: str) -> Submission:
            def line() -> None:
                try:
                    report(text, "Success", phone_number)
                finally:
                    connection.close()

            self.lines.append(Thread(target=line))
            self.lines[-1].start()
            return Submission(text)

    messages = [
        factories.message(f"+2547220000{number:02d}", f"id-{number}") for number in range(24)
    ]
    at_once(
        *[
            lambda part=part: [send(monkeypatch, Prompt, message) for message in messages[part::4]]
            for part in range(4)
        ]
    )
    for told in Prompt.lines:
        told.join()
    assert set(Message.objects.values_list("status", flat=True)) == {"delivered"}
    assert effects() == ["moved"] * 24


@pytest.mark.django_db(transaction=True)
def test_a_report_at_the_moment_somebody_sends_a_text_again_either_settles_it_or_waits(
    in_doubt: Callable[[], Message],
) -> None:
    clerk = factories.user()
    for number in range(6):
        message, refusals = in_doubt(), list[MessageCannotBeRetried]()

        def send_again(message: Message = message, refusals: list[Any] = refusals) -> None:
            try:
                decisions.send_again(message, clerk)
            except MessageCannotBeRetried as refusal:
                refusals.append(refusal)

        at_once(send_again, partial(report, f"ATXid_{number}", "Success"))
        message.refresh_from_db()
        effect = DeliveryReport.objects.latest("pk").effect
        assert (message.status, effect, len(refusals)) in {
            ("delivered", "moved", 1),  # it was settled when somebody asked
            ("delivered", "moved", 0),  # it waited to be sent again, for nothing
            ("queued", "", 0),  # asked for between the look and the move: within a minute as above
        }
        Message.objects.all().delete()
