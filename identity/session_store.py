"""Where the sessions of browsers are kept: Django's rows, asked only for names that can be one."""

from django.contrib.sessions.backends import db
from django.db import transaction
from django.utils import timezone

_CLEANED_AT_ONCE = 100  # rows; a sign-in makes one, and so does a long question


class SessionStore(db.SessionStore):
    """PostgreSQL takes no null character, and a cookie may have one: it would be a 500."""

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and len(key) >= 8 and key.isalnum()


def delete_some_expired() -> None:
    """Called where a row is added; nothing else deletes old ones. It waits for none in use."""
    sessions = SessionStore.get_model_class().objects
    old = sessions.filter(expire_date__lte=timezone.now())
    with transaction.atomic():
        chosen = old.select_for_update(skip_locked=True).values("pk")[:_CLEANED_AT_ONCE]
        sessions.filter(pk__in=chosen).delete()
