"""Why a record changed, where nobody typed it: kept in English, told to each in their language."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

IMPORTED = gettext_noop("Import of {file}")
ERASED = gettext_noop("Personal data erased")
MERGED_INTO = gettext_noop("Merged into {code}")
MERGED_WITH = gettext_noop("Merged with {code}")
CUSTOMER_MERGED = gettext_noop("{other} was merged into {kept}")


def _pattern_of(words: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", words), re.DOTALL)


# In this order: a file may be called like one of the others.
_PATTERNS = {
    words: _pattern_of(words)
    for words in (IMPORTED, ERASED, MERGED_INTO, MERGED_WITH, CUSTOMER_MERGED)
}


def told(reason: str) -> str:
    """A reason as the history keeps it, in the language of who reads it."""
    for words, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(reason):
            return _(words).format(**found.groupdict())
    return reason


def file_of(reason: str) -> str:
    """The file that an import was of; empty where the reason is another one."""
    found = _PATTERNS[IMPORTED].fullmatch(reason)
    return found["file"] if found else ""
