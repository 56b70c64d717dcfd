"""How many texts would an event cause, and who would get none of them?"""

from collections.abc import Iterable
from dataclasses import dataclass

from sms.models import MessageTemplate, OptOut
from sms.phone_numbers import takes_texts


@dataclass(frozen=True)
class Forecast:
    """What ``outbox.notify`` would come to."""

    texts: int  # that would be sent
    opted_out: int  # phones whose owners want none
    no_mobile: int  # phones that no text gets to

    @property
    def is_silent(self) -> bool:
        """Is there nobody whom the event would have texted?"""
        return not (self.texts or self.opted_out or self.no_mobile)


def forecast(event: str, people: Iterable[tuple[str, str]]) -> Forecast:
    """Of telling each of these, a phone and a language, once more for each time it is among them.

    However many there are, they cost two queries.
    """
    wording = MessageTemplate.wording_of(event)
    phones = [phone for phone, language in people if wording(language)]
    known = set(phones)
    no_mobile = {phone for phone in known if not takes_texts(phone)}
    refused = OptOut.objects.filter(phone_number__in=known)
    opted_out = set(refused.values_list("phone_number", flat=True)) - no_mobile
    return Forecast(
        texts=sum(phone not in no_mobile and phone not in opted_out for phone in phones),
        opted_out=len(opted_out),
        no_mobile=len(no_mobile),
    )
