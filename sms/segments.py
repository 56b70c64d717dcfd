"""How many messages does a text cost? Counting by the alphabets of GSM 03.38 (3GPP TS 23.038)."""

from dataclasses import dataclass
from enum import StrEnum

# 3GPP TS 23.038, section 6.2.1; the escape to the extension table is no character of its own.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Section 6.2.1.1: each costs an escape and itself.
_EXTENSION = frozenset("\f^{}\\[~]|€")


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


# Units (septets, or 16-bit code units) in a message that stands alone, and in a part of several,
# which gives up six octets to the header that joins them (section 9.2.3.24.1 of TS 23.040).
_CAPACITY = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True)
class Count:
    """What a text takes on the air."""

    encoding: Encoding
    segments: int


def count_segments(text: str) -> Count:
    """Count the messages a text is sent as; an empty text is one.

    A character of two units (an extension character, an emoji) never lies across two parts.
    """
    is_gsm = all(character in _BASIC or character in _EXTENSION for character in text)
    encoding = Encoding.GSM_7 if is_gsm else Encoding.UCS_2
    sizes = [_units(character, encoding) for character in text]
    alone, part = _CAPACITY[encoding]
    if sum(sizes) <= alone:
        return Count(encoding, 1)
    segments, room = 1, part
    for size in sizes:
        if size > room:
            segments, room = segments + 1, part
        room -= size
    return Count(encoding, segments)


def _units(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM_7:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
