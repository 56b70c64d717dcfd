"""The only way in: a text is queued here, in the transaction of what it tells about."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from sms.models import Message, MessageTemplate
from sms.segments import count_segments

SEND_TASK = "sms.tasks.send_message"


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
    count = count_segments(text)
    message = Message(
        phone_number=phone_number,
        text=text,
        event=event,
        about_id=about_id,
        recipient_id=recipient_id,
        encoding=count.encoding,
        segments=count.segments,
    )
    message.save(force_insert=True)
    async_task(SEND_TASK, str(message.pk))
    return message


def queue_from_template(
    event: str,
    phone_number: str,
    values: dict[str, str],
    *,
    language: str,
    about_id: UUID | None = None,
    recipient_id: UUID | None = None,
) -> Message | None:
    """Queue the text of an event in the person's language, else in English.

    None where the event's template is switched off or there is none: nobody is texted then.
    """
    languages = [language, MessageTemplate.Language.ENGLISH]
    templates = {
        template.language: template
        for template in MessageTemplate.objects.filter(event=event, language__in=languages)
    }
    template = templates.get(language) or templates.get(MessageTemplate.Language.ENGLISH)
    if template is None or not template.is_active:
        return None
    return queue_message(
        phone_number,
        template.render(values),
        event=event,
        about_id=about_id,
        recipient_id=recipient_id,
    )


def cancel_messages(about_id: UUID) -> int:
    """Cancel the queued texts about something that is gone; how many there were."""
    return Message.objects.filter(about_id=about_id, status=Message.Status.QUEUED).update(
        status=Message.Status.CANCELLED, final_at=timezone.now()
    )
