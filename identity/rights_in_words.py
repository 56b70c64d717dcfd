"""What does each right allow, in words? Each app says it of its own, in its configuration: there,
``rights`` has its subjects.

What stands nowhere is technical, such as the tables of the queue: it is not offered to put into a
role, and stays in one that has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps


@dataclass(frozen=True)
class Subject:
    """Something that roles have rights about. ``words`` has a sentence for each permission."""

    key: str  # in forms
    title: Any  # lazily translated, as the words are
    words: Mapping[str, Any]  # by permission, such as ``crm.view_order``
    is_technical: bool = False


def subjects() -> list[Subject]:
    """All of them, in the order in which the sidebar has them: what people do all day first."""
    configured = reversed(list(apps.get_app_configs()))
    known = [subject for config in configured for subject in getattr(config, "rights", ())]
    return sorted(known, key=lambda subject: subject.is_technical)
