"""When is nothing sent, how fast is what is, and what starts it again?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from identity.identifiers import new_id
from sms import doorbells, line, rate, status, tasks
from sms.gateway import Balance, GatewayError, Hold, NotTaken, OnHold, Refused, SlowDown, Unclear
from sms.models import Line, Message, Withdrawal
from sms.sending import claims
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db

DOWN = NotTaken("The gateway could not be reached [ConnectionRefusedError].")
EMPTY = OnHold("The account is empty [InsufficientBalance].", Hold.BALANCE)


def send(count: int = 1) -> list[str]:
    """Queue texts and ring the bell once; the states of all texts, oldest first."""
    for _ in range(count):
        factories.message()
    tasks.drain()
    return list(Message.objects.order_by("queued_at").values_list("status", flat=True))


def the_line() -> Line:
    return Line.objects.get()


def let_probe() -> None:
    """Let the time of the next probe come, and have it asked."""
    Line.objects.update(next_probe_at=timezone.now())
    tasks.probe_line()


def shillings(amount: str) -> Balance:
    return Balance(Decimal(amount), "KES")


def probes() -> list[datetime]:
    return [bell.lock for bell in OrmQ.objects.all() if bell.func() == doorbells.PROBE_TASK]


# --- Broken -------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [DOWN, Unclear("No answer.")])
def test_the_second_failure_in_a_row_breaks_the_line_and_nothing_more_is_written(
    gateway: Scripted, failure: GatewayError
) -> None:
    gateway.answers = [failure, failure]
    send(5)
    assert len(gateway.taken) == 2
    assert the_line().broken_at is not None
    assert the_line().reason == str(failure)
    assert Message.objects.filter(status="queued", attempts=None).count() == 3
    tasks.drain()
    assert len(gateway.taken) == 2
    [probe] = probes()
    assert timedelta(seconds=1) < probe - timezone.now() <= timedelta(seconds=2)


def test_failures_that_are_not_in_a_row_break_nothing(gateway: Scripted) -> None:
    for _ in range(3):
        gateway.answers.append(Unclear("No answer."))
        send(2)
    assert the_line().broken_at is None
    assert len(gateway.taken) == 6


def test_a_clear_no_is_no_failure_of_the_line(gateway: Scripted) -> None:
    gateway.answers = [Unclear("No answer."), Refused("No such phone."), Unclear("No answer.")]
    send(4)
    assert the_line().broken_at is None
    assert len(gateway.taken) == 4


def test_a_gateway_that_tells_the_balance_is_tried_with_one_text_and_then_used_fully(
    gateway: Scripted,
) -> None:
    gateway.answers = [Unclear("No answer."), Unclear("No answer.")]
    gateway.balances = [shillings("12.50")]
    send(6)
    let_probe()
    known = the_line()
    assert (known.is_trying, known.balance, known.currency) == (True, Decimal("12.5"), "KES")
    in_the_air: list[int] = []
    gateway.during = lambda: in_the_air.append(
        line.grant(the_line(), 5) if the_line().is_trying else -1
    )
    tasks.drain()
    assert in_the_air == [0, -1, -1, -1]  # no other text beside the one that tries
    known = the_line()
    assert (known.is_trying, known.broken_at, known.failures) == (False, None, 0)
    assert Message.objects.filter(status="sent").count() == 4


def test_a_text_that_tries_in_vain_breaks_the_line_anew_and_the_wait_grows(
    gateway: Scripted,
) -> None:
    gateway.answers = [Unclear("No answer.") for _ in range(4)]
    send(5)
    waits = []
    for _ in range(2):
        OrmQ.objects.all().delete()
        let_probe()
        tasks.drain()
        waits.append(round((probes()[-1] - timezone.now()).total_seconds()))
    assert waits == [4, 8]
    assert len(gateway.taken) == 4
    assert Message.objects.filter(status="unconfirmed").count() == 4


def test_a_gateway_that_does_not_tell_the_balance_is_asked_again_later(gateway: Scripted) -> None:
    gateway.answers = [DOWN, DOWN]
    gateway.balances = [DOWN, DOWN, DOWN]
    send(3)
    waits = []
    for _ in range(3):
        OrmQ.objects.all().delete()
        let_probe()
        waits.append(round((probes()[-1] - timezone.now()).total_seconds()))
    assert waits == [4, 8, 16]
    assert line.is_shut(the_line())
    assert len(gateway.taken) == 2


def test_a_probe_before_its_time_asks_nothing(gateway: Scripted) -> None:
    gateway.answers = [DOWN, DOWN]
    send(2)
    tasks.probe_line()
    assert gateway.asked == 0
    assert line.is_shut(the_line())


def test_a_worker_that_died_with_the_text_that_tries_holds_the_others_up_for_its_lease(
    gateway: Scripted, settings: Settings
) -> None:
    gateway.answers = [DOWN, DOWN]
    send(3)
    let_probe()
    assert line.grant(the_line(), 16) == 1  # and here the worker is killed
    assert line.grant(the_line(), 16) == 0
    lease = timedelta(seconds=settings.SMS_LEASE + 1)
    Line.objects.update(tried_at=timezone.now() - lease)
    assert line.grant(the_line(), 16) == 1


def test_a_text_that_is_not_to_be_sent_tries_no_line(gateway: Scripted) -> None:
    gateway.answers = [DOWN, DOWN]
    gone = factories.message(about_id=new_id())
    send(2)
    let_probe()
    begin = claims.begin

    def too_late(*arguments: Any) -> Any:
        assert gone.about_id is not None
        Withdrawal.objects.get_or_create(about_id=gone.about_id)
        return begin(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "begin", too_late)
        Message.objects.update(next_attempt_at=None)
        tasks.drain()
    gone.refresh_from_db()
    assert gone.status == "cancelled"
    assert Message.objects.filter(status="sent").count() == 2  # the next one tried it at once


def test_a_fault_of_ours_is_no_proof_that_the_line_is_well(gateway: Scripted) -> None:
    gateway.answers = [DOWN, DOWN, ValueError("Ours.")]
    send(3)
    let_probe()
    Message.objects.update(next_attempt_at=None)
    tasks.drain()
    known = the_line()
    assert (known.is_trying, known.broken_at is not None) == (False, True)
    assert len(gateway.taken) == 3


def test_a_line_may_be_probed_for_months(gateway: Scripted) -> None:
    gateway.answers = [DOWN, DOWN]
    gateway.balances = [DOWN]
    send(2)
    Line.objects.update(probes=32767, failures=32767)
    let_probe()
    line.note_failure(the_line(), "The gateway could not be reached.")
    assert (the_line().probes, the_line().failures) == (32768, 32768)


# --- Held ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", list(Hold))
def test_what_somebody_must_mend_holds_the_queue(gateway: Scripted, hold: Hold) -> None:
    gateway.answers = [OnHold("Mend it.", hold)]
    assert send(3) == ["held", "queued", "queued"]
    known = the_line()
    assert (known.hold, known.reason) == (hold, "Mend it.")
    assert known.held_at is not None
    assert send(1) == ["held", "queued", "queued", "queued"]
    assert len(gateway.taken) == 1
    assert len(probes()) == (0 if hold is Hold.SENDER else 1)


def test_an_account_that_was_topped_up_goes_on_by_itself(gateway: Scripted) -> None:
    gateway.answers = [EMPTY]
    gateway.balances = [shillings("0.30"), shillings("0.30"), shillings("500.30")]
    send(3)
    tasks.probe_line()  # at once, to know what is left
    let_probe()
    assert the_line().hold == Hold.BALANCE
    let_probe()
    assert the_line().hold == ""
    tasks.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert len(gateway.taken) == 4
    assert gateway.asked == 3


def test_an_empty_account_is_asked_every_five_minutes(gateway: Scripted) -> None:
    gateway.answers = [EMPTY]
    gateway.balances = [shillings("0"), shillings("-3.1"), shillings("0")]
    send(1)
    for _ in range(3):
        OrmQ.objects.all().delete()
        let_probe()
        assert round((probes()[-1] - timezone.now()).total_seconds()) == 300
    assert the_line().hold == Hold.BALANCE


def test_money_for_many_texts_is_enough_even_if_it_was_there_when_first_asked(
    gateway: Scripted,
) -> None:
    """Somebody topped the account up between the refusal and the first question."""
    sent = factories.message()
    Message.objects.filter(pk=sent.pk).update(status="sent", sent_at=timezone.now(), cost="0.8")
    gateway.answers = [EMPTY]
    gateway.balances = [shillings("8.00")]
    send(1)
    tasks.probe_line()
    assert the_line().hold == ""


def test_a_text_dearer_than_the_balance_is_not_tried_again_and_again(gateway: Scripted) -> None:
    sent = factories.message()
    Message.objects.filter(pk=sent.pk).update(status="sent", sent_at=timezone.now(), cost="0.8")
    gateway.answers = [EMPTY]
    gateway.balances = [shillings("9.00")]
    factories.message("+254722000000", "a" * 153 * 15)  # 15 messages, KES 12
    tasks.drain()
    tasks.probe_line()
    assert (the_line().hold, len(gateway.taken)) == (Hold.BALANCE, 1)


def test_a_balance_with_which_a_text_was_refused_is_not_called_plenty_again(
    gateway: Scripted,
) -> None:
    sent = factories.message()
    Message.objects.filter(pk=sent.pk).update(status="sent", sent_at=timezone.now(), cost="0.8")
    gateway.answers = [EMPTY, EMPTY]
    gateway.balances = [shillings(amount) for amount in ("8", "8", "8", "7.20", "8.01")]
    send(3)
    tasks.probe_line()
    tasks.drain()  # one is tried, in vain
    assert (the_line().hold, len(gateway.taken)) == (Hold.BALANCE, 2)
    due = the_line().next_probe_at
    assert due is not None
    assert round((due - timezone.now()).total_seconds()) == 300  # and not at once
    for _ in range(3):
        let_probe()
        tasks.drain()
        assert (the_line().hold, len(gateway.taken)) == (Hold.BALANCE, 2)
    let_probe()  # somebody topped it up
    tasks.drain()
    assert len(gateway.taken) == 5
    known = the_line()
    assert (known.hold, known.probes, known.tried_balance) == ("", 0, None)


def test_an_account_that_may_not_send_is_tried_less_and_less_often(gateway: Scripted) -> None:
    """It tells its balance all the same: HTTP 403 where texts are sent, and 200 where it is."""
    gateway.answers = [OnHold("Not allowed.", Hold.CREDENTIALS, http_status=403) for _ in range(6)]
    send(3)
    waits = []
    for _ in range(5):
        let_probe()
        tasks.drain()
        due = the_line().next_probe_at
        assert due is not None
        waits.append(round((due - timezone.now()).total_seconds() / 60))
    assert waits == [10, 20, 40, 60, 60]
    assert len(gateway.taken) == 6
    line.resume(None)  # somebody says that it is mended
    tasks.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


def test_an_account_that_does_not_change_is_tried_once_an_hour(gateway: Scripted) -> None:
    gateway.answers = [EMPTY]
    gateway.balances = [shillings("0.30") for _ in range(12)]
    send(1)
    for _ in range(11):
        let_probe()
        assert the_line().hold == Hold.BALANCE
    let_probe()
    assert the_line().hold == ""


def test_a_key_that_is_accepted_again_ends_its_hold(gateway: Scripted) -> None:
    wrong = OnHold("Wrong key.", Hold.CREDENTIALS, http_status=401)
    gateway.answers = [wrong]
    gateway.balances = [wrong, shillings("3")]
    send(1)
    tasks.probe_line()
    assert the_line().hold == Hold.CREDENTIALS
    let_probe()
    assert the_line().hold == ""
    tasks.drain()
    assert Message.objects.get().status == "sent"


@pytest.mark.parametrize("hold", list(Line.Hold))
def test_staff_resume_whatever_holds_the_queue(gateway: Scripted, hold: str) -> None:
    gateway.answers = [EMPTY]
    send(2)
    Line.objects.update(hold=hold)
    assert line.resume(factories.user()) is True
    tasks.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert line.resume(factories.user()) is False


def test_staff_stop_all_texts_until_they_resume(gateway: Scripted) -> None:
    boss = factories.user(username="jane")
    assert line.stop(boss) is True
    assert line.stop(boss) is False
    assert (the_line().hold, the_line().reason) == ("staff", "Stopped by jane.")
    assert send(2) == ["queued", "queued"]
    tasks.probe_line()
    tasks.sweep()
    tasks.drain()
    assert gateway.taken == []
    line.resume(boss)
    tasks.drain()
    assert len(gateway.taken) == 2


def test_a_line_that_staff_stop_while_texts_fail_in_the_air_stays_stopped(
    gateway: Scripted,
) -> None:
    line.find_line()
    line.stop(None)
    line.note_failure(the_line(), "The gateway could not be reached.")
    line.note_failure(the_line(), "The gateway could not be reached.")
    known = the_line()
    assert (known.hold, known.reason) == ("staff", "Stopped by a command.")
    assert (known.broken_at, known.failures, known.next_probe_at) == (None, 0, None)
    assert probes() == []


def test_an_answer_from_before_the_hold_leaves_its_reason(gateway: Scripted) -> None:
    gateway.answers = [DOWN]
    send(1)
    before = the_line()
    line.note_hold(the_line(), Line.Hold.SENDER, "Unknown sender.")
    line.note_heard(before)
    assert (the_line().hold, the_line().reason) == ("sender", "Unknown sender.")


@pytest.mark.parametrize("answer", [DOWN, Balance(Decimal(500), "KES")])
@pytest.mark.parametrize("failure", [[EMPTY], [DOWN, DOWN]])
def test_a_line_that_staff_stop_while_it_is_probed_stays_stopped(
    gateway: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    failure: list[Exception],
    answer: Balance | Exception,
) -> None:
    gateway.answers = [*failure]
    send(3)
    taken = len(gateway.taken)
    gateway.balances = [answer]
    ask = gateway.balance

    def stop_and_ask() -> Balance | None:
        line.stop(None)
        return ask()

    monkeypatch.setattr(gateway, "balance", stop_and_ask)
    Line.objects.update(balance="0", balance_at=timezone.now())
    let_probe()
    assert gateway.asked == 1
    assert (the_line().hold, the_line().reason) == ("staff", "Stopped by a command.")
    tasks.drain()
    assert len(gateway.taken) == taken


def test_what_is_our_fault_is_told_to_staff_and_texts_go_on(gateway: Scripted) -> None:
    gateway.answers = [Refused("The request made no sense [HTTP 400].", needs_staff=True)]
    assert send(2) == ["failed", "sent"]
    assert the_line().trouble == "The request made no sense [HTTP 400]."
    assert the_line().trouble_at is not None


# --- Slowed -------------------------------------------------------------------------------------


def test_a_gateway_that_asks_to_be_left_alone_is(gateway: Scripted) -> None:
    gateway.answers = [SlowDown("Too fast.", http_status=429, retry_after=40)]
    send(3)
    assert len(gateway.taken) == 1
    tasks.drain()
    assert len(gateway.taken) == 1
    ends = the_line().quiet_until
    assert ends is not None
    assert timedelta(seconds=38) < ends - timezone.now() <= timedelta(seconds=40)
    assert any(abs(bell.lock - ends) < timedelta(seconds=1) for bell in OrmQ.objects.all())
    Line.objects.update(quiet_until=timezone.now())
    Message.objects.update(next_attempt_at=None)
    tasks.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


def test_staff_may_send_although_the_gateway_asked_to_be_left_alone(gateway: Scripted) -> None:
    gateway.answers = [SlowDown("Too fast.", http_status=429, retry_after=900)]
    send(2)
    known = the_line()
    assert known.quiet_until is not None
    end = timezone.localtime(known.quiet_until)
    assert status.state_of(known) == "quiet"
    assert status.reason_of(known) == (f"The gateway asked to be left alone until {end:%H:%M:%S}.")
    assert line.resume(factories.user()) is True
    tasks.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}
    assert line.resume(factories.user()) is False


def test_a_text_with_a_schedule_of_its_own_keeps_to_it_when_staff_resume(
    gateway: Scripted,
) -> None:
    line.note_slow_down(line.find_line(), 60.0)
    later = timezone.now() + timedelta(hours=2)
    message = factories.message()
    Message.objects.update(next_attempt_at=later)
    assert line.resume(factories.user()) is True
    message.refresh_from_db()
    assert message.next_attempt_at == later


def test_a_429_halves_the_rate_and_it_doubles_again(gateway: Scripted) -> None:
    for _ in range(100):
        factories.message()
    Message.objects.update(status="sent", sent_at=timezone.now())
    gateway.answers = [SlowDown("Too fast.", http_status=429)]
    send(1)
    known, now = the_line(), timezone.now()
    assert known.slowed_at is not None
    assert known.slowed_rate == pytest.approx(10)  # of 100 in 5 seconds
    rates = [rate.rate_of(known, known.slowed_at + timedelta(seconds=s)) for s in (0, 15, 30)]
    assert rates == [pytest.approx(10), pytest.approx(20), pytest.approx(40)]
    assert rate.rate_of(known, now + timedelta(minutes=5)) is None
    assert rate.rate_of(known, now + timedelta(days=3000)) is None


def test_a_line_that_is_tried_goes_on_slowly_after_a_429(
    gateway: Scripted, settings: Settings
) -> None:
    settings.SMS_BACKOFF = (60.0, 60.0)  # so that only the fourth is due
    gateway.answers = [DOWN, DOWN, SlowDown("Too fast.", http_status=429)]
    send(4)
    let_probe()
    tasks.drain()
    known = the_line()
    assert (known.is_trying, known.tried_at, known.broken_at) == (False, None, None)
    assert known.slowed_rate == rate.SLOWEST
    assert Message.objects.filter(status="sent").count() == 1


def test_those_in_the_air_together_slow_the_line_once(gateway: Scripted) -> None:
    known = line.find_line()
    for _ in range(16):
        line.note_slow_down(known, None)
        known.refresh_from_db()
    assert known.slowed_rate == rate.SLOWEST


@pytest.fixture
def taken(settings: Settings) -> Callable[[float, int], int]:
    """Take tokens so many seconds after the start, at 10 a second."""
    settings.SMS_RATE = 10
    start = timezone.now()

    def take(seconds: float, wanted: int) -> int:
        return rate.take(line.find_line(), wanted, start + timedelta(seconds=seconds))

    return take


def test_no_more_texts_are_granted_than_the_rate_says(taken: Callable[[float, int], int]) -> None:
    assert taken(0, 16) == 10  # a second's worth at first
    assert taken(0, 16) == 0
    assert taken(0.5, 3) == 3
    assert taken(0.5, 16) == 2
    assert taken(60, 16) == 10  # a long rest saves up no more than a second's worth


def test_of_two_workers_that_take_at_once_one_gets_none(settings: Settings) -> None:
    settings.SMS_RATE = 10
    first, second = line.find_line(), line.find_line()
    now = timezone.now()
    assert rate.take(first, 10, now) == 10
    assert rate.take(second, 10, now) == 0


def test_a_slow_rate_still_lets_texts_out(taken: Callable[[float, int], int]) -> None:
    Line.objects.update_or_create(gateway="simulator", defaults={"tokens": 0.4})
    Line.objects.update(tokens_at=timezone.now() - timedelta(days=1))
    assert taken(0, 16) == 10


def test_texts_keep_to_the_rate(gateway: Scripted, settings: Settings) -> None:
    settings.SMS_RATE = 20
    started = timezone.now()
    send(30)
    assert len(gateway.taken) == 30
    assert timezone.now() - started >= timedelta(seconds=0.4)  # 20 at once, 10 by the rate
