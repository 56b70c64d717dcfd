"""What the session of a browser knows of the sign-in that began it.

Apps are told of both: ``auth_time`` and ``sid`` (OpenID Connect Core 1.0, section 2; OpenID Connect
Front-Channel Logout 1.0, section 3). Signing in again, also as the same person, begins anew.
"""

import secrets
from datetime import UTC, datetime

from django.http import HttpRequest
from django.utils import timezone

_AUTH_TIME, _SID = "auth_time", "sid"


def begin_session(request: HttpRequest) -> None:
    """Called at each sign-in. The session gets another key: one that somebody else knows of from
    before is worth nothing. Django gives one only to who was not signed in, or as somebody else."""
    request.session.cycle_key()
    request.session[_AUTH_TIME] = timezone.now().timestamp()
    request.session[_SID] = secrets.token_urlsafe(24)


def signed_in_at(request: HttpRequest) -> datetime:
    """When the person showed who they are, in this session."""
    _ensure_begun(request)
    return datetime.fromtimestamp(request.session[_AUTH_TIME], UTC)


def session_id(request: HttpRequest) -> str:
    """What apps know this session by; nothing can be opened with it."""
    _ensure_begun(request)
    return str(request.session[_SID])


def _ensure_begun(request: HttpRequest) -> None:
    if _SID in request.session:
        return
    begin_session(request)  # the session is older than this module
    last = getattr(request.user, "last_login", None)
    request.session[_AUTH_TIME] = last.timestamp() if last else 0
