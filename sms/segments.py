"""How many messages does a text cost, and which of its characters make it dear?

Counting by the alphabets of GSM 03.38 (3GPP TS 23.038). One character outside of them turns the
whole text into UCS-2, of which less than half as much fits into a message.
"""

import re
import unicodedata
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
    units: int  # septets, or 16-bit code units
    left: int  # units that fit before there is another message


def count_segments(text: str) -> Count:
    """Count the messages a text is sent as; an empty text is one.

    A character of two units (an extension character, an emoji) never lies across two parts.
    """
    encoding = Encoding.GSM_7 if _is_gsm(text) else Encoding.UCS_2
    sizes = [_units(character, encoding) for character in text]
    alone, part = _CAPACITY[encoding]
    units = sum(sizes)
    if units <= alone:
        return Count(encoding, 1, units, alone - units)
    segments, room = 1, part
    for size in sizes:
        if size > room:
            segments, room = segments + 1, part
        room -= size
    return Count(encoding, segments, units, room)


def _units(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM_7:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _is_gsm(text: str) -> bool:
    return all(character in _BASIC or character in _EXTENSION for character in text)


@dataclass(frozen=True)
class DearCharacter:
    """A character that turns a text into UCS-2, and what may stand for it in GSM-7."""

    text: str  # a letter with its accents may be more than one code point
    replacement: str | None  # None: nothing in GSM-7 says it
    is_exact: bool  # nothing is lost: a quote stays a quote; a letter without its accent does not

    @property
    def is_seen(self) -> bool:
        """Does it leave a mark on the screen? A space, a tab and a zero-width character do not."""
        return self.text.isprintable() and not self.text.isspace()

    @property
    def name(self) -> str:
        """What it is called in Unicode: ``right single quotation mark``."""
        names = (unicodedata.name(each, "") for each in self.text)
        codes = (_NAMELESS.get(each) or f"U+{ord(each):04X}" for each in self.text)
        return " and ".join(name.lower() or code for name, code in zip(names, codes, strict=True))


def dear_characters(text: str) -> list[DearCharacter]:
    """Those for which a text is sent as UCS-2, each once, in the order in which they come."""
    found = dict.fromkeys(_WITH_ACCENTS.findall(text))
    return [_dear(each) for each in found if not _is_gsm(each)]


def replace_exactly(text: str) -> str:
    """The text with each dear character replaced that loses nothing by it, and no other."""
    return _WITH_ACCENTS.sub(lambda match: _exact(match[0]), text)


_NAMELESS = {"\t": "tab"}

# A character with the combining accents that follow it.
_WITH_ACCENTS = re.compile("(?s:.)[\u0300-\u036f]*")

# What means the same. Not among these: letters, as c is no c with a cedilla, and Kikuyu's u with a
# tilde is another vowel than u; and what belongs to an emoji.
_SAME = {
    ord(character): replacement
    for replacement, characters in {
        "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u2039\u203a\u00b4`",
        '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb",
        "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043",
        "...": "\u2026",
        " ": "\t\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
        "\n": "\x0b\x85\u2028\u2029",
        "": "\u00ad\u200b\u2060\ufeff",
        "*": "\u2022",
        "x": "\u00d7",
        "/": "\u2044\u2215",
        "fi": "\ufb01",
        "fl": "\ufb02",
        "(C)": "\u00a9",
        "(R)": "\u00ae",
        "(TM)": "\u2122",
        "No.": "\u2116",
    }.items()
    for character in characters
}


def _exact(character: str) -> str:
    """What says the same in GSM-7; the character itself where nothing does."""
    if _is_gsm(character):
        return character
    composed = unicodedata.normalize("NFC", character)  # of e and an accent: é
    same = composed.translate(_SAME)
    return same if _is_gsm(same) else character


def _dear(character: str) -> DearCharacter:
    same = _exact(character)
    if same != character:
        return DearCharacter(character, same, is_exact=True)
    parts = unicodedata.normalize("NFD", character)
    letters = "".join(each for each in parts if not unicodedata.combining(each))
    is_letter = bool(letters) and _is_gsm(letters)
    return DearCharacter(character, letters if is_letter else None, is_exact=False)
