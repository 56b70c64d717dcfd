"""The tokens of connected apps: what they look like, whose a live one is, and when dead ones go."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from identity.errors import CredentialRefused
from identity.models import AccessToken, Application, Grant, RefreshToken, User
from identity.permissions import permission_names, remember_permissions
from identity.session_tokens import digest

# The prefix tells in which table to look, and tells people and their scanners what they have found.
_ACCESS_PREFIX, _REFRESH_PREFIX = "kat_", "krt_"
_RANDOM_BYTES = 32
_LENGTH = len(_ACCESS_PREFIX) + 43  # 32 bytes in base64, as a session token has without a prefix


def new_access_token(request: object) -> str:
    """What the engine gives to an app to call the API with."""
    return _ACCESS_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def new_refresh_token(request: object) -> str:
    """What the engine gives to an app to get the next access token with."""
    return _REFRESH_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def is_access_token(text: str) -> bool:
    """Does it look like an app's access token? No session token does: each is shorter."""
    return len(text) == _LENGTH and text.startswith(_ACCESS_PREFIX)


def find_by_access_token(access: str) -> tuple[AccessToken, Application, User]:
    """The live token that this text is, its app, and whom it acts for: one query.

    That is the person who let it, or, where the app acts for itself, its service account.

    :raises CredentialRefused: unknown, expired or revoked, or nobody to act for.
    """
    tokens = AccessToken.objects.select_related("user", "application__user").annotate(
        acts_for=Coalesce("user_id", "application__user_id"), names=permission_names("acts_for")
    )
    row = tokens.filter(token_checksum=digest(access)).first()
    if row is None or row.application is None:
        raise CredentialRefused("The access token is invalid.")
    app, user = row.application, row.user or row.application.user
    if user is None:
        raise CredentialRefused("This app has no service account.")
    if row.revoked_at is not None or not app.is_active or not user.is_active:
        raise CredentialRefused("The access token was revoked.")
    if timezone.now() >= row.expires:
        raise CredentialRefused("The access token has expired.")
    remember_permissions(user, row.names)
    return row, app, user


def forget_dead_tokens(app: Application, user: User | None) -> None:
    """Delete what is over between an app and a user, so that the tables keep to their live rows.

    A refresh token that was used stays for as long as it would have lived: it tells of a reuse.
    """
    now = timezone.now()
    theirs = Q(application=app, user=user)
    dead_since = now - timedelta(seconds=settings.OAUTH2_PROVIDER["REFRESH_TOKEN_EXPIRE_SECONDS"])
    is_over = Q(revoked__lt=dead_since) | Q(access_token__expires__lt=dead_since)
    RefreshToken.objects.filter(theirs, is_over).delete()
    AccessToken.objects.filter(theirs, expires__lt=now, refresh_token=None).delete()
    Grant.objects.filter(theirs, expires__lt=now).delete()
