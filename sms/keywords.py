"""Does a text ask for no more texts, for texts again, or what this is? Pure but for our names.

Only a text that says nothing else counts: people answer the texts that they get, and whoever writes
"stop at the gate" or "help yourself" wants no less than before.
"""

import re
from dataclasses import dataclass

from django.conf import settings

from sms.models import IncomingText

_Meaning = IncomingText.Meaning


@dataclass(frozen=True)
class Keyword:
    """What a text asks for, and in which language."""

    meaning: IncomingText.Meaning
    language: str = "en"


OTHER = Keyword(_Meaning.OTHER)

# Not among those that stop: CANCEL, GHAIRI, FUTA, ONDOA, KATAA, SITAKI. To a shop they are said of
# an order, and who takes one back still wants to hear of the next.
_STOP = {
    "en": ("stop", "stopall", "unsubscribe", "optout", "end", "quit"),
    "sw": ("acha", "simama", "simamisha", "sitisha", "komesha", "jiondoe", "niondoe"),
}
# Nor YES or NDIYO, which answer any question.
_START = {
    "en": ("start", "unstop", "subscribe", "optin"),
    "sw": ("anza", "endelea", "rudisha", "jiunge"),
}
_HELP = {"en": ("help", "info"), "sw": ("msaada", "usaidizi", "nisaidie")}

_KEYWORDS = {
    word: Keyword(meaning, language)
    for meaning, words in ((_Meaning.STOP, _STOP), (_Meaning.START, _START), (_Meaning.HELP, _HELP))
    for language, listed in words.items()
    for word in listed
}

# What may stand beside a keyword and adds nothing to it.
_FILLERS = {
    *("please", "pls", "plz", "kindly", "thanks", "all", "me", "my", "sending", "texting"),
    *("sms", "text", "texts", "message", "messages", "ujumbe", "jumbe", "meseji"),
    *("tafadhali", "asante", "yote", "zote"),
}
_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8


def keyword_of(text: str) -> Keyword:
    """The keyword that is all that a text says, in any case and with any punctuation."""
    words = _words(text)
    if len(words) > _MOST_WORDS:
        return OTHER
    ours = _words(f"{settings.BUSINESS_NAME} {settings.AFRICASTALKING_SENDER_ID}")
    adds_nothing = (_FILLERS | set(ours)) - set(_KEYWORDS)  # a shop may be called "Info Point"
    said = dict.fromkeys(word for word in words if word not in adds_nothing)
    return _KEYWORDS.get("".join(said), OTHER)  # joined, as some write "opt-out" or "stop all"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
