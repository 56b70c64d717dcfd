"""Where the sessions of browsers are kept: Django's rows, asked only for names that can be one."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """PostgreSQL takes no null character, and a cookie may have one: it would be a 500."""

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and len(key) >= 8 and key.isalnum()
