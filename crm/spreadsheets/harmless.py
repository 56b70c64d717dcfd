"""Which text would a spreadsheet program run?

It is marked on the way out, and on the way in given back exactly as it was.
"""

import re

# A cell that starts so is a formula to a spreadsheet program, and may do harm there (OWASP, "CSV
# injection"); one that starts with <r> is markup to XlsxWriter. One that starts with apostrophes
# before such a sign is marked as well, so that taking one apostrophe off gives back every text.
_HARMFUL = re.compile(r"'*([=+\-@\t\r]|<r>)")


def make_harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if _HARMFUL.match(text) else text


def as_written(text: str) -> str:
    """The text before it was made harmless."""
    return text[1:] if text.startswith("'") and _HARMFUL.match(text[1:]) else text
