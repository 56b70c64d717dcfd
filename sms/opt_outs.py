"""Who wants no more texts? Kept by phone, and asked again just before each text is sent."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

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


def history_of(phone_number: str) -> list[ConsentChange]:
    """What was said of texts to this phone, the newest first; one query."""
    changes = ConsentChange.objects.filter(phone_number=phone_number)
    return list(changes.select_related("said_by"))


def tell(phone_number: str) -> str:
    """Who said when and how that this phone is not to be texted; empty where nobody did."""
    if not is_opted_out(phone_number):
        return ""
    known = next(iter(history_of(phone_number)), None)
    return describe(known) if known else _("No texts are wanted.")


def describe(change: ConsentChange) -> str:
    """One word on texts: ``No texts wanted: by text (“STOP”), 3 Nov 2026 14:02.``"""
    said = _("Texts wanted") if change.wants_texts else _("No texts wanted")
    how = str(change.get_source_display())
    how = f"{how[:1].lower()}{how[1:]}"
    if change.words:
        how = f"{how} (“{change.words}”)"
    if change.said_by:
        how = f"{how}, {change.said_by.get_username()}"
    when = date_format(timezone.localtime(change.said_at), "j M Y H:i")
    return f"{said}: {how}, {when}."


def is_opted_out(phone_number: str) -> bool:
    return OptOut.objects.filter(phone_number=phone_number).exists()
