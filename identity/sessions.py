"""What the session of a browser knows of the sign-in that began it.

Apps are told of both: ``auth_time`` and ``sid`` (OpenID Connect Core 1.0, section 2; OpenID Connect
Front-Channel Logout 1.0, section 3). Who signs in again as the same person goes on with the same
``sid``: the apps that they let in before still belong to it.
"""

import secrets
from datetime import UTC, datetime

from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone

_AUTH_TIME, _SID, _BEFORE, _AGENT = "auth_time", "sid", "before", "user_agent"


def begin_session(request: HttpRequest, user: AbstractBaseUser | AnonymousUser) -> str:
    """Called at each sign-in. The session gets another key: one that somebody else knows of from
    before is worth nothing. Django gives one only to who was not signed in, or as somebody else.

    Returns the ``sid`` of a session that is over now, as somebody else signed in; or nothing.
    """
    whose, before = request.session.pop(_BEFORE, ("", ""))
    is_the_same = whose == str(user.pk)
    request.session.cycle_key()
    request.session[_AUTH_TIME] = timezone.now().timestamp()
    request.session[_AGENT] = request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")[:300]
    if is_the_same:
        request.session[_SID] = before
    elif _SID not in request.session:
        request.session[_SID] = secrets.token_urlsafe(24)
    return "" if is_the_same else before


def leave_to_sign_in(request: HttpRequest) -> None:
    """Sign out who signs in anew: what is still to show, such as a code, is asked of who is nobody.

    The apps of the session are told apart by ``begin_session``, once it is known who signed in.
    """
    was = (str(request.user.pk), session_id(request)) if request.user.is_authenticated else None
    request.goes_on = True  # type: ignore[attr-defined]  # asked below
    logout(request)
    if was is not None:
        request.session[_BEFORE] = was


def is_left_for_good(request: HttpRequest) -> bool:
    """Does a sign-out end the session, or will somebody go on in it?"""
    return not getattr(request, "goes_on", False)


def signed_in_at(request: HttpRequest) -> datetime:
    """When the person showed who they are, in this session."""
    _ensure_begun(request)
    return datetime.fromtimestamp(request.session[_AUTH_TIME], UTC)


def signed_in_anew(request: HttpRequest) -> None:
    """Whoever the session is of has just shown elsewhere that it is still they."""
    _ensure_begun(request)
    request.session[_AUTH_TIME] = timezone.now().timestamp()


def session_id(request: HttpRequest) -> str:
    """What apps know this session by; nothing can be opened with it."""
    _ensure_begun(request)
    return str(request.session[_SID])


def _ensure_begun(request: HttpRequest) -> None:
    if _SID in request.session:
        return
    begin_session(request, request.user)  # the session is older than this module
    last = getattr(request.user, "last_login", None)
    request.session[_AUTH_TIME] = last.timestamp() if last else 0
