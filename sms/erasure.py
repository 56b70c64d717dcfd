"""Somebody asks to be forgotten: their phone and all words to and from it go.

What is left of a text is that there was one, when, what became of it and what it cost. Only that
somebody wants no texts is kept with the phone itself, as it could not be heeded otherwise.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from sms.errors import PhoneIsBeingTexted
from sms.models import (
    Attempt,
    Broadcast,
    BroadcastRecipient,
    ConsentChange,
    Decision,
    DeliveryReport,
    IncomingText,
    Message,
    MessageStatus,
    OptOutNotice,
    UnreachablePhone,
)
from sms.phone_numbers import stand_in

ERASED = "The personal data was erased."


@transaction.atomic
def forget_person(phone_numbers: Collection[str], recipient_ids: Collection[UUID]) -> None:
    """Forget these phones, and all that was sent to these recipients; the first gives the stand-in.

    Texts that wait are cancelled. Nothing is waited for that a worker holds, which would be lost
    to a deadlock.

    :raises PhoneIsBeingTexted: a worker has one of the texts in its hands. Nothing is forgotten.
    """
    first, *_others = recipient_ids
    instead = stand_in(first)
    _forget_people_of_broadcasts(phone_numbers, recipient_ids, instead)
    about = Q(phone_number__in=phone_numbers) | Q(recipient_id__in=recipient_ids)
    pks = _held(about)
    _forget_what_the_gateway_said(phone_numbers, pks)
    texts = Message.objects.filter(pk__in=pks)
    texts.filter(status__in=Message.WAITING).end(MessageStatus.CANCELLED, ERASED)
    said = texts.exclude(failure_reason="").exclude(failure_reason=ERASED)
    for phone_number in phone_numbers:
        said.filter(failure_reason__contains=phone_number).update(failure_reason="")
    texts.update(phone_number=instead, text="")
    for kind in (IncomingText, ConsentChange, OptOutNotice, UnreachablePhone):
        kind._default_manager.filter(phone_number__in=phone_numbers).delete()


def _held(about: Q) -> list[UUID]:
    """The texts, which nobody else writes until the transaction ends."""
    rows = Message.objects.filter(about)
    found = rows.order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        found = found.select_for_update(skip_locked=True)
    states = dict(found.values_list("pk", "status"))
    if MessageStatus.SENDING in states.values() or rows.exclude(pk__in=states).exists():
        raise PhoneIsBeingTexted
    return list(states)


def _forget_people_of_broadcasts(
    phone_numbers: Collection[str], recipient_ids: Collection[UUID], instead: str
) -> None:
    """Who waits for a text of a broadcast gets none; of who got one, it is left that they did."""
    about = Q(phone_number__in=phone_numbers) | Q(recipient_id__in=recipient_ids)
    people = BroadcastRecipient.objects.filter(about)
    under_way = Broadcast.objects.filter(status=Broadcast.Status.SENDING)
    # Whoever feeds one holds it until its texts are there to be seen.
    list(under_way.filter(pk__in=people.values("broadcast")).select_for_update().order_by("pk"))
    people.filter(message=None).delete()
    people.update(phone_number=instead, name="", values={})


def _forget_what_the_gateway_said(phone_numbers: Collection[str], pks: Collection[UUID]) -> None:
    reports = DeliveryReport.objects
    for mine in (
        reports.filter(message__in=pks),
        reports.filter(message=None, phone_number__in=phone_numbers),
    ):
        mine.update(phone_number="", failure_reason="", raw={})
    Attempt.objects.filter(message__in=pks).exclude(detail="").update(detail="")
    Decision.objects.filter(message__in=pks).exclude(reason="").update(reason="")
