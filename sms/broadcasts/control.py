"""Confirm a broadcast, pause it, let it go on, stop it: each a move that one person wins."""

from django.db import transaction
from django.utils import timezone

from identity.models import User
from sms import doorbells
from sms.broadcasts.reviews import Review, review
from sms.errors import BroadcastHasMoved, NobodyToText, ReviewHasChanged
from sms.models import Broadcast, BroadcastRecipient, BroadcastStatus, Message, MessageQuerySet
from sms.sending.promotions import take_back

_AT_A_TIME = 1000  # rows of one UPDATE


@transaction.atomic
def confirm(broadcast: Broadcast, seen: str, by: User) -> Broadcast:
    """Send a broadcast as it was seen, which ``Review.seen`` tells; once, however often it is sent.

    :raises BroadcastHasMoved: it was confirmed before.
    :raises NobodyToText: of those who were chosen nobody may be texted.
    :raises ReviewHasChanged: it would do something else than what was seen.
    """
    row = Broadcast.objects.select_for_update().filter(pk=broadcast.pk)
    known = row.first()
    if known is None or known.status != BroadcastStatus.READY:
        raise BroadcastHasMoved(known or broadcast)
    shown = review(known)
    if not shown.reached:
        raise NobodyToText
    if not shown.is_as_seen(seen):
        raise ReviewHasChanged
    known.clean()
    now = timezone.now()
    row.move(
        BroadcastStatus.READY,
        BroadcastStatus.SENDING,
        confirmed_by=by,
        started_at=now,
        next_feed_at=shown.starts_at or now,
        texts=len(shown.reached),
        messages=shown.messages,
        price=shown.price,
        currency=shown.price_each.currency,
    )
    _leave_out(shown)
    doorbells.call_feeder(known.pk, shown.starts_at)
    return row.get()


def _leave_out(shown: Review) -> None:
    """Write down who is not texted, and why."""
    for reason in shown.reasons:
        pks = [person.pk for person in shown.excluded if person.exclusion == reason]
        for start in range(0, len(pks), _AT_A_TIME):
            rows = BroadcastRecipient.objects.filter(pk__in=pks[start : start + _AT_A_TIME])
            rows.update(exclusion=reason)


@transaction.atomic
def pause(broadcast: Broadcast) -> int:
    """Send nothing more of it until somebody resumes it; how many texts were taken back.

    :raises BroadcastHasMoved: it is not being sent.
    """
    row = Broadcast.objects.filter(pk=broadcast.pk)
    if not row.move(BroadcastStatus.SENDING, BroadcastStatus.PAUSED):
        raise BroadcastHasMoved(broadcast)
    return take_back(_texts_of(broadcast), BroadcastStatus.PAUSED, timezone.now())


@transaction.atomic
def resume(broadcast: Broadcast) -> None:
    """Go on with one that was paused.

    :raises BroadcastHasMoved: it is not paused.
    """
    row, now = Broadcast.objects.filter(pk=broadcast.pk), timezone.now()
    if not row.move(BroadcastStatus.PAUSED, BroadcastStatus.SENDING, next_feed_at=now):
        raise BroadcastHasMoved(broadcast)
    doorbells.call_feeder(broadcast.pk)


@transaction.atomic
def stop(broadcast: Broadcast) -> int:
    """Send nothing more of it, ever; how many texts were cancelled in the queue.

    :raises BroadcastHasMoved: it was over, or never begun.
    """
    row, now = Broadcast.objects.filter(pk=broadcast.pk), timezone.now()
    under_way = row.filter(status__in=Broadcast.UNDER_WAY)
    if not under_way.update(status=BroadcastStatus.STOPPED, finished_at=now):
        raise BroadcastHasMoved(broadcast)
    return take_back(_texts_of(broadcast), BroadcastStatus.STOPPED, now)


def _texts_of(broadcast: Broadcast) -> MessageQuerySet:
    return Message.objects.filter(about_id=broadcast.pk)
