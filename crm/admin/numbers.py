"""Whole numbers that a browser sends. Anybody can send anything, and each is a number or none."""

_MOST_DIGITS = 9  # more than anything here counts, and no more than a database takes


def number_in(written: str) -> int:
    """The number that is written; 0 where none is, or one that no page of ours would send."""
    is_number = written.isdecimal() and len(written) <= _MOST_DIGITS
    return int(written) if is_number else 0
