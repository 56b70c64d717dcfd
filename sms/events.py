"""At which events are texts sent, and which words may their templates use?

The apps above declare their events when they start; sms knows them by name only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from identity.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # the stubs' name for a translation to come


@dataclass(frozen=True)
class Sample:
    """Something that an event may be about, to try its wording on."""

    label: str
    key: str  # what finds this one, and no other, by a search
    values: dict[str, str]


# Gives the newest ones that the user may see: those of people who read the language, or whom a
# search finds.
Samples = Callable[[User, str, str], Sequence[Sample]]


@dataclass(frozen=True)
class Event:
    """Something a person may be texted about."""

    name: str
    label: "str | _StrPromise"
    variables: dict[str, str]  # each with an example, for where there is no sample
    samples: Samples | None = None


_events: dict[str, Event] = {}


def declare_event(event: Event) -> None:
    """Make an event known; a second declaration of the same name replaces the first."""
    _events[event.name] = event


def find_event(name: str) -> Event | None:
    return _events.get(name)


def event_names() -> list[str]:
    """The events that are known, in the order in which they were declared."""
    return list(_events)
