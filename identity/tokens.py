"""Who calls the API, and is their credential good for it? Ninja's security classes.

An operation declares ``auth=needs("orders:read")``. Past that, ``request.user`` is the caller; what
they may do is the scope of the credential and the permissions of the user, both.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security import APIKeyCookie
from ninja.security.base import AuthBase
from ninja.security.http import HttpAuthBase

from identity import personal_tokens, session_tokens, two_factor
from identity.errors import CredentialRefused, InsufficientScope, MalformedCredential
from identity.models import User
from identity.provider import tokens as app_tokens
from identity.scopes import SCOPES


class Caller:
    """Who makes a request, with which scopes, and through which program: an app by its client ID,
    or a personal token by its own; empty for our own."""

    def __init__(self, user: User, scopes: frozenset[str], client: str = "") -> None:
        self.user = user
        self.scopes = scopes
        self.client = client  # stays the same when the app renews its token


class Bearer(HttpAuthBase):
    """A token in the Authorization header (RFC 6750, section 2.1).

    A personal one may also be sent as ``Token <token>``, as many programs do with theirs.
    """

    openapi_scheme = "bearer"

    def __init__(self, scope: str | None, permission: str | None) -> None:
        self.scope, self.permission = scope, permission
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        kind, _, token = header.partition(" ")
        is_for_personal = kind.lower() == "token"
        if kind.lower() != "bearer" and not is_for_personal:
            raise CredentialRefused(
                "Authentication credentials were not provided. Send them as: Bearer <token>.",
                error=None,
            )
        if not token or " " in token or not token.isascii():
            raise MalformedCredential("The Authorization header must be: Bearer <token>.")
        if is_for_personal and not personal_tokens.is_personal_token(token):
            raise CredentialRefused("This is no personal access token. Send it as: Bearer <token>.")
        return _admit(request, _caller_of(token), self.scope, self.permission)


class BrowserSession(APIKeyCookie):
    """The session of a person who signed in with a browser; unsafe methods need the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, scope: str | None, permission: str | None) -> None:
        self.scope, self.permission = scope, permission
        super().__init__()

    def __call__(self, request: HttpRequest) -> Caller | None:
        # The shipped class checks CSRF first, which answers a caller without a cookie with 403.
        if self.param_name not in request.COOKIES or not request.user.is_authenticated:
            return None
        key = self._get_key(request)
        return self.authenticate(request, key)

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        assert isinstance(request.user, User)  # noqa: S101  # narrows the type: see __call__
        two_factor.refuse_if_missing(request.user)
        caller = Caller(request.user, frozenset(SCOPES))
        return _admit(request, caller, self.scope, self.permission)


def _caller_of(token: str) -> Caller:
    """One query, whichever kind of token it is: no other text is looked up, such as an ID token."""
    if app_tokens.is_access_token(token):
        given, app, user = app_tokens.find_by_access_token(token)
        return Caller(user, frozenset(given.scope.split()), app.client_id)
    if personal_tokens.is_personal_token(token):
        mine = personal_tokens.find_by_token(token)
        two_factor.refuse_if_missing(mine.user)
        return Caller(mine.user, frozenset(mine.scopes), f"personal-token:{mine.pk}")
    row = session_tokens.find_by_access_token(token)
    two_factor.refuse_if_missing(row.user)
    return Caller(row.user, frozenset(row.scopes))


def _admit(
    request: HttpRequest, caller: Caller, scope: str | None, permission: str | None
) -> Caller:
    # The history of a change names request.user, so a token's user must stand there too.
    request.user = caller.user
    request.auth = caller  # type: ignore[attr-defined]  # as Ninja does; a refusal is theirs, too
    if scope is not None and scope not in caller.scopes:
        raise InsufficientScope(scope)
    if permission is not None and not caller.user.has_perm(permission):
        raise PermissionDenied
    return caller


def needs(
    scope: str | None = None, *, permission: str | None = None
) -> list[AuthBase | Callable[..., Any]]:
    """The security of an operation: any of our credentials, good for this scope.

    ``permission`` is for operations that no self-service user may call; it is checked before the
    body is read, so that a caller without it learns nothing from what is wrong with the body.

    :raises CredentialRefused: no credential, or one that is not good (401).
    :raises InsufficientScope: the credential is not for this (403).
    :raises PermissionDenied: the user may not (403).
    """
    return [Bearer(scope, permission), BrowserSession(scope, permission)]
