"""What staff decide about a text: to send it again, or not at all. Recorded, with who did."""

from collections import Counter
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from identity.models import User
from sms import doorbells
from sms.errors import (
    MessageCannotBeCancelled,
    MessageCannotBeRetried,
    PhoneOptedOut,
    PhoneTakesNoTexts,
)
from sms.models import (
    Broadcast,
    BroadcastStatus,
    Decision,
    Message,
    MessageQuerySet,
    MessageStatus,
    OptOut,
    Withdrawal,
)
from sms.phone_numbers import takes_texts

MOST_AT_ONCE = 500  # texts, each in a transaction of its own: a few seconds


def retry_message(message: Message, by: User) -> Message:
    """Queue a text again that failed: it did not go out, so it comes once.

    Its day to be of use begins anew.

    :raises MessageCannotBeRetried: it is in another state, somebody was quicker, or no worker would
        send it, as its order is gone or its broadcast paused or stopped.
    :raises PhoneTakesNoTexts: it would fail again.
    :raises PhoneOptedOut: it would not be sent.
    """
    return _queue_again(message, MessageStatus.FAILED, Decision.Kind.RETRY, by)


def retry_failed(messages: MessageQuerySet, by: User) -> tuple[int, Counter[str], int]:
    """Retry those of the texts that failed, the oldest first, and some hundreds at most.

    How many were queued, why others were not, and how many are left.
    """
    queued, refused = 0, Counter[str]()
    failed = messages.filter(status=MessageStatus.FAILED).order_by("queued_at", "pk")
    left = max(0, failed.count() - MOST_AT_ONCE)
    for message in failed[:MOST_AT_ONCE]:
        try:
            retry_message(message, by)
        except MessageCannotBeRetried as refusal:
            refused[str(refusal)] += 1
        except (PhoneOptedOut, PhoneTakesNoTexts) as refusal:
            refused[str(refusal.kind)] += 1
        else:
            queued += 1
    return queued, refused, left


def send_again(message: Message, by: User) -> Message:
    """Queue a text again of which nobody knows whether it went out, marked as a possible double.

    The person may get it twice: whoever asks for this has been told so.

    :raises MessageCannotBeRetried: it is in another state, somebody was quicker, or no worker would
        send it, as its order is gone or its broadcast paused or stopped.
    :raises PhoneTakesNoTexts: it would fail again.
    :raises PhoneOptedOut: it would not be sent.
    """
    return _queue_again(
        message, MessageStatus.UNCONFIRMED, Decision.Kind.SEND_AGAIN, by, may_be_double=True
    )


def queue_again(message: Message, by: User) -> Message:
    """``send_again`` for a text that is in doubt, else ``retry_message``; as these say."""
    is_in_doubt = message.status == MessageStatus.UNCONFIRMED
    return send_again(message, by) if is_in_doubt else retry_message(message, by)


@transaction.atomic
def cancel_message(message: Message, by: User) -> Message:
    """Settle a text that waits, so that it is never sent, or not again where it was in doubt.

    :raises MessageCannotBeCancelled: a worker has it already, or it is settled.
    """
    reason = message.failure_reason
    row = Message.objects.filter(pk=message.pk, status__in=Message.CANCELLABLE)
    if not row.end(MessageStatus.CANCELLED):
        message.refresh_from_db(fields=["status"])
        raise MessageCannotBeCancelled(message)
    _record(message, Decision.Kind.CANCEL, by, reason)
    message.refresh_from_db()
    return message


@transaction.atomic
def _queue_again(
    message: Message, known: MessageStatus, kind: Decision.Kind, by: User, **changes: Any
) -> Message:
    if not takes_texts(message.phone_number):
        raise PhoneTakesNoTexts(message.phone_number)
    if OptOut.objects.filter(phone_number=message.phone_number).exists():
        raise PhoneOptedOut(message.phone_number)
    if why := _why_withheld(message):
        raise MessageCannotBeRetried(message, why)
    stood = Message.objects.filter(pk=message.pk).values_list("failure_reason", flat=True).first()
    row = Message.objects.filter(pk=message.pk)
    anew: dict[str, Any] = {
        "queued_at": timezone.now(),
        "claimed_at": None,  # what comes late of the try before moves this one no more
        "gateway_message_id": "",  # the attempt keeps it
        "next_attempt_at": None,
        "failure_reason": "",
        "final_at": None,
    }
    if not row.move(known, MessageStatus.QUEUED, **anew, **changes):
        message.refresh_from_db(fields=["status"])
        raise MessageCannotBeRetried(message)
    _record(message, kind, by, stood or "")
    doorbells.ring([message.pk])
    message.refresh_from_db()
    return message


def _why_withheld(message: Message) -> str:
    """Why no worker would send it, if that is so."""
    if message.about_id is None:
        return ""
    if Withdrawal.objects.filter(about_id=message.about_id).exists():
        return _("What this text tells of is gone, so that it was not queued.")
    broadcast = Broadcast.objects.filter(pk=message.about_id, status__in=Broadcast.HALTED).first()
    if broadcast is None:
        return ""
    if broadcast.status == BroadcastStatus.PAUSED:
        return "Its broadcast is paused, so that it was not queued. Let the broadcast go on first."
    return "Its broadcast was stopped, so that it was not queued."


def _record(message: Message, kind: Decision.Kind, by: User, reason: str) -> None:
    Decision(message=message, kind=kind, made_by=by, reason=reason).save(force_insert=True)
