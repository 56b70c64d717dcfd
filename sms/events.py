"""At which events are texts sent, and which words may their templates use?

The apps above declare their events when they start; sms knows them by name only.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something a person may be texted about."""

    name: str
    label: str
    variables: dict[str, str]  # each with an example, for the preview of a template


_events: dict[str, Event] = {}


def declare_event(event: Event) -> None:
    """Make an event known; a second declaration of the same name replaces the first."""
    _events[event.name] = event


def find_event(name: str) -> Event | None:
    return _events.get(name)
