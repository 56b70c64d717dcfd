"""The only way in: a text is queued here, in the transaction of what it tells about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sms import doorbells
from sms.errors import MessageCannotBeRetried
from sms.models import Message, MessageTemplate
from sms.segments import count_segments


@dataclass(frozen=True)
class Notification:
    """What somebody is to be told of an event: the words come from the event's template."""

    phone_number: str
    values: dict[str, str]
    language: str
    about_id: UUID | None = None
    recipient_id: UUID | None = None


@transaction.atomic(savepoint=False)
def queue_message(
    phone_number: str,
    text: str,
    *,
    event: str = "",
    about_id: UUID | None = None,
    recipient_id: UUID | None = None,
) -> Message:
    """Save a text and the task that sends it, or neither.

    The queue is a table of the same database: both commit with the caller's transaction, and where
    that is rolled back nobody is texted.
    """
    message = _new_message(phone_number, text, event, about_id, recipient_id)
    message.save(force_insert=True)
    doorbells.ring([message.pk])
    return message


@transaction.atomic(savepoint=False)
def notify(event: str, notifications: Sequence[Notification]) -> list[Message | None]:
    """Queue the text of an event for each, in the person's language, else in English.

    None where the event's template is switched off or there is none: nobody is texted then. However
    many there are, they cost three queries: the templates, the texts, and one task.
    """
    wording = MessageTemplate.objects.filter(event=event)
    templates = {template.language: template for template in wording}
    english = templates.get(MessageTemplate.Language.ENGLISH)
    messages: list[Message | None] = []
    for each in notifications:
        template = templates.get(each.language) or english
        if template is None or not template.is_active:
            messages.append(None)
            continue
        text = template.render(each.values)
        messages.append(
            _new_message(each.phone_number, text, event, each.about_id, each.recipient_id)
        )
    queued = [message for message in messages if message is not None]
    Message.objects.bulk_create(queued)
    doorbells.ring([message.pk for message in queued])
    return messages


@transaction.atomic
def retry_message(message: Message) -> Message:
    """Queue a text again that failed, or that may have been taken and is wanted all the same.

    Its day to be of use begins anew. One that was unconfirmed is marked: the person may get it
    twice.

    :raises MessageCannotBeRetried: it is in another state, or somebody was quicker.
    """
    is_in_doubt = message.status == Message.Status.UNCONFIRMED
    changes = {
        "may_be_double": message.may_be_double or is_in_doubt,
        "queued_at": timezone.now(),
        "next_attempt_at": None,
        "failure_reason": "",
        "final_at": None,
    }
    known = Message.Status(message.status)
    row = Message.objects.filter(pk=message.pk)
    if known not in Message.RETRIABLE or not row.move(known, Message.Status.QUEUED, **changes):
        message.refresh_from_db(fields=["status"])
        raise MessageCannotBeRetried(message)
    doorbells.ring([message.pk])
    message.refresh_from_db()
    return message


def cancel_messages(about_id: UUID) -> int:
    """Cancel the queued texts about something that is gone; how many there were."""
    return Message.objects.filter(about_id=about_id, status=Message.Status.QUEUED).update(
        status=Message.Status.CANCELLED, final_at=timezone.now()
    )


def _new_message(
    phone_number: str, text: str, event: str, about_id: UUID | None, recipient_id: UUID | None
) -> Message:
    count = count_segments(text)
    return Message(
        phone_number=phone_number,
        text=text,
        event=event,
        about_id=about_id,
        recipient_id=recipient_id,
        encoding=count.encoding,
        segments=count.segments,
    )
