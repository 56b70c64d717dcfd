"""A confirmed broadcast: fed to the queue, paused, stopped, and nobody texted twice."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from sms import decisions, doorbells, line, opt_outs, outbox, tasks
from sms.broadcasts import control, feeder
from sms.broadcasts.progress import find_progress
from sms.errors import BroadcastHasMoved
from sms.gateway import Unclear
from sms.models import (
    Attempt,
    Broadcast,
    BroadcastRecipient,
    Exclusion,
    Line,
    Message,
    MessageStatus,
    UnreachablePhone,
)
from sms.sending import claims
from sms.sending.promotions import PAUSED, STOPPED
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db


def feed(broadcast: Broadcast) -> None:
    """The feeder's next step, whose time has come."""
    Broadcast.objects.filter(pk=broadcast.pk).update(next_feed_at=timezone.now())
    tasks.feed_broadcast(str(broadcast.pk))
    broadcast.refresh_from_db()


def to(count: int, **words: str) -> Broadcast:
    return factories.confirmed(*(factories.person() for _ in range(count)), **words)


def texts(broadcast: Broadcast) -> list[str]:
    """The states of its texts."""
    found = Message.objects.filter(about_id=broadcast.pk).order_by("created_at", "pk")
    return list(found.values_list("status", flat=True))


def bells() -> list[str]:
    return [task.func() for task in OrmQ.objects.order_by("pk")]


def quiet_now(settings: Any) -> Any:
    """Let it be the middle of the quiet hours; when they end."""
    now = timezone.localtime()
    hour = timedelta(hours=1)
    settings.SMS_QUIET_HOURS = ((now - hour).time(), (now + hour).time())
    return now + hour


# --- Step by step -------------------------------------------------------------------------------


def test_a_small_broadcast_is_sent_and_done(gateway: Scripted) -> None:
    broadcast = factories.confirmed(factories.person("Wanjiku", phone_number="+254722000000"))
    feed(broadcast)
    message = Message.objects.get()
    assert (message.event, message.about_id, message.is_promotional) == (
        "broadcast",
        broadcast.pk,
        True,
    )
    tasks.drain()
    assert gateway.taken == [
        ("+254722000000", "Hello Wanjiku!\nTo get no more texts, tell Karani.")
    ]
    assert broadcast.status == "sending"
    feed(broadcast)
    assert (broadcast.status, broadcast.next_feed_at) == ("done", None)
    assert broadcast.finished_at is not None
    assert find_progress(broadcast).states == {MessageStatus.SENT: 1}


def test_a_hundred_texts_at_most_are_in_the_queue(gateway: Scripted) -> None:
    broadcast = to(230)
    feed(broadcast)
    feed(broadcast)
    assert texts(broadcast) == ["queued"] * 100
    Message.objects.filter(pk__in=Message.objects.all()[:30]).update(status="sent")
    feed(broadcast)
    assert sorted(texts(broadcast)) == ["queued"] * 100 + ["sent"] * 30
    for _ in range(3):
        Message.objects.update(status="sent")
        feed(broadcast)
    assert (broadcast.status, texts(broadcast)) == ("done", ["sent"] * 230)
    phones = Message.objects.values_list("phone_number", flat=True)
    assert len(set(phones)) == 230


def test_a_step_costs_the_same_for_one_and_for_fifty(django_assert_num_queries: Any) -> None:
    one, many = to(1), to(50)
    line.find_line()
    for broadcast in (one, many):
        with django_assert_num_queries(16):  # two of them are of the test itself
            feed(broadcast)


def test_a_step_that_is_not_due_is_left_to_its_bell(gateway: Scripted) -> None:
    broadcast = to(1)
    tasks.feed_broadcast(str(broadcast.pk))
    OrmQ.objects.all().delete()
    tasks.feed_broadcast(str(broadcast.pk))  # delivered twice, or rung by the sweeper as well
    assert (texts(broadcast), bells()) == (["queued"], [])


def test_a_broadcast_that_is_gone_is_no_error() -> None:
    broadcast = factories.broadcast()
    Broadcast.objects.all().delete()
    tasks.feed_broadcast(str(broadcast.pk))
    assert not OrmQ.objects.exists()


def test_one_that_is_not_confirmed_is_not_fed() -> None:
    broadcast = factories.broadcast()
    feed(broadcast)
    assert (texts(broadcast), bells()) == ([], [])


def test_orders_texts_go_ahead_of_a_broadcasts(gateway: Scripted) -> None:
    broadcast = to(3)
    feed(broadcast)
    order = factories.message("+254733000000", "Your order")
    first, _ = claims.claim(1)
    assert first == [order]


def test_who_opted_out_since_is_left_out_and_told_so(gateway: Scripted) -> None:
    people = [factories.person() for _ in range(3)]
    broadcast = factories.confirmed(*people)
    opt_outs.heed(people[0].phone_number, factories.NO_TEXTS)
    UnreachablePhone.objects.create(phone_number=people[1].phone_number, reason="blocked")
    feed(broadcast)
    assert [message.phone_number for message in Message.objects.all()] == [people[2].phone_number]
    assert find_progress(broadcast).excluded == {
        Exclusion.OPTED_OUT: 1,
        Exclusion.UNREACHABLE: 1,
    }


def test_while_the_line_is_shut_nothing_is_queued(gateway: Scripted) -> None:
    line.find_line()
    Line.objects.update(hold="staff", held_at=timezone.now())
    broadcast = to(1)
    feed(broadcast)
    assert texts(broadcast) == []
    assert broadcast.next_feed_at is not None
    assert broadcast.next_feed_at > timezone.now() + timedelta(seconds=20)
    Line.objects.update(hold="", held_at=None)
    feed(broadcast)
    assert texts(broadcast) == ["queued"]


# --- Killed -------------------------------------------------------------------------------------


def test_a_feeder_that_dies_has_done_all_of_a_step_or_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broadcast = to(3)
    before = OrmQ.objects.count()

    class Killed(BaseException):
        pass

    def die(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(doorbells, "call_feeder", die)  # the last thing that a step does
        with pytest.raises(Killed), transaction.atomic():
            feeder.feed(broadcast.pk)
    assert (texts(broadcast), OrmQ.objects.count()) == ([], before)
    feed(broadcast)
    assert texts(broadcast) == ["queued"] * 3
    assert broadcast.recipients.filter(message=None).count() == 0


def test_the_sweeper_rings_for_a_broadcast_whose_task_is_gone(gateway: Scripted) -> None:
    to(1)
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert bells() == []  # somebody may be at it
    long_ago = timezone.now() - timedelta(seconds=31)
    Broadcast.objects.update(next_feed_at=long_ago)
    tasks.sweep()
    assert bells() == [doorbells.FEED_TASK]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_of_two_feeders_at_once_one_takes_the_step() -> None:
    broadcast = to(150)
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        tasks.feed_broadcast(str(broadcast.pk))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts(broadcast) == ["queued"] * 100


# --- Pause and stop -----------------------------------------------------------------------------


def test_a_pause_takes_back_what_is_queued_and_resuming_queues_it_anew(gateway: Scripted) -> None:
    broadcast = to(3)
    feed(broadcast)
    claims.claim(1)  # in a worker's hands, and not on the wire yet
    assert control.pause(broadcast) == 3
    assert texts(broadcast) == ["cancelled"] * 3
    assert {message.failure_reason for message in Message.objects.all()} == {PAUSED}
    assert find_progress(broadcast).waiting == 3
    feed(broadcast)
    tasks.drain()
    assert (broadcast.status, gateway.taken) == ("paused", [])
    control.resume(broadcast)
    assert doorbells.FEED_TASK in bells()
    feed(broadcast)
    tasks.drain()
    assert len(gateway.taken) == len({phone for phone, _ in gateway.taken}) == 3
    feed(broadcast)
    assert (broadcast.status, find_progress(broadcast).states) == ("done", {MessageStatus.SENT: 3})


def test_a_stop_cancels_what_is_queued_and_queues_nothing_more(gateway: Scripted) -> None:
    broadcast = to(150)
    feed(broadcast)
    tasks.drain()
    feed(broadcast)
    assert control.stop(broadcast) == 50
    feed(broadcast)
    tasks.drain()
    assert (broadcast.status, len(gateway.taken)) == ("stopped", 100)
    assert broadcast.finished_at is not None
    assert find_progress(broadcast).states == {
        MessageStatus.SENT: 100,
        MessageStatus.CANCELLED: 50,
    }
    assert set(
        Message.objects.filter(status="cancelled").values_list("failure_reason", flat=True)
    ) == {STOPPED}


def test_what_is_on_the_wire_stays_with_its_outcome(gateway: Scripted) -> None:
    broadcast = to(1)
    feed(broadcast)

    def pause() -> None:
        control.pause(broadcast)

    gateway.during = pause
    tasks.drain()
    assert texts(broadcast) == ["sent"]
    gateway.during = lambda: None
    control.resume(broadcast)
    feed(broadcast)
    assert (len(gateway.taken), broadcast.status) == (1, "done")


@pytest.mark.parametrize(
    ("state", "waiting", "reason"), [("paused", 1, PAUSED), ("stopped", 0, STOPPED)]
)
def test_a_text_that_comes_back_from_the_wire_meanwhile_is_not_sent(
    gateway: Scripted, state: str, waiting: int, reason: str
) -> None:
    broadcast = to(1)
    feed(broadcast)
    Broadcast.objects.update(status=state)  # as it is where the pause came while it was sending
    tasks.drain()
    assert gateway.taken == []
    assert texts(broadcast) == ["cancelled"]
    assert Message.objects.get().failure_reason == reason
    assert find_progress(broadcast).waiting == waiting
    assert not Attempt.objects.exists()


@pytest.mark.parametrize(("state", "reason"), [("paused", PAUSED), ("stopped", STOPPED)])
def test_a_text_that_is_claimed_while_the_broadcast_halts_does_not_go_out(
    gateway: Scripted, state: str, reason: str
) -> None:
    broadcast = to(2)
    feed(broadcast)
    order = factories.message("+254733000000", "Your order")
    claimed, _ = claims.claim(3)
    Broadcast.objects.update(status=state)  # as where the pause could not wait for these rows
    begun = claims.begin(claimed, gateway)
    assert [message.pk for message, _ in begun] == [order.pk]
    assert texts(broadcast) == ["cancelled"] * 2
    cancelled = Message.objects.filter(about_id=broadcast.pk)
    assert set(cancelled.values_list("failure_reason", flat=True)) == {reason}
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize("halt", [control.pause, control.stop])
def test_a_text_that_was_in_doubt_stays_so_when_its_broadcast_halts(
    gateway: Scripted, halt: Any
) -> None:
    broadcast = to(2)
    feed(broadcast)
    gateway.answers = [Unclear("No answer.")]
    tasks.drain()
    doubtful = Message.objects.get(status="unconfirmed")
    decisions.send_again(doubtful, factories.user())
    halt(broadcast)
    doubtful.refresh_from_db()
    assert doubtful.status == "unconfirmed"
    how = "paused" if halt is control.pause else "stopped"
    assert doubtful.failure_reason == f"It was not sent again. The broadcast was {how}."
    assert BroadcastRecipient.objects.filter(message=doubtful).exists()
    if halt is control.pause:
        control.resume(broadcast)
        feed(broadcast)
    tasks.drain()
    phones = [phone for phone, _ in gateway.taken]
    assert len(phones) == len(set(phones)) == 2  # nobody is texted twice unmarked


@pytest.mark.parametrize(
    ("state", "moves"),
    [
        ("ready", [control.pause, control.resume, control.stop]),
        ("sending", [control.resume]),
        ("paused", [control.pause]),
        ("stopped", [control.pause, control.resume, control.stop]),
        ("done", [control.pause, control.resume, control.stop]),
    ],
)
def test_a_move_that_its_state_does_not_allow_is_refused(state: str, moves: list[Any]) -> None:
    broadcast = to(1)
    feed(broadcast)
    Broadcast.objects.update(status=state)
    for move in moves:
        before = list(Broadcast.objects.values()), texts(broadcast), bells()
        with pytest.raises(BroadcastHasMoved):
            move(broadcast)
        assert (list(Broadcast.objects.values()), texts(broadcast), bells()) == before


# --- Quiet hours --------------------------------------------------------------------------------


def test_in_the_quiet_hours_the_feeder_waits_for_their_end(
    gateway: Scripted, settings: Any
) -> None:
    broadcast = to(1)
    OrmQ.objects.all().delete()
    end = quiet_now(settings)
    feed(broadcast)
    assert (texts(broadcast), broadcast.next_feed_at) == ([], end)
    task = OrmQ.objects.get()
    assert (task.func(), task.lock) == (doorbells.FEED_TASK, end)


def test_a_text_that_is_queued_when_they_begin_waits_and_an_orders_does_not(
    gateway: Scripted, settings: Any
) -> None:
    broadcast = to(1)
    feed(broadcast)
    order = factories.message("+254733000000", "Your order")
    end = quiet_now(settings)
    OrmQ.objects.all().delete()
    tasks.drain()
    assert gateway.taken == [("+254733000000", "Your order")]
    order.refresh_from_db()
    assert order.status == "sent"
    waiting = Message.objects.get(about_id=broadcast.pk)
    assert (waiting.status, waiting.next_attempt_at, waiting.claimed_at) == ("queued", end, None)
    assert OrmQ.objects.filter(lock=end).count() == 1
    settings.SMS_QUIET_HOURS = None
    Message.objects.update(next_attempt_at=timezone.now())
    tasks.drain()
    assert texts(broadcast) == ["sent"]


# --- How far it is ------------------------------------------------------------------------------


def test_each_person_is_counted_once(gateway: Scripted, django_assert_num_queries: Any) -> None:
    unwilling = factories.person()
    opt_outs.heed(unwilling.phone_number, factories.NO_TEXTS)
    broadcast = factories.confirmed(unwilling, *(factories.person() for _ in range(4)))
    with django_assert_num_queries(1):
        progress = find_progress(broadcast)
    assert (progress.waiting, progress.queued, progress.chosen) == (4, 0, 5)
    feed(broadcast)
    first, second, third = Message.objects.all()[:3]
    for message, currency in ((first, "KES"), (second, "UGX"), (third, "KES")):
        Message.objects.filter(pk=message.pk).update(cost=Decimal("0.8"), currency=currency)
    Message.objects.filter(pk=first.pk).update(status="delivered")
    progress = find_progress(broadcast)
    assert (progress.waiting, progress.queued, progress.chosen) == (0, 4, 5)
    assert progress.states == {MessageStatus.QUEUED: 3, MessageStatus.DELIVERED: 1}
    assert progress.spent == [("KES", Decimal("1.6")), ("UGX", Decimal("0.8"))]
    assert BroadcastRecipient.objects.filter(message=None).get().exclusion == "opted_out"


def test_an_ordinary_text_is_no_promotion() -> None:
    assert not outbox.queue_message("+254722000000", "Your order").is_promotional
