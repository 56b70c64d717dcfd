"""What keeps a broadcast's text back that a worker has claimed: the hour, or staff meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, QuerySet

from sms import doorbells
from sms.models import (
    Broadcast,
    BroadcastRecipient,
    BroadcastStatus,
    Message,
    MessageQuerySet,
    MessageStatus,
)
from sms.quiet_hours import quiet_until

STOPPED = "The broadcast was stopped."
PAUSED = "The broadcast was paused; when it goes on, the text is queued anew."
PAUSED_AGAIN = "The broadcast was paused."


def let_through(claimed: Sequence[Message], now: datetime) -> list[Message]:
    """Those of the claimed texts that may go on; the others wait, or are settled.

    Where no broadcast's text is among them, it asks the database nothing.
    """
    promotional = [message for message in claimed if message.is_promotional]
    if not promotional:
        return list(claimed)
    kept_back = _of_halted_broadcasts(promotional, now)
    if end := quiet_until(now):
        _put_off([each for each in promotional if each.pk not in kept_back], end)
        kept_back |= {message.pk for message in promotional}
    return [message for message in claimed if message.pk not in kept_back]


def take_back(messages: MessageQuerySet, status: BroadcastStatus, now: datetime) -> int:
    """Cancel texts that wait and whose broadcast stopped or paused; how many there were. In a
    transaction.

    Of a paused one they are queued anew when it goes on: nothing of them reached the wire. But one
    that was sent again while in doubt is in doubt once more, and stays that person's text.
    """
    waiting = messages.waiting()
    if status != BroadcastStatus.PAUSED:
        return waiting.end(MessageStatus.CANCELLED, STOPPED, now)
    anew = list(waiting.filter(may_be_double=False).values_list("pk", flat=True))
    count = waiting.filter(may_be_double=True).end(MessageStatus.CANCELLED, PAUSED_AGAIN, now)
    count += waiting.filter(pk__in=anew).end(MessageStatus.CANCELLED, PAUSED, now)
    BroadcastRecipient.objects.filter(message__in=anew).update(message=None)
    return count


def halt(broadcast_id: OuterRef) -> QuerySet[Broadcast]:
    """Asks whether a text is one of a broadcast that was paused or stopped."""
    return Broadcast.objects.filter(pk=broadcast_id, status__in=Broadcast.HALTED)


def _of_halted_broadcasts(messages: Sequence[Message], now: datetime) -> set[UUID]:
    """Settle the texts whose broadcast was paused or stopped while they were in the air."""
    halted = Broadcast.objects.filter(
        pk__in={message.about_id for message in messages}, status__in=Broadcast.HALTED
    )
    states: dict[UUID | None, str] = dict(halted.values_list("pk", "status"))
    kept_back: set[UUID] = set()
    for status in Broadcast.HALTED:
        theirs = {each.pk for each in messages if states.get(each.about_id) == status}
        if theirs:
            take_back(Message.objects.filter(pk__in=theirs), status, now)
            kept_back |= theirs
    return kept_back


def _put_off(messages: Sequence[Message], end: datetime) -> None:
    """Put claimed texts back until the quiet hours end."""
    mine = Message.objects.filter(pk__in=[each.pk for each in messages])
    if mine.filter(status=MessageStatus.CLAIMED).update(
        status=MessageStatus.QUEUED, claimed_at=None, next_attempt_at=end
    ):
        doorbells.ring_at(end)
