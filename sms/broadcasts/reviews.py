"""What would a broadcast do if it were confirmed now: whom does it reach, and what does it cost?"""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from sms.broadcasts.wording import ENGLISH, SWAHILI, render
from sms.models import Broadcast, BroadcastRecipient, Exclusion, OptOut, UnreachablePhone
from sms.prices import Price, price_per_segment
from sms.quiet_hours import quiet_until
from sms.segments import (
    Count,
    DearCharacter,
    Encoding,
    count_segments,
    dear_characters,
    replace_exactly,
)

People = list[BroadcastRecipient]
_MOST_RISE = Decimal("1.05")  # of the price, until it is shown anew
_PRICE = re.compile(r"[0-9]{1,12}\.[0-9]{2}")


@dataclass(frozen=True)
class Review:
    """All that is shown before somebody confirms."""

    reached: People
    excluded: People  # each with its ``exclusion`` as it is now
    messages: int  # segments, of all texts together
    sizes: dict[int, int]  # how many texts take so many messages
    dear: int  # texts with a character that halves what fits into a message
    price_each: Price
    starts_at: datetime | None  # when the quiet hours end; None: at once
    sample: str  # as the first who is reached reads it
    mark: str  # the same for two reviews that show the same but for the price

    @property
    def price(self) -> Decimal:
        return (self.price_each.amount * self.messages).quantize(Decimal("0.01"))

    @property
    def seen(self) -> str:
        """What this shows, for whoever confirms it to say that they have seen it."""
        return f"{self.mark}:{self.price}"

    def is_as_seen(self, seen: str) -> bool:
        """Does it show what was seen?

        A price is "about" what was shown: texts that were charged meanwhile move it a little.
        """
        mark, _, price = seen.partition(":")
        if mark != self.mark or not _PRICE.fullmatch(price):
            return False
        return self.price <= Decimal(price) * _MOST_RISE

    @property
    def reasons(self) -> dict[Exclusion, int]:
        """How many are left out for which reason."""
        counts = Counter(Exclusion(each.exclusion) for each in self.excluded)
        return {reason: counts[reason] for reason in Exclusion if counts[reason]}


def review(broadcast: Broadcast) -> Review:
    """Look at a broadcast that is ready as it would be now; four queries, however many people."""
    people = BroadcastRecipient.objects.filter(broadcast=broadcast)
    reached, excluded = split(people.order_by("pk"))
    texts = [render(broadcast, person.language, person.values) for person in reached]
    counts = [count_segments(text) for text in texts]
    price, starts_at = price_per_segment(), quiet_until(timezone.now())
    messages = sum(count.segments for count in counts)
    shown = [
        *([broadcast.english, broadcast.swahili], [each.pk for each in reached]),
        *(messages, price.currency),
        *(starts_at and starts_at.isoformat(), texts[:1]),
    ]
    return Review(
        reached=reached,
        excluded=excluded,
        messages=messages,
        sizes=dict(sorted(Counter(count.segments for count in counts).items())),
        dear=sum(count.encoding == Encoding.UCS_2 for count in counts),
        price_each=price,
        starts_at=starts_at,
        sample=texts[0] if texts else "",
        mark=hashlib.sha256(json.dumps(shown).encode()).hexdigest(),
    )


def split(people: QuerySet[BroadcastRecipient]) -> tuple[People, People]:
    """Who is texted, and who is not by what is known now, with ``exclusion`` set; three queries."""
    phones = people.order_by().values("phone_number")
    opted_out = OptOut.objects.filter(phone_number__in=phones)
    unreachable = UnreachablePhone.objects.filter(phone_number__in=phones)
    unwilling = set(opted_out.values_list("phone_number", flat=True))
    in_vain = set(unreachable.values_list("phone_number", flat=True))
    reached: People = []
    excluded: People = []
    for person in people:
        if not person.exclusion and person.phone_number in unwilling:
            person.exclusion = Exclusion.OPTED_OUT
        elif not person.exclusion and person.phone_number in in_vain:
            person.exclusion = Exclusion.UNREACHABLE
        (excluded if person.exclusion else reached).append(person)
    return reached, excluded


@dataclass(frozen=True)
class Example:
    """How somebody who gets a broadcast would read words that are being written."""

    language: str
    field: str  # of the form, in which it is written
    text: str
    count: Count
    dear: list[DearCharacter]  # in the words, that may be replaced and lose nothing by it
    fixed: Count  # with these replaced


def examples(broadcast: Broadcast, english: str, swahili: str) -> list[Example]:
    """One for each language in which something is written; two queries at most."""
    values = _values_of_a_reader(broadcast)
    written = [
        ("English", "english", ENGLISH, english),
        ("Kiswahili", "swahili", SWAHILI, swahili),
    ]
    return [
        _example(label, field, language, words.replace("\r\n", "\n").strip(), values)
        for label, field, language, words in written
        if words.strip()
    ]


def _example(label: str, field: str, language: str, words: str, values: dict[str, str]) -> Example:
    text = render(Broadcast(**{field: words}), language, values)
    fixed = render(Broadcast(**{field: replace_exactly(words)}), language, values)
    return Example(
        language=label,
        field=field,
        text=text,
        count=count_segments(text),
        dear=[each for each in dear_characters(words) if each.is_exact],
        fixed=count_segments(fixed),
    )


def _values_of_a_reader(broadcast: Broadcast) -> dict[str, str]:
    """What is filled in for the first who gets it, or for the first at all where nobody does."""
    people = BroadcastRecipient.objects.filter(broadcast=broadcast).order_by("pk")
    opted_out = OptOut.objects.filter(phone_number=OuterRef("phone_number"))
    unreachable = UnreachablePhone.objects.filter(phone_number=OuterRef("phone_number"))
    reached = people.filter(~Exists(opted_out), ~Exists(unreachable), exclusion="")
    first = reached.first() or people.first()
    return first.values if first else {}
