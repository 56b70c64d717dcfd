"""First-party tokens: given for a password, replaced by a refresh, ended by a revocation."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from identity.errors import CredentialRefused
from identity.models import SessionToken, User
from identity.permissions import permission_names, remember_permissions
from identity.scopes import SCOPES

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=14)  # from the last use


@dataclass(frozen=True)
class TokenPair:
    """What the client gets to see, once."""

    access: str
    refresh: str
    expires_in: int  # seconds


def digest(token: str) -> str:
    """What is stored of a token. Tokens are 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_tokens(user: User) -> TokenPair:
    """Start a new family of tokens, with every scope: what it may do is the user's to say.

    The user's dead ones go at the same time, so that the table keeps to its live rows.
    """
    user.session_tokens.filter(refresh_expires_at__lt=timezone.now()).delete()
    return _store_pair(SessionToken(user=user, scopes=list(SCOPES)))


def refresh_tokens(refresh: str) -> TokenPair:
    """Replace a pair by a new one; the old one is dead from here on.

    :raises CredentialRefused: unknown, expired or revoked, or used before, which also ends all
        tokens of the family.
    """
    with transaction.atomic():
        row = (
            SessionToken.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(refresh_digest=digest(refresh))
            .first()
        )
        if row is None:
            raise CredentialRefused("The refresh token is invalid.")
        is_reused = row.refreshed_at is not None
        if not is_reused:
            _check(row, row.refresh_expires_at, "refresh token")
            now = timezone.now()
            SessionToken.objects.filter(pk=row.pk).update(refreshed_at=now, revoked_at=now)
            return _store_pair(SessionToken(user=row.user, family=row.family, scopes=row.scopes))
        revoke_family(row)  # committed before the refusal is raised
    raise CredentialRefused("The refresh token was used before; sign in again.")


def find_by_access_token(access: str) -> SessionToken:
    """The live token that this text is, with its user and what they may do: one query.

    :raises CredentialRefused: unknown, expired or revoked.
    """
    tokens = SessionToken.objects.select_related("user").annotate(names=permission_names("user_id"))
    row = tokens.filter(access_digest=digest(access)).first()
    if row is None:
        raise CredentialRefused("The access token is invalid.")
    _check(row, row.access_expires_at, "access token")
    remember_permissions(row.user, row.names)
    return row


def revoke_family(token: SessionToken) -> None:
    """End this token and all that came of the same sign-in."""
    SessionToken.objects.filter(family=token.family, revoked_at=None).update(
        revoked_at=timezone.now()
    )


def _check(row: SessionToken, expires_at: datetime, kind: str) -> None:
    if row.revoked_at is not None or not row.user.is_active or _is_other_password(row):
        raise CredentialRefused(f"The {kind} was revoked.")
    if timezone.now() >= expires_at:
        raise CredentialRefused(f"The {kind} has expired.")


def _is_other_password(row: SessionToken) -> bool:
    return not secrets.compare_digest(row.password_mark, row.user.get_session_auth_hash())


def _store_pair(row: SessionToken) -> TokenPair:
    now = timezone.now()
    access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    row.access_digest, row.refresh_digest = digest(access), digest(refresh)
    row.password_mark = row.user.get_session_auth_hash()
    row.access_expires_at = now + ACCESS_LIFETIME
    row.refresh_expires_at = now + REFRESH_LIFETIME
    row.save(force_insert=True)
    return TokenPair(access, refresh, int(ACCESS_LIFETIME.total_seconds()))
