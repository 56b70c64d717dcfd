"""The tokens of connected apps: what they look like, whose a live one is, and when dead ones go."""

import secrets
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from identity import two_factor
from identity.errors import CredentialRefused
from identity.models import AccessToken, Application, Authorization, RefreshToken, User
from identity.permissions import permission_names, remember_permissions
from identity.session_tokens import digest

# The prefix tells in which table to look, and tells people and their scanners what they have found.
_ACCESS_PREFIX, _REFRESH_PREFIX = "kat_", "krt_"
_RANDOM_BYTES = 32
_LENGTH = len(_ACCESS_PREFIX) + 43  # 32 bytes in base64, as a session token has without a prefix

REFRESH_LIFETIME = timedelta(days=14)  # from the last use
_UNUSED = timedelta(hours=1)  # longer than a code lives, and a device may wait


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

    :raises CredentialRefused: unknown, expired or revoked, or nobody to act for; or somebody who
        must set up a second factor first.
    """
    related = ("application__user", "authorization__user", "authorization__application")
    tokens = AccessToken.objects.select_related(*related).annotate(
        acts_for=Coalesce("user_id", "application__user_id"), names=permission_names("acts_for")
    )
    row = tokens.filter(token_checksum=digest(access)).first()
    if row is None or row.application is None:
        raise CredentialRefused("The access token is invalid.")
    app = row.application
    user = row.authorization.user if row.authorization else app.user
    if user is None:
        raise CredentialRefused("This app has no service account.")
    if not is_live(row):
        raise CredentialRefused("The access token was revoked.")
    if timezone.now() >= row.expires:
        raise CredentialRefused("The access token has expired.")
    if row.authorization is not None:
        two_factor.refuse_if_missing(user)
    remember_permissions(user, row.names)
    return row, app, user


def is_live(token: AccessToken) -> bool:
    """Was it not revoked, nor what it came of? Whether it has expired is another question."""
    if token.revoked_at is not None or token.application is None:
        return False
    if token.authorization is not None:
        return token.authorization.is_live
    account = token.application.user
    return token.application.is_active and account is not None and account.is_active


def forget_dead_tokens(app: Application, user: User | None) -> None:
    """Delete what is over between an app and a user, so that the tables keep to their live rows.

    A refresh token that was used stays for as long as it would have lived: it tells of a reuse.
    """
    now = timezone.now()
    theirs = Q(application=app, user=user)
    AccessToken.objects.filter(theirs, expires__lt=now).delete()
    RefreshToken.objects.filter(theirs, created__lt=now - REFRESH_LIFETIME).delete()
    is_over = Q(created_at__lt=now - _UNUSED, refreshtoken=None, accesstoken=None)
    Authorization.objects.filter(theirs & is_over).delete()
