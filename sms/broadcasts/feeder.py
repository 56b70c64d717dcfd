"""A confirmed broadcast's texts go into the queue some at a time, so that orders' texts never stand
behind thousands of others, and a pause or a stop has little to take back.

A step is one transaction: its texts, which of the people have one now, when the next step is due,
and the bell that calls for it. Killed at any point, it has done all of this or nothing. Of two
feeders of one broadcast the later finds that its step is not due, and ends.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sms import doorbells, line, outbox
from sms.broadcasts.reviews import split
from sms.broadcasts.wording import render
from sms.models import Broadcast, BroadcastRecipient, BroadcastStatus, Message, MessageStatus
from sms.outbox import Promotion
from sms.quiet_hours import quiet_until

LOT = 100  # texts of one broadcast in the queue
_STEP = timedelta(seconds=1)
_WHILE_SHUT = timedelta(seconds=30)  # until it looks again whether the line is open
_LOST = timedelta(seconds=30)  # after which a step that was due has nobody who takes it
_UNDER_WAY = (
    MessageStatus.QUEUED,
    MessageStatus.CLAIMED,
    MessageStatus.SENDING,
    MessageStatus.HELD,
)


@transaction.atomic
def feed(broadcast_id: UUID) -> None:
    """Take the next step of a broadcast, if it is due; safe to call again, and by several."""
    now = timezone.now()
    row = Broadcast.objects.filter(pk=broadcast_id, status=BroadcastStatus.SENDING)
    # Locked: a pause or a stop waits until these texts are in the queue, and then finds them.
    broadcast = row.select_for_update().filter(next_feed_at__lte=now).first()
    if broadcast is None:
        return
    due = _take_step(broadcast, now)
    if due is None:
        row.move(BroadcastStatus.SENDING, BroadcastStatus.DONE, finished_at=now, next_feed_at=None)
    else:
        row.update(next_feed_at=due)
        doorbells.call_feeder(broadcast_id, due)


def _take_step(broadcast: Broadcast, now: datetime) -> datetime | None:
    """Queue some texts; when to come back, or None where all is over."""
    if end := quiet_until(now):
        return end
    if line.is_shut(line.find_line()):  # what is queued now would grow too old there
        return now + _WHILE_SHUT
    under_way = Message.objects.filter(about_id=broadcast.pk, status__in=_UNDER_WAY).count()
    waiting = BroadcastRecipient.objects.filter(broadcast=broadcast, exclusion="", message=None)
    people = waiting.order_by("pk")[: max(LOT - under_way, 0)]
    pks = list(people.values_list("pk", flat=True))
    if not pks and not under_way:
        return None
    if pks:
        _queue_texts(broadcast, pks)
    return now + _STEP


def _queue_texts(broadcast: Broadcast, pks: list[int]) -> None:
    """Give these people their texts, but for who opted out since; in six queries."""
    reached, excluded = split(BroadcastRecipient.objects.filter(pk__in=pks).order_by("pk"))
    promotions = [
        Promotion(
            phone_number=person.phone_number,
            text=render(broadcast, person.language, person.values),
            about_id=broadcast.pk,
            recipient_id=person.recipient_id,
        )
        for person in reached
    ]
    for person, message in zip(
        reached, outbox.queue_promotions(Broadcast.EVENT, promotions), strict=True
    ):
        person.message = message
    BroadcastRecipient.objects.bulk_update([*reached, *excluded], ["message", "exclusion"])


def ring_lost_feeders() -> None:
    """Call for the broadcasts whose step is due and that nobody takes: their task is gone."""
    sending = Broadcast.objects.filter(status=BroadcastStatus.SENDING)
    for pk in sending.filter(next_feed_at__lt=timezone.now() - _LOST).values_list("pk", flat=True):
        doorbells.call_feeder(pk)
