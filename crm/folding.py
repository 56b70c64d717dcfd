"""In which form is a text searched? The same for what is stored and for what is asked.

Folded here, as each database knows other letters: to SQLite's LIKE only A to Z have two cases.
"""

import re
import unicodedata

_UNSEEN = ("Cc", "Cf")  # controls, and marks such as those around a phone copied from a chat


def fold(text: str) -> str:
    """The text without differences of case, of width and ligatures, or of spacing.

    That is a caseless match as of the Unicode Standard, 3.13, D146, save that the letters stay
    composed, so that an accent is part of its letter: Zoe is not Zoë. The capital İ is an i, as it
    is for those who write it. No line break comes out of it, nor any other control character.
    """
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text.lower()  # what the rest comes to, ten times as fast
    text = unicodedata.normalize("NFKC", text)
    text = unicodedata.normalize("NFKC", text.casefold()).replace("i\u0307", "i")
    seen = (each for each in text if unicodedata.category(each) not in _UNSEEN)
    return " ".join("".join(seen).split())


def lines(*texts: str) -> str:
    """Those that are not empty, folded, each on a line: what is folded matches within one only."""
    return "\n".join(filter(None, map(fold, texts)))


def name_key(name: str) -> str:
    """The same for names that differ in the order of their words, in accents or in signs only:
    ``Zoë  NYONG'O`` and ``Nyongo, Zoe``."""
    letters = unicodedata.normalize("NFD", fold(name))
    bare = "".join(each for each in letters if unicodedata.category(each) != "Mn")
    words = re.findall(r"\w+", re.sub(r"['’ʼ`]", "", bare))
    return " ".join(sorted(words))[:200]
