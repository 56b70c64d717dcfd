"""What a check finds: how it stands, in words, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class State(StrEnum):
    """How it stands; only what is broken keeps the business from its work."""

    OK = "ok"
    LOOK = "look"
    BROKEN = "broken"

    @property
    def label(self) -> str:
        return {
            State.OK: _("OK"),
            State.LOOK: _("Look into it"),
            State.BROKEN: _("Broken"),
        }[self]


@dataclass(frozen=True)
class Finding:
    """``advice`` is what to do, where there is something to do."""

    state: State
    figure: str
    advice: str = ""
    details: Sequence[str] = ()


def ok(figure: str, details: Sequence[str] = ()) -> Finding:
    return Finding(State.OK, figure, details=details)


def look(figure: str, advice: str, details: Sequence[str] = ()) -> Finding:
    return Finding(State.LOOK, figure, advice, details)


def broken(figure: str, advice: str, details: Sequence[str] = ()) -> Finding:
    return Finding(State.BROKEN, figure, advice, details)


def time_since(moment: datetime) -> str:
    """How long ago it was: "12 seconds", "3 minutes", "1 day, 2 hours"."""
    now = timezone.now()
    if now - moment >= timedelta(minutes=1):
        return timesince(moment, now)
    seconds = max(0, round((now - moment).total_seconds()))
    return ngettext("{count} second", "{count} seconds", seconds).format(count=seconds)


def at(moment: datetime) -> str:
    """The day and time by the business's clock."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
