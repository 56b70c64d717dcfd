"""Who wants no more texts? Kept by phone, and asked again just before each text is sent."""

from dataclasses import dataclass

from django.db import transaction

from identity.models import User
from sms.models import ConsentChange, ConsentSource, OptOut


@dataclass(frozen=True)
class Word:
    """What somebody said of texts to a phone, and how it reached us."""

    wants_texts: bool
    source: ConsentSource
    said_by: User | None = None  # who entered it; nobody where the phone's owner texted
    words: str = ""  # what they texted


@transaction.atomic
def heed(phone_number: str, word: Word) -> bool:
    """Keep to somebody's word from the next text on; whether it changed anything.

    What changed nothing is not recorded, so that the record tells since when it has been so.
    """
    if word.wants_texts:
        is_news = OptOut.objects.filter(phone_number=phone_number).delete()[0] > 0
    else:
        _, is_news = OptOut.objects.get_or_create(phone_number=phone_number)
    if is_news:
        ConsentChange(
            phone_number=phone_number,
            wants_texts=word.wants_texts,
            source=word.source,
            said_by=word.said_by,
            words=word.words[:160],
        ).save(force_insert=True)
    return is_news


def is_opted_out(phone_number: str) -> bool:
    return OptOut.objects.filter(phone_number=phone_number).exists()
