"""How does a broadcast read to one of its people, to the last line?

The last line says how to get no more of them, and says only what is true: a reply reaches us where
the sender ID is a number, such as a short code, and never where it is a name.
"""

from collections.abc import Mapping

from django.conf import settings

from sms.models import Broadcast

ENGLISH, SWAHILI = "en", "sw"

_BY_REPLY = {
    ENGLISH: "Reply STOP to get no more texts.",
    SWAHILI: "Jibu ACHA usipate tena ujumbe.",
}
_BY_WORD = {
    ENGLISH: "To get no more texts, tell {name}.",
    SWAHILI: "Hutaki ujumbe tena? Waambie {name}.",
}


def render(broadcast: Broadcast, language: str, values: Mapping[str, str]) -> str:
    """The whole text to somebody of this language, or in the other one where it has no words."""
    written = {ENGLISH: broadcast.english, SWAHILI: broadcast.swahili}
    spoken = SWAHILI if language == SWAHILI else ENGLISH
    if not written[spoken]:
        spoken = ENGLISH if spoken == SWAHILI else SWAHILI
    words = Broadcast.VARIABLE.sub(lambda match: values.get(match[1], match[0]), written[spoken])
    return f"{words.strip()}\n{opt_out_line(spoken)}"


def opt_out_line(language: str) -> str:
    """How to get no more broadcasts, in this language."""
    if settings.SMS_OPT_OUT_LINE:
        return str(settings.SMS_OPT_OUT_LINE)
    takes_replies = settings.AFRICASTALKING_SENDER_ID.removeprefix("+").isdecimal()
    lines = _BY_REPLY if takes_replies else _BY_WORD
    return lines[language].format(name=settings.BUSINESS_NAME)
