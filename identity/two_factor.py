"""What people show beside a password: a code of an app, a recovery code, or a passkey.

django-allauth keeps them, as ``Authenticator`` rows; what must stay secret of them is sealed. With
another ``SECRET_KEY`` it opens no more: no code is right then, but the factor is still asked for.
"""

import logging

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext

from identity import guard, rights
from identity.administrators import is_administrator
from identity.errors import SecondFactorMissing, WrongCode
from identity.models import User
from identity.sealing import CannotOpen, seal, unseal

logger = logging.getLogger(__name__)

Type = Authenticator.Type


class TwoFactorAdapter(DefaultMFAAdapter):
    """How secrets are stored, and by which name people know them in their app."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def get_totp_issuer(self) -> str:
        return str(settings.BUSINESS_NAME)

    def _get_site_name(self) -> str:
        return str(settings.BUSINESS_NAME)

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:  # noqa: A002  # as allauth calls it
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        if number == 1:
            return gettext("Passkey")
        return gettext("Passkey {number}").format(number=number)


def has_second_factor(user: User) -> bool:
    """Is a password not enough for them? Recovery codes alone are none: they come with another."""
    mine = Authenticator.objects.filter(user_id=user.pk)
    return bool(mine.exclude(type=Type.RECOVERY_CODES).exists())


def can_be_opened(authenticator: Authenticator) -> bool:
    """Is it good for anything, or was ``SECRET_KEY`` changed since it was set up?"""
    sealed = authenticator.data.get("secret") or authenticator.data.get("seed")
    try:
        if sealed:  # nothing is, of a passkey
            unseal(sealed)
    except CannotOpen:
        return False
    return True


def has_lost_codes(user: User) -> bool:
    """Is every code of theirs wrong, as neither app nor recovery codes can be opened any more?"""
    mine = Authenticator.objects.filter(user_id=user.pk).exclude(type=Type.WEBAUTHN)
    known = [can_be_opened(authenticator) for authenticator in mine]
    return bool(known) and not any(known)


def is_missing(user: User) -> bool:
    """Must they set up a second factor before anything else of theirs opens?"""
    return settings.REQUIRE_TWO_FACTOR and is_administrator(user) and not has_second_factor(user)


def refuse_if_missing(user: User) -> None:
    """
    :raises SecondFactorMissing: they must set one up first.
    """
    if is_missing(user):
        raise SecondFactorMissing


@transaction.atomic
def remove_second_factor(user: User, *, by: User) -> int:
    """Delete their app, passkeys and recovery codes; how many. Their password is enough then.

    For somebody who lost them: who does it has made sure that it is they who ask.

    :raises PermissionDenied: they may not change people; or it is their own, which they first have
        to show, on the page of their account.
    :raises MayNotBe: it is not theirs to do.
    """
    if user == by:
        raise PermissionDenied
    rights.check_account(user, by=by)
    mine = Authenticator.objects.select_for_update().filter(user_id=user.pk)
    count, _ = mine.filter(pk__in=[row.pk for row in mine]).delete()
    return count


def spend_code(user: User, code: str, *, address: str) -> Authenticator:
    """Take a code of their app, or a recovery code: each is good once.

    :raises WrongCode: it is neither, or was used.
    :raises TooManyAttempts: it looks like guessing, see `identity.guard`.
    """
    with guard.attempt("second_factor", account=str(user.pk), address=address):
        found = _spend(user, code)
        if found is None:
            raise WrongCode
    return found


@transaction.atomic
def _spend(user: User, code: str) -> Authenticator | None:
    mine = Authenticator.objects.select_for_update().filter(user_id=user.pk)
    for authenticator in mine.exclude(type=Type.WEBAUTHN):  # which has no codes
        spend = _spend_totp if authenticator.type == Type.TOTP else _spend_recovery_code
        try:
            if spend(authenticator, code):
                return authenticator
        except CannotOpen:
            logger.warning("A second factor was sealed with another SECRET_KEY; it opens nothing.")
    return None


def _spend_recovery_code(authenticator: Authenticator, code: str) -> bool:
    return bool(authenticator.wrap().validate_code(code))


def _spend_totp(authenticator: Authenticator, code: str) -> bool:
    """Take the code of a moment after that of the last one (RFC 6238, section 5.2).

    allauth notes used codes in the cache, which each web process has its own of.
    """
    secret = unseal(authenticator.data["secret"])
    last = authenticator.data.get("last_counter", 0)
    for counter in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, counter))
        if counter > last and compare_user_code(actual=code, expected=expected):
            authenticator.data["last_counter"] = counter
            authenticator.save(update_fields=["data"])
            return True
    return False
