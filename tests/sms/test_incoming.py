"""What somebody texted to us: kept, heeded once, in whichever order it comes."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from sms import incoming, opt_outs, tasks
from sms.gateway import Gateway, Submission
from sms.models import Attempt, ConsentChange, IncomingText, Message, OptOut, OptOutNotice
from sms.sending import claims, drain
from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"
NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)


def receive(text: str, phone_number: str = PHONE, **facts: Any) -> bool:
    return incoming.receive_text(phone_number, text, **facts)


def minutes_after_noon(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def recorded() -> list[tuple[bool, str, str]]:
    changes = ConsentChange.objects.order_by("pk")
    return list(changes.values_list("wants_texts", "source", "words"))


def test_a_text_is_kept_as_it_came() -> None:
    receive("Is it ready?", gateway_message_id="in-1", sent_at=NOON, raw={"text": "Is it ready?"})
    text = IncomingText.objects.get()
    assert (text.phone_number, text.text, text.meaning) == (PHONE, "Is it ready?", "other")
    assert (text.gateway_message_id, text.sent_at) == ("in-1", NOON)
    assert text.raw == {"text": "Is it ready?"}
    assert [table.objects.count() for table in (OptOut, Message, OrmQ)] == [0, 0, 0]


# --- STOP and START ------------------------------------------------------------------------------


def test_stop_holds_from_the_next_text_on_and_is_not_answered() -> None:
    queued = factories.message(PHONE)
    receive("Stop!")
    assert opt_outs.is_opted_out(PHONE)
    assert recorded() == [(False, "text", "Stop!")]
    assert IncomingText.objects.get().meaning == "stop"
    tasks.send_message(str(queued.pk))
    queued.refresh_from_db()
    assert queued.status == "suppressed"
    assert Message.objects.get() == queued


def test_start_brings_the_texts_back() -> None:
    receive("ACHA")
    receive("Anza tafadhali")
    assert not opt_outs.is_opted_out(PHONE)
    assert recorded() == [(False, "text", "ACHA"), (True, "text", "Anza tafadhali")]
    assert not Message.objects.exists()


def test_a_phone_in_national_form_is_the_same_phone() -> None:
    receive("STOP", "0722 000000")
    assert IncomingText.objects.get().phone_number == PHONE
    assert opt_outs.is_opted_out(PHONE)


@pytest.mark.parametrize("phone_number", ["", "22141", "KARANI", "+254722", "0" * 30])
def test_from_a_phone_that_cannot_be_read_a_text_is_kept_and_no_more(
    phone_number: str, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("STOP", "HELP"):
        assert receive(text, phone_number) is True
    kept = IncomingText.objects.values_list("phone_number", "meaning")
    assert set(kept) == {(phone_number, "stop"), (phone_number, "help")}
    assert [table.objects.count() for table in (OptOut, Message)] == [0, 0]
    assert len(caplog.records) == 2
    assert "is from no phone that we can read" in caplog.text


def test_a_text_told_twice_is_heeded_once() -> None:
    assert receive("STOP", gateway_message_id="in-1") is True
    receive("START", gateway_message_id="in-2")
    assert receive("STOP", gateway_message_id="in-1") is False
    assert not opt_outs.is_opted_out(PHONE)
    assert IncomingText.objects.count() == 2


def test_texts_without_an_id_are_each_another() -> None:
    receive("STOP")
    receive("STOP")
    assert IncomingText.objects.count() == 2
    assert recorded() == [(False, "text", "STOP")]


@pytest.mark.parametrize(("last", "before"), [("STOP", "START"), ("START", "STOP")])
@pytest.mark.parametrize("comes_late", [False, True])
def test_what_was_said_last_holds_in_whichever_order_it_comes(
    last: str, before: str, comes_late: bool
) -> None:
    opt_outs.heed(PHONE, factories.NO_TEXTS)
    told = [(before, minutes_after_noon(0)), (last, minutes_after_noon(1))]
    for text, sent_at in reversed(told) if comes_late else told:
        receive(text, sent_at=sent_at)
    assert opt_outs.is_opted_out(PHONE) is (last == "STOP")
    assert IncomingText.objects.count() == 2


def test_what_another_phone_or_another_text_says_takes_nothing_back() -> None:
    receive("START", "+254733000000", sent_at=minutes_after_noon(5))
    receive("Where is it?", sent_at=minutes_after_noon(5))
    receive("STOP", sent_at=minutes_after_noon(0))
    assert opt_outs.is_opted_out(PHONE)


# --- HELP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "HELP",
            "This is Duka Moja. Reply STOP to get no more texts from us, START to get them again.",
        ),
        (
            "Msaada",
            "Hii ni Duka Moja. Jibu ACHA ili usipate tena ujumbe wetu, ANZA ili uupate tena.",
        ),
    ],
)
def test_help_is_answered_with_who_we_are_and_how_to_stop(
    settings: Any, text: str, answer: str
) -> None:
    settings.BUSINESS_NAME = "Duka Moja"
    receive(text)
    message = Message.objects.get()
    assert (message.phone_number, message.text) == (PHONE, answer)
    assert (message.status, message.segments, message.encoding) == ("queued", 1, "GSM-7")
    assert OrmQ.objects.count() == 1


def test_help_is_answered_once_a_day() -> None:
    receive("HELP")
    receive("Msaada")
    receive("HELP", "+254733000000")
    assert Message.objects.filter(phone_number=PHONE).count() == 1
    assert Message.objects.count() == 2
    Message.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
    receive("HELP")
    assert Message.objects.filter(phone_number=PHONE).count() == 2


def test_who_wants_no_texts_gets_no_answer_to_help_either() -> None:
    receive("STOP")
    receive("HELP")
    answer = Message.objects.get()
    tasks.send_message(str(answer.pk))
    answer.refresh_from_db()
    assert answer.status == "suppressed"
    assert opt_outs.is_opted_out(PHONE)


# --- Opt-outs that the gateway tells of ----------------------------------------------------------


def test_the_gateways_word_that_somebody_opted_out_is_kept_and_heeded() -> None:
    for _ in range(2):
        incoming.receive_opt_out("0722000000", sender_id="DUKA", raw={"senderId": "DUKA"})
    assert opt_outs.is_opted_out(PHONE)
    assert recorded() == [(False, "gateway", "")]
    kept = OptOutNotice.objects.values_list("phone_number", "sender_id", "raw")
    assert list(kept) == [(PHONE, "DUKA", {"senderId": "DUKA"})] * 2


def test_an_opt_out_of_no_phone_is_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    incoming.receive_opt_out("nobody", raw={"phoneNumber": "nobody"})
    assert OptOutNotice.objects.get().raw == {"phoneNumber": "nobody"}
    assert not OptOut.objects.exists()
    assert "is of no phone that we can read" in caplog.text


# --- At the same moment --------------------------------------------------------------------------


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


@pytest.mark.django_db(transaction=True)
def test_one_text_told_many_times_at_once_is_heeded_once() -> None:
    at_once(*[lambda: receive("HELP", gateway_message_id="in-1")] * 8)
    assert IncomingText.objects.count() == 1
    assert Message.objects.count() == 1
    at_once(*[lambda: receive("STOP", gateway_message_id="in-2")] * 8)
    assert recorded() == [(False, "text", "STOP")]


@pytest.mark.django_db(transaction=True)
def test_once_stop_is_answered_no_further_text_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is on the wire already may still arrive; none is put on it any more."""
    begun: list[bool] = []  # of each text: was STOP answered before it was put on the wire?
    stopped = False
    put_on_the_wire = claims.begin

    class Watching:
        name = "watching"
        is_immediate = True

        def submit(self, phone_number: str, text: str) -> Submission:
            time.sleep(0.01)  # that STOP comes between two of them, also on a busy machine
            return Submission(text)

    def watch(messages: Sequence[Message], gateway: Gateway) -> list[tuple[Message, Attempt]]:
        was_stopped = stopped
        put = put_on_the_wire(messages, gateway)
        begun.extend(was_stopped for _ in put)
        return put

    monkeypatch.setattr(drain, "get_gateway", Watching)
    monkeypatch.setattr(claims, "begin", watch)
    for number in range(60):
        factories.message(PHONE, f"text {number}")

    def stop() -> None:
        nonlocal stopped
        while len(begun) < 3:
            time.sleep(0.001)
        receive("STOP")
        stopped = True

    at_once(tasks.drain, stop)
    assert 3 <= len(begun) < 60
    assert not any(begun)
    states = Message.objects.values_list("status", flat=True).order_by("pk")
    assert list(states) == ["sent"] * len(begun) + ["suppressed"] * (60 - len(begun))
