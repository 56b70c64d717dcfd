"""What staff decide: to send a text again, which may double it or not, or not to send it at all."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from identity.models import User
from sms import decisions, opt_outs, outbox, tasks
from sms.broadcasts import control
from sms.errors import (
    MessageCannotBeCancelled,
    MessageCannotBeRetried,
    PhoneOptedOut,
    PhoneTakesNoTexts,
)
from sms.models import Decision, Message
from tests import factories

pytestmark = pytest.mark.django_db

Status = Message.Status


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk")


def a_text(status: str, **facts: object) -> Message:
    """A text in this state, for which no bell is rung any more."""
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(status=status, **facts)
    OrmQ.objects.all().delete()
    message.refresh_from_db()
    return message


def recorded(message: Message) -> list[tuple[str, User | None, str]]:
    return [(each.kind, each.made_by, each.reason) for each in message.decisions.all()]


def everything() -> tuple[object, ...]:
    rows = (Message.objects.values(), Decision.objects.values(), OrmQ.objects.values())
    return tuple(list(each.order_by("pk")) for each in rows)


def test_a_failed_text_is_sent_again_and_its_day_begins_anew(clerk: User) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    message = a_text(
        "failed", failure_reason="No", final_at=long_ago, queued_at=long_ago, created_at=long_ago
    )
    again = decisions.retry_message(message, clerk)
    assert (again.status, again.failure_reason, again.final_at) == ("queued", "", None)
    assert not again.may_be_double
    assert recorded(message) == [("retry", clerk, "No")]
    assert OrmQ.objects.count() == 1
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"  # by the simulator
    assert message.created_at == long_ago


def test_a_text_in_doubt_is_sent_again_as_one_that_may_come_twice(clerk: User) -> None:
    message = a_text("unconfirmed", failure_reason="No answer")
    again = decisions.send_again(message, clerk)
    assert (again.status, again.failure_reason) == ("queued", "")
    assert again.may_be_double
    assert recorded(message) == [("send_again", clerk, "No answer")]
    assert OrmQ.objects.count() == 1


def test_a_text_that_may_have_come_twice_stays_marked_when_it_is_retried(clerk: User) -> None:
    message = a_text("failed", may_be_double=True)
    assert decisions.retry_message(message, clerk).may_be_double


@pytest.mark.parametrize(("status", "kind"), [("failed", "retry"), ("unconfirmed", "send_again")])
def test_what_is_done_again_is_what_its_state_calls_for(
    clerk: User, status: str, kind: str
) -> None:
    message = a_text(status)
    assert decisions.queue_again(message, clerk).may_be_double is (kind == "send_again")
    assert recorded(message) == [(kind, clerk, "")]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.FAILED}))
def test_only_a_failed_text_is_retried(clerk: User, status: str) -> None:
    message = a_text(status)
    before = everything()
    with pytest.raises(
        MessageCannotBeRetried, match=f"This text is {Status(status).label.lower()}\\."
    ):
        decisions.retry_message(message, clerk)
    assert everything() == before


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.UNCONFIRMED}))
def test_only_a_text_in_doubt_is_sent_again(clerk: User, status: str) -> None:
    message = a_text(status)
    before = everything()
    with pytest.raises(
        MessageCannotBeRetried, match=f"This text is {Status(status).label.lower()}\\."
    ):
        decisions.send_again(message, clerk)
    assert everything() == before


def test_a_text_that_came_into_doubt_meanwhile_is_not_retried(clerk: User) -> None:
    shown = a_text("failed")
    Message.objects.update(status="unconfirmed")
    before = everything()
    with pytest.raises(MessageCannotBeRetried, match=r"This text is unconfirmed\."):
        decisions.queue_again(shown, clerk)
    assert everything() == before


def test_of_two_who_send_a_text_again_one_is_refused(clerk: User) -> None:
    first, second = a_text("failed"), Message.objects.get()
    decisions.retry_message(first, clerk)
    before = everything()
    with pytest.raises(MessageCannotBeRetried, match=r"This text is queued\."):
        decisions.retry_message(second, clerk)
    assert everything() == before


def test_a_text_to_a_phone_that_takes_none_is_not_sent_again(clerk: User) -> None:
    message = outbox.queue_message("+254202222222", "Hello")
    before = everything()
    with pytest.raises(PhoneTakesNoTexts, match=r"^\+254202222222 is not a mobile number"):
        decisions.retry_message(message, clerk)
    assert everything() == before


@pytest.mark.parametrize("status", ["failed", "unconfirmed"])
def test_a_text_to_somebody_who_opted_out_is_not_sent_again(clerk: User, status: str) -> None:
    message = a_text(status, failure_reason="No answer")
    opt_outs.heed(message.phone_number, factories.NO_TEXTS)
    before = everything()
    with pytest.raises(PhoneOptedOut, match="has opted out of texts, so that nothing was queued"):
        decisions.queue_again(message, clerk)
    assert everything() == before


@pytest.mark.parametrize("status", ["failed", "unconfirmed"])
@pytest.mark.parametrize(
    ("halt", "why"),
    [
        (control.pause, "Its broadcast is paused, so that it was not queued."),
        (control.stop, "Its broadcast was stopped, so that it was not queued."),
        (None, "What this text tells of is gone, so that it was not queued."),
    ],
)
def test_a_text_that_no_worker_would_send_is_not_queued_again(
    clerk: User, status: str, halt: Any, why: str
) -> None:
    broadcast = factories.confirmed()
    tasks.feed_broadcast(str(broadcast.pk))
    Message.objects.update(status=status, failure_reason="No answer")
    if halt is None:
        outbox.cancel_messages(broadcast.pk)
    else:
        halt(broadcast)
    message, before = Message.objects.get(), everything()
    with pytest.raises(MessageCannotBeRetried, match=why):
        decisions.queue_again(message, clerk)
    assert everything() == before


@pytest.mark.parametrize("status", ["queued", "held"])
def test_a_text_that_waits_can_be_cancelled(clerk: User, status: str) -> None:
    message = a_text(status, failure_reason="No credit")
    cancelled = decisions.cancel_message(message, clerk)
    assert (cancelled.status, cancelled.failure_reason) == ("cancelled", "")
    assert cancelled.final_at is not None
    assert recorded(message) == [("cancel", clerk, "No credit")]
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "cancelled"


@pytest.mark.parametrize("status", sorted(set(Status) - Message.CANCELLABLE))
def test_no_other_text_can_be_cancelled(clerk: User, status: str) -> None:
    message = a_text(status)
    before = everything()
    with pytest.raises(
        MessageCannotBeCancelled, match=f"This text is {Status(status).label.lower()}\\."
    ):
        decisions.cancel_message(message, clerk)
    assert everything() == before
