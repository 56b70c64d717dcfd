"""A broadcast until it is confirmed: who was chosen for it, and its words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from identity.models import User
from sms.errors import BroadcastHasMoved, NobodyToText, TooManyPeople
from sms.models import Broadcast, BroadcastRecipient, BroadcastStatus, Exclusion
from sms.phone_numbers import takes_texts

MOST_PEOPLE = 20_000
KEPT_FOR = timedelta(hours=24)
_AT_A_TIME = 1000  # rows of one INSERT


@dataclass(frozen=True)
class Person:
    """Somebody to text, and what is filled in for them; sms knows nothing else of them."""

    recipient_id: UUID | None
    phone_number: str
    name: str
    language: str
    values: Mapping[str, str]


@transaction.atomic
def choose_people(people: Iterable[Person], by: User) -> Broadcast:
    """Begin a broadcast to these, without words as yet.

    Its words may use what the first has values for. Of a phone that comes twice the first person
    gets the text.

    :raises NobodyToText: there are none.
    :raises TooManyPeople: more than ``MOST_PEOPLE``.
    """
    chosen = list(people)
    if not chosen:
        raise NobodyToText
    if len(chosen) > MOST_PEOPLE:
        raise TooManyPeople(MOST_PEOPLE)
    broadcast = Broadcast(author=by, variables=list(chosen[0].values))
    broadcast.save(force_insert=True)
    seen: set[str] = set()
    rows = []
    for person in chosen:
        rows.append(_row(broadcast, person, is_double=person.phone_number in seen))
        seen.add(person.phone_number)
    BroadcastRecipient.objects.bulk_create(rows, batch_size=_AT_A_TIME)
    return broadcast


def _row(broadcast: Broadcast, person: Person, *, is_double: bool) -> BroadcastRecipient:
    exclusion = Exclusion.NONE
    if is_double:
        exclusion = Exclusion.DOUBLED
    elif not takes_texts(person.phone_number):
        exclusion = Exclusion.LANDLINE
    return BroadcastRecipient(
        broadcast=broadcast,
        recipient_id=person.recipient_id,
        phone_number=person.phone_number,
        name=person.name,
        language=person.language,
        values=dict(person.values),
        exclusion=exclusion,
    )


def write_words(broadcast: Broadcast, english: str, swahili: str) -> Broadcast:
    """Give a broadcast its words, until it is confirmed.

    :raises ValidationError: they say nothing, or something in braces is no variable.
    :raises BroadcastHasMoved: it was confirmed, or is gone.
    """
    broadcast.english, broadcast.swahili = english, swahili
    broadcast.clean()
    ready = Broadcast.objects.filter(pk=broadcast.pk, status=BroadcastStatus.READY)
    if not ready.update(english=broadcast.english, swahili=broadcast.swahili):
        raise BroadcastHasMoved(broadcast)
    return broadcast


@transaction.atomic
def discard(broadcast: Broadcast) -> None:
    """Delete a broadcast that was never confirmed, with the list of who was chosen.

    :raises BroadcastHasMoved: it was confirmed.
    """
    ready = Broadcast.objects.select_for_update().filter(pk=broadcast.pk)
    if not ready.filter(status=BroadcastStatus.READY).exists():
        raise BroadcastHasMoved(broadcast)
    ready.delete()


@transaction.atomic
def discard_old_ones() -> None:
    """Delete what nobody confirmed within a day: customers are called otherwise by now, and may
    have another phone."""
    old = Broadcast.objects.select_for_update().filter(status=BroadcastStatus.READY)
    pks = list(old.filter(created_at__lt=timezone.now() - KEPT_FOR).values_list("pk", flat=True))
    if pks:
        Broadcast.objects.filter(pk__in=pks).delete()
