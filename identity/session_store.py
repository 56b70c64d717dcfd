"""Where the sessions of browsers are kept: in rows like Django's, which know whose they are."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import transaction
from django.utils import timezone

if TYPE_CHECKING:
    from identity.models import BrowserSession

_CLEANED_AT_ONCE = 100  # rows; a sign-in makes one, and so does a long question


class SessionStore(db.SessionStore):
    """Asked only for names that can be one: PostgreSQL takes no null character, and a cookie may
    have one, which would be a 500."""

    @classmethod
    def get_model_class(cls) -> type["BrowserSession"]:
        from identity.models import BrowserSession  # the settings name this module before any model

        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> "BrowserSession":
        """Of what the session says, what others look for stands in columns."""
        row: Any = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)
        if "auth_time" in data:  # see `identity.sessions`
            row.signed_in_at = datetime.fromtimestamp(data["auth_time"], UTC)
        row.user_agent = data.get("user_agent", "")
        return row  # type: ignore[no-any-return]  # to the stubs a row of Django's own

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and len(key) >= 8 and key.isalnum()


def delete_some_expired() -> None:
    """Called where a row is added; nothing else deletes old ones. It waits for none in use."""
    sessions = SessionStore.get_model_class().objects
    old = sessions.filter(expire_date__lte=timezone.now())
    with transaction.atomic():
        chosen = old.select_for_update(skip_locked=True).values("pk")[:_CLEANED_AT_ONCE]
        sessions.filter(pk__in=chosen).delete()
