"""The only way in: a text is queued here, in the transaction of what it tells about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from identity.models import User
from sms import doorbells
from sms.models import Message, MessageTemplate, Withdrawal
from sms.phone_numbers import takes_texts
from sms.reach import NO_MOBILE
from sms.segments import count_segments

WITHDRAWN = gettext_noop("What it told of is gone.")  # kept in English, and told in each language


@dataclass(frozen=True)
class Notification:
    """What somebody is to be told of an event: the words come from the event's template."""

    phone_number: str
    values: dict[str, str]
    language: str
    about_id: UUID | None = None
    recipient_id: UUID | None = None


@dataclass(frozen=True)
class Promotion:
    """A text of a broadcast to one of its people."""

    phone_number: str
    text: str
    about_id: UUID
    recipient_id: UUID | None


@transaction.atomic(savepoint=False)
def queue_message(
    phone_number: str,
    text: str,
    *,
    event: str = "",
    about_id: UUID | None = None,
    recipient_id: UUID | None = None,
    queued_by: User | None = None,
) -> Message:
    """Save a text and the task that sends it, or neither; with who wrote it, if somebody did.

    The queue is a table of the same database: both commit with the caller's transaction, and where
    that is rolled back nobody is texted.
    """
    message = _new_message(phone_number, text, event, about_id, recipient_id)
    message.queued_by = queued_by
    message.save(force_insert=True)
    _ring_for([message])
    return message


@transaction.atomic(savepoint=False)
def notify(event: str, notifications: Sequence[Notification]) -> list[Message | None]:
    """Queue the text of an event for each, in the person's language, else in English.

    None where the event's template is switched off or there is none: nobody is texted then. However
    many there are, they cost three queries: the templates, the texts, and one task.
    """
    wording = MessageTemplate.wording_of(event)
    messages: list[Message | None] = []
    for each in notifications:
        template = wording(each.language)
        if template is None:
            messages.append(None)
            continue
        text = template.render(each.values)
        messages.append(
            _new_message(each.phone_number, text, event, each.about_id, each.recipient_id)
        )
    queued = [message for message in messages if message is not None]
    Message.objects.bulk_create(queued)
    _ring_for(queued)
    return messages


@transaction.atomic(savepoint=False)
def queue_promotions(event: str, promotions: Sequence[Promotion]) -> list[Message]:
    """Queue a broadcast's texts, which keep to the quiet hours; two queries for all of them."""
    messages = [
        _new_message(each.phone_number, each.text, event, each.about_id, each.recipient_id)
        for each in promotions
    ]
    for message in messages:
        message.is_promotional = True
    Message.objects.bulk_create(messages)
    _ring_for(messages)
    return messages


@transaction.atomic(savepoint=False)
def cancel_messages(about_id: UUID) -> int:
    """Send nothing more about something that is gone; how many texts were cancelled at once.

    One that is on the wire goes its way, but is not tried again.
    """
    Withdrawal.objects.bulk_create([Withdrawal(about_id=about_id)], ignore_conflicts=True)
    waiting = Message.objects.filter(about_id=about_id).waiting()
    return waiting.end(Message.Status.CANCELLED, WITHDRAWN)


@transaction.atomic(savepoint=False)
def hand_over_messages(recipient_id: UUID, to: UUID) -> int:
    """Let texts to somebody be to another, who is the same person; how many.

    Called last in a transaction, and without those that another one holds, for the reason that
    ``MessageQuerySet.waiting`` gives.
    """
    found = Message.objects.filter(recipient_id=recipient_id).order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        found = found.select_for_update(skip_locked=True)
    pks = list(found.values_list("pk", flat=True))
    return Message.objects.filter(pk__in=pks).update(recipient_id=to)


def _ring_for(messages: Sequence[Message]) -> None:
    doorbells.ring([each.pk for each in messages if each.status == Message.Status.QUEUED])


def _new_message(
    phone_number: str, text: str, event: str, about_id: UUID | None, recipient_id: UUID | None
) -> Message:
    count = count_segments(text)
    # It costs nothing to know that a text would be turned away, and its row says why.
    is_in_vain = not takes_texts(phone_number)
    return Message(
        status=Message.Status.FAILED if is_in_vain else Message.Status.QUEUED,
        failure_reason=NO_MOBILE if is_in_vain else "",
        final_at=timezone.now() if is_in_vain else None,
        phone_number=phone_number,
        text=text,
        event=event,
        about_id=about_id,
        recipient_id=recipient_id,
        encoding=count.encoding,
        segments=count.segments,
    )
