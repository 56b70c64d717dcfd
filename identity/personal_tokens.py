"""Personal access tokens: people make one for a program of theirs, and end it when they like."""

import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from identity.errors import CredentialRefused
from identity.models import PersonalAccessToken, User
from identity.permissions import permission_names, remember_permissions
from identity.scopes import SCOPES
from identity.session_tokens import digest

# The prefix tells in which table to look, and tells people and their scanners what they have found.
PREFIX = "kpt_"
_RANDOM_BYTES = 32
_LENGTH = len(PREFIX) + 43  # 32 bytes in base64, as a session token has without a prefix

LIFETIME = timedelta(days=90)  # where the owner says nothing else
LONGEST_LIFETIME = timedelta(days=366)
MOST_TOKENS = 20  # live ones of one person: each is counted on its own by the limit of requests
_DEAD_KEPT_FOR = timedelta(days=30)  # to tell who still sends one what became of it


def create_token(
    user: User, name: str, scopes: Collection[str], lifetime: timedelta = LIFETIME
) -> tuple[PersonalAccessToken, str]:
    """Make a token; also returns its text, which is stored nowhere.

    What it may do is its scopes and what its owner may, both. Those that died long ago go at the
    same time.

    :raises ValidationError: naming each wrong field, or that the owner has as many as one may.
    """
    now = timezone.now()
    text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    row = PersonalAccessToken(
        user=user,
        name=name.strip(),
        digest=digest(text),
        scopes=[scope for scope in SCOPES if scope in scopes],
        password_mark=user.get_session_auth_hash(),
        expires_at=now + lifetime,
    )
    if errors := _errors_of(row, scopes, lifetime):
        raise ValidationError(errors)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # one at a time, so that each is counted
        dead_since = now - _DEAD_KEPT_FOR
        is_long_dead = Q(expires_at__lt=dead_since) | Q(revoked_at__lt=dead_since)
        user.personal_tokens.filter(is_long_dead).delete()
        if user.personal_tokens.filter(revoked_at=None, expires_at__gt=now).count() >= MOST_TOKENS:
            raise ValidationError(
                _("You have {most} tokens, and cannot make more. Revoke one first.").format(
                    most=MOST_TOKENS
                )
            )
        row.save(force_insert=True)
    return row, text


def revoke_token(token: PersonalAccessToken) -> None:
    """End a token at once; one that has ended keeps the time of its end."""
    PersonalAccessToken.objects.filter(pk=token.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )


def is_personal_token(text: str) -> bool:
    """Does it look like one? No other token does: session tokens are shorter, and those of apps
    begin with something else."""
    return len(text) == _LENGTH and text.startswith(PREFIX)


def find_by_token(text: str) -> PersonalAccessToken:
    """The live token that this text is, with its user and what they may do: one query.

    The first use in a minute is written down, which is one more.

    :raises CredentialRefused: unknown, expired or revoked.
    """
    tokens = PersonalAccessToken.objects.select_related("user")
    row = tokens.annotate(names=permission_names("user_id")).filter(digest=digest(text)).first()
    if row is None:
        raise CredentialRefused("The personal access token is invalid.")
    if row.revoked_at is not None or not row.user.is_active or has_other_password(row, row.user):
        raise CredentialRefused("The personal access token was revoked.")
    now = timezone.now()
    if now >= row.expires_at:
        raise CredentialRefused("The personal access token has expired.")
    remember_permissions(row.user, row.names)
    _note_use(row, now)
    return row


def has_other_password(token: PersonalAccessToken, owner: User) -> bool:
    """Has its owner changed the password since they made it? Then it gives no access."""
    return not secrets.compare_digest(token.password_mark, owner.get_session_auth_hash())


def _note_use(row: PersonalAccessToken, now: datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    if row.last_used_at is not None and row.last_used_at >= minute:
        return
    # Of many at the same moment one writes, and nobody sets the time back.
    is_older = Q(last_used_at=None) | Q(last_used_at__lt=minute)
    PersonalAccessToken.objects.filter(is_older, pk=row.pk).update(last_used_at=minute)
    row.last_used_at = minute


def _errors_of(
    row: PersonalAccessToken, scopes: Collection[str], lifetime: timedelta
) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    try:
        PersonalAccessToken._meta.get_field("name").clean(row.name, row)
    except ValidationError as error:
        errors["name"] = error.messages
    if any(unicodedata.category(character) == "Cc" for character in row.name):
        errors["name"] = [_("Write it in one line, without control characters.")]
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        errors["scopes"] = [_("There is no scope {names}.").format(names=unknown[0])]
    elif not row.scopes:
        errors["scopes"] = [_("Choose at least one thing that the token may do.")]
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        errors["lifetime"] = [_("Choose at most {days} days.").format(days=LONGEST_LIFETIME.days)]
    return errors
