"""Which texts are this worker's to send? Taken oldest first, and of two workers one wins."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from sms import outbox
from sms.gateway import Gateway
from sms.models import Attempt, Message, MessageQuerySet, MessageStatus, OptOut, Withdrawal
from sms.sending import promotions

OPTED_OUT = "The customer opted out of texts."
TOO_OLD = "Not sent within 24 hours."


def due(now: datetime) -> MessageQuerySet:
    """The texts that may leave now: those that were asked for first, and then broadcasts'."""
    is_due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    queued = Message.objects.filter(is_due, status=MessageStatus.QUEUED)
    return queued.order_by("is_promotional", "queued_at", "id")


def claim(limit: int) -> tuple[list[Message], bool]:
    """Take so many texts at most for this worker alone; and were there fewer than that?

    Those not to be sent are settled here, and left out.

    Committed before it returns. ``claimed_at`` is the fencing token: a worker that slept past its
    lease finds another's there, and moves nothing.
    """
    with transaction.atomic():
        now = timezone.now()
        claimed = _take(due(now), limit, now)
        fit = _let_through(claimed, now)
    return fit, len(claimed) < limit


def _let_through(claimed: Sequence[Message], now: datetime) -> list[Message]:
    """Those of the claimed texts that may be sent; the others are settled, or wait."""
    opted_out, withdrawn = _opted_out(claimed), _withdrawn(claimed)
    fit = []
    for message in promotions.let_through(claimed, now):
        if message.about_id in withdrawn:
            withhold(message, MessageStatus.CANCELLED, outbox.WITHDRAWN)
        elif message.phone_number in opted_out:
            withhold(message, MessageStatus.SUPPRESSED, OPTED_OUT)
        elif now - message.queued_at > Message.MAX_AGE:
            withhold(message, MessageStatus.FAILED, TOO_OLD)
        else:
            fit.append(message)
    return fit


def _take(messages: MessageQuerySet, limit: int, now: datetime) -> list[Message]:
    if connections[messages.db].features.has_select_for_update_skip_locked:
        messages = messages.select_for_update(skip_locked=True)
    rows = list(messages[:limit])
    # Where rows cannot be locked, the transaction has the database for itself; in any case the
    # state is compared and swapped.
    mine = Message.objects.filter(pk__in=[row.pk for row in rows], status=MessageStatus.QUEUED)
    if rows and mine.update(status=MessageStatus.CLAIMED, claimed_at=now) != len(rows):
        kept = Message.objects.filter(pk__in=[row.pk for row in rows], claimed_at=now)
        ours = set(kept.values_list("pk", flat=True))
        rows = [row for row in rows if row.pk in ours]
    for row in rows:
        row.status, row.claimed_at = MessageStatus.CLAIMED, now
    return rows


def _opted_out(messages: Iterable[Message]) -> set[str]:
    phones = {message.phone_number for message in messages}
    if not phones:
        return set()
    found = OptOut.objects.filter(phone_number__in=phones)
    return set(found.values_list("phone_number", flat=True))


def _withdrawn(messages: Iterable[Message]) -> set[UUID]:
    things = {message.about_id for message in messages if message.about_id}
    if not things:
        return set()
    found = Withdrawal.objects.filter(about_id__in=things)
    return set(found.values_list("about_id", flat=True))


def held_by_us(message: Message) -> MessageQuerySet:
    """The row of a text, while it is this worker's."""
    return Message.objects.filter(pk=message.pk, claimed_at=message.claimed_at)


def withhold(message: Message, status: MessageStatus, reason: str) -> None:
    """Settle a claimed text that is not to be sent."""
    held_by_us(message).filter(status=MessageStatus.CLAIMED).end(status, reason)


def give_back(messages: Sequence[Message]) -> None:
    """Put claimed texts back into the queue: nothing of them was written to the wire."""
    for message in messages:
        held_by_us(message).move(MessageStatus.CLAIMED, MessageStatus.QUEUED, claimed_at=None)


@transaction.atomic
def begin(messages: Sequence[Message], gateway: Gateway) -> list[tuple[Message, Attempt]]:
    """Write down that the wire is about to be touched for these; committed before it is.

    Without those that are another worker's by now. The lease begins anew.
    """
    begun = []
    for claimed_at, group in groupby(messages, key=lambda message: message.claimed_at):
        now = timezone.now()
        for message in _still_ours(list(group), claimed_at, now, gateway.name):
            attempt = Attempt(
                message=message, gateway=gateway.name, claimed_at=claimed_at, started_at=now
            )
            begun.append((message, attempt))
    Attempt.objects.bulk_create([attempt for _, attempt in begun])
    return begun


def _still_ours(
    messages: Sequence[Message], claimed_at: datetime | None, now: datetime, gateway: str
) -> list[Message]:
    """Move these from CLAIMED to SENDING; those that were this worker's still.

    What must not be sent any more since it was claimed is left out here, in the same UPDATE: a STOP
    holds from the next text on, and so does the end of an order or of a broadcast.
    """
    pks = [message.pk for message in messages]
    opt_out = OptOut.objects.filter(phone_number=OuterRef("phone_number"))
    withdrawal = Withdrawal.objects.filter(about_id=OuterRef("about_id"))
    claimed = Message.objects.filter(
        ~(Exists(opt_out) | Exists(withdrawal) | Exists(promotions.halt(OuterRef("about_id")))),
        pk__in=pks,
        status=MessageStatus.CLAIMED,
        claimed_at=claimed_at,
    )
    sending = {"status": MessageStatus.SENDING, "claimed_at": now, "gateway": gateway}
    ours = set(pks)
    if claimed.update(**sending, next_attempt_at=None) != len(pks):
        ours = set(Message.objects.filter(pk__in=pks, **sending).values_list("pk", flat=True))
        # The others are settled here, but for those that are another worker's by now.
        left_out = [message for message in messages if message.pk not in ours]
        give_back(_let_through(left_out, now))  # what kept one back may be over already
    kept = [message for message in messages if message.pk in ours]
    for message in kept:
        message.status, message.claimed_at = MessageStatus.SENDING, now
    return kept


def reclaim(older_than: timedelta) -> int:
    """Put back what was claimed by workers that are gone; how many there were."""
    gone = timezone.now() - older_than
    return Message.objects.filter(status=MessageStatus.CLAIMED, claimed_at__lt=gone).update(
        status=MessageStatus.QUEUED, claimed_at=None
    )
