"""What a text's page tells of it: what its state means, and each step on its way."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from identity.identifiers import new_id
from sms import decisions, delivery_reports, line, opt_outs, outbox, reach, sweeping, tasks
from sms.gateway import Balance, Hold, NotTaken, OnHold, Refused, Submission, Unclear
from sms.models import ConsentSource, Line, Message
from sms.opt_outs import Word
from sms.timeline import meaning_of, next_try_of, steps_of
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db


def told(message: Message) -> list[str]:
    """The steps of a text as it is now, each in one line."""
    message.refresh_from_db()
    return [
        " ".join(filter(None, [step.title, step.detail and f"({step.detail})", step.by]))
        for step in steps_of(message)
    ]


def meaning(message: Message) -> str:
    message.refresh_from_db()
    return meaning_of(message)


def test_a_text_that_arrived_tells_its_way_and_its_price(gateway: Scripted) -> None:
    gateway.answers = [Submission("ATXid_1", Decimal("1.6000"), "KES", 2)]
    message = factories.message(event="order_placed")
    assert meaning(message) == "It waits for its turn."
    tasks.drain()
    assert meaning(message) == ("The gateway took it. Whether it arrived is not known yet.")
    delivery_reports.receive_report("ATXid_1", "Buffered")
    delivery_reports.receive_report("ATXid_1", "Success")
    delivery_reports.receive_report("ATXid_1", "Success")
    delivery_reports.receive_report("ATXid_1", "Failed", "Absent")
    delivery_reports.receive_report("ATXid_1", "Teleported")
    assert told(message) == [
        "Queued (Order placed)",
        "Claimed by the worker",
        "Handed to scripted",
        "Sent (2 messages, KES 1.60, receipt ATXid_1)",
        "On the way: Buffered",
        "Delivered",
        "Reported once more: Delivered",
        "The gateway also reported: Not delivered. What it reported first stands. (Absent)",
        "The gateway reported “Teleported”, which is not understood",
    ]
    assert meaning(message) == "It is on the phone."


def test_a_dear_text_tells_its_price_with_the_thousands_marked(gateway: Scripted) -> None:
    gateway.answers = [Submission("ATXid_1", Decimal(80405), "UGX", 2)]
    message = factories.message()
    tasks.drain()
    assert told(message)[-1] == "Sent (2 messages, UGX 80,405.00, receipt ATXid_1)"


def test_a_text_tells_what_it_is_of_or_who_wrote_it(gateway: Scripted) -> None:
    boss = factories.user("Manager", username="otieno")
    written = outbox.queue_message("+254722000009", "Your laptop is ready.", queued_by=boss)
    assert told(written) == ["Queued otieno"]
    boss.delete()
    written.refresh_from_db()
    assert told(written) == ["Queued"]
    broadcast = factories.confirmed()
    tasks.feed_broadcast(str(broadcast.pk))
    assert told(Message.objects.get(about_id=broadcast.pk)) == ["Queued (Broadcast)"]
    answer = factories.message(event="help")
    assert told(answer) == ["Queued (Answer to a text that asks for help)"]


def test_a_text_that_is_tried_again_tells_each_attempt(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("The gateway is out of service for now [HTTP 503].")]
    message = factories.message()
    tasks.drain()
    message.refresh_from_db()
    due = next_try_of(message)
    assert due is not None
    assert due > timezone.now()
    reason = "The gateway is out of service for now [HTTP 503]."
    assert meaning(message) == f"It waits for its turn: t{reason[1:]}"
    Message.objects.update(next_attempt_at=None)
    tasks.drain()
    assert told(message) == [
        "Queued",
        "Claimed by the worker",
        "Handed to scripted",
        f"Did not reach the gateway, to be tried again ({reason})",
        "Claimed by the worker",
        "Handed to scripted",
        "Sent (1 message, receipt id-2)",
    ]
    assert next_try_of(message) is None


def test_a_text_in_doubt_warns_of_the_double_and_tells_who_sent_it_again(
    gateway: Scripted,
) -> None:
    reason = "The gateway did not answer; the text may have gone out [ReadTimeout]."
    gateway.answers = [Unclear(reason), Refused("No.")]
    message = factories.message()
    tasks.drain()
    assert meaning(message) == (
        f"Nobody knows whether it went out: t{reason[1:]} A delivery report may still settle it. "
        "If none comes, ask the customer before you send it again: it may come twice."
    )
    clerk = factories.user("Clerk", username="wanjiku")
    message.refresh_from_db()
    decisions.send_again(message, clerk)
    Message.objects.update(next_attempt_at=None)
    tasks.drain()
    message.refresh_from_db()
    assert (message.status, message.final_at) == ("unconfirmed", None)  # as it was before
    assert meaning(message).startswith(
        "Nobody knows whether it went out: it was not sent again. No. A delivery report"
    )
    decisions.send_again(message, clerk)
    steps = told(message)
    assert steps[3:5] == [
        f"No clear answer ({reason})",
        f"Sent again although it may have gone out ({reason}) wanjiku",
    ]
    assert steps[-2:] == [
        "Refused by the gateway (No.)",
        "Sent again although it may have gone out (It was not sent again. No.) wanjiku",
    ]
    assert meaning(message).endswith(
        "It is to be sent again although it may have gone out, so it may come twice."
    )
    Message.objects.update(status="sent")
    assert meaning(message).endswith("It was sent again while in doubt, so it may come twice.")
    Message.objects.update(status="queued")
    message.refresh_from_db()
    decisions.cancel_message(message, clerk)
    assert meaning(message) == (
        "Nobody knows whether it went out: it was not sent again. A delivery report may still "
        "settle it. If none comes, ask the customer before you send it again: it may come twice."
    )


def test_a_held_text_tells_what_holds_all_of_them(gateway: Scripted) -> None:
    gateway.answers = [OnHold("The account needs to be topped up.", Hold.BALANCE)]
    held = factories.message()
    tasks.drain()
    waiting = factories.message()
    why = "the account with the gateway is empty. The account needs to be topped up."
    until = "It goes out by itself once the account is topped up."
    assert meaning(held) == f"It was not taken: {why} {until}"
    assert meaning(waiting) == f"It waits for its turn: {why} {until}"
    assert told(held)[-2:] == [
        "Not taken; the queue is held (The account needs to be topped up.)",
        "Texts are held (The account with the gateway is empty.)",
    ]
    clerk = factories.user("Clerk", username="wanjiku")
    held.refresh_from_db()
    decisions.cancel_message(held, clerk)
    assert told(held)[-1] == "Cancelled (The account needs to be topped up.) wanjiku"
    assert meaning(held) == "It was cancelled, and never sent."


@pytest.mark.parametrize(
    ("hold", "until"),
    [
        ("balance", "It goes out by itself once the account is topped up."),
        ("credentials", "It goes out by itself once they are accepted."),
        ("sender", "It waits until a Manager resumes the texts, on their list."),
        ("staff", "It waits until a Manager resumes the texts, on their list."),
    ],
)
def test_a_held_text_tells_what_lets_it_go_on(gateway: Scripted, hold: str, until: str) -> None:
    gateway.answers = [OnHold("No.", Hold.BALANCE)]
    held = factories.message()
    tasks.drain()
    Line.objects.update(hold=hold)
    assert meaning(held).endswith(f" {until}")
    Line.objects.update(hold="")
    assert meaning(held) == "It was not taken: no."


def test_a_text_to_who_opted_out_tells_who_said_so_when_and_how(gateway: Scripted) -> None:
    message = factories.message("+254722000000")
    word = Word(wants_texts=False, source=ConsentSource.TEXT, words="ACHA")
    opt_outs.heed("+254722000000", word)
    tasks.drain()
    when = timezone.localtime(opt_outs.history_of("+254722000000")[0].said_at)
    how = f"No texts wanted: by text (“ACHA”), {when.day} {when:%b %Y %H:%M}."
    assert meaning(message) == f"It was not sent: n{how[1:]}"
    assert told(message)[-1] == f"Not sent ({how})"
    opt_outs.heed("+254722000000", factories.TEXTS_AGAIN)  # of today, and not of this text
    assert meaning(message) == "It was not sent: the customer opted out of texts."


def test_a_text_that_nobody_could_try_tells_why() -> None:
    landline = outbox.queue_message("+254202222222", "Hello")
    old = factories.message()
    Message.objects.filter(pk=old.pk).update(queued_at=timezone.now() - timedelta(hours=25))
    order_gone = factories.message(about_id=new_id())
    assert order_gone.about_id is not None
    outbox.cancel_messages(order_gone.about_id)
    sweeping.give_up_on_old_texts()
    assert told(landline)[-1] == f"Failed ({reach.NO_MOBILE})"
    assert told(old)[-1] == "Failed (Not sent within 24 hours.)"
    assert told(order_gone)[-1] == "Cancelled (What it told of is gone.)"


def test_what_held_a_text_up_stays_on_its_page(gateway: Scripted) -> None:
    gateway.answers = [OnHold("The account needs to be topped up.", Hold.BALANCE)]
    gateway.balances = [Balance(Decimal(0), "KES"), Balance(Decimal(500), "KES")]
    before, boss = factories.message(), factories.user("Manager", username="otieno")
    tasks.drain()
    meanwhile = factories.message()
    tasks.drain()  # it is not tried
    held = "Texts are held (The account with the gateway is empty.)"
    assert told(meanwhile) == ["Queued", held]
    line.resume(boss)
    tasks.drain()
    after = factories.message()
    tasks.drain()
    sent = ["Claimed by the worker", "Handed to scripted"]
    resumed = "Texts are resumed otieno"
    assert told(before)[4:-1] == [held, resumed, *sent]
    assert told(meanwhile)[:-1] == ["Queued", held, resumed, "Texts go out again", *sent]
    assert told(after)[:-1] == ["Queued", *sent]


def test_a_gateway_that_was_out_of_reach_is_told_of_once(gateway: Scripted) -> None:
    gateway.answers = [NotTaken("Away.")] * 4
    message = factories.message()
    for _ in range(4):  # twice until the line breaks, and twice as it is tried
        Message.objects.update(next_attempt_at=None)
        line.let_one_through(line.find_line())
        tasks.drain()
    waiting = factories.message()
    assert told(waiting) == ["Queued", "The gateway cannot be reached (Away.)"]
    assert told(message).count("The gateway cannot be reached (Away.)") == 1


def test_a_text_that_got_too_old_tells_what_held_it_up(gateway: Scripted) -> None:
    message = factories.message()
    line.stop(factories.user("Manager", username="otieno"))
    Message.objects.update(queued_at=timezone.now() - timedelta(hours=25))
    sweeping.give_up_on_old_texts()
    assert told(message) == [
        "Queued",
        "Texts are held (Somebody of the staff stopped the texts.) otieno",
        "Failed (Not sent within 24 hours.)",
    ]


def test_a_stopped_line_tells_who_stopped_it() -> None:
    message = factories.message()
    line.stop(factories.user("Manager", username="otieno"))
    assert meaning(message) == (
        "It waits for its turn: somebody of the staff stopped the texts. Stopped by otieno. "
        "It waits until a Manager resumes the texts, on their list."
    )


def test_the_steps_cost_four_queries_however_many_there_are(
    gateway: Scripted, django_assert_num_queries: Any
) -> None:
    gateway.answers = [NotTaken("Away.")] * 4
    message = factories.message()
    for _ in range(5):
        Message.objects.update(next_attempt_at=None)
        line.resume(None)
        tasks.drain()
    message.refresh_from_db()
    with django_assert_num_queries(4):
        assert len(steps_of(message)) > 5 * 3
