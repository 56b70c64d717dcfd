"""The lines that the palette shows, and when words that were typed mean one."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm.folding import fold


@dataclass(frozen=True)
class Entry:
    """What it is, what tells it from others like it, and where it leads."""

    title: str
    link: str
    icon: str
    details: Sequence[str] = ()


@dataclass(frozen=True)
class Group:
    """Of one kind; ``more`` leads to those that are not among them."""

    title: str
    entries: Sequence[Entry]
    more: Entry | None = None

    @property
    def lines(self) -> Sequence[Entry]:
        return self.entries if self.more is None else [*self.entries, self.more]


def is_meant(text: str, *told: str) -> bool:
    """Does each word that was typed begin one of these? ``new o`` means a new order."""
    known = fold(" ".join(told)).split()
    return all(any(word.startswith(typed) for word in known) for typed in fold(text).split())
