"""What is a text about, and whom is it to? The apps above say which records of theirs it may be."""

from django.db.models import Model

from identity.models import User
from sms.models import Broadcast, Message

_kinds: list[type[Model]] = [Broadcast]


def declare_subjects(*kinds: type[Model]) -> None:
    """Make kinds of records known to which ``about_id`` and ``recipient_id`` may lead."""
    _kinds.extend(kind for kind in kinds if kind not in _kinds)


def subjects_of(message: Message, user: User) -> list[Model]:
    """The records that a text leads to: those that are there still and that the user may see.

    One query for each kind, as the ids of all kinds are unique together.
    """
    ids = [each for each in (message.about_id, message.recipient_id) if each]
    if not ids:
        return []
    seen = [kind for kind in _kinds if user.has_perm(_view_permission(kind))]
    return [record for kind in seen for record in kind._default_manager.filter(pk__in=ids)]


def _view_permission(kind: type[Model]) -> str:
    return f"{kind._meta.app_label}.view_{kind._meta.model_name}"
