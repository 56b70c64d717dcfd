"""How does somebody come by an account, and by the address of it? And how does it end?"""

from collections.abc import Iterable
from contextlib import suppress

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity import rights
from identity.administrators import keep_an_administrator
from identity.errors import GivesMore, IsOwnAccount
from identity.models import AccessToken, Authorization, BrowserSession, SessionToken, User
from identity.roles import assign_roles

EMAIL_IS_TAKEN = _("User with this email already exists.")

_WRITTEN = ("username", "first_name", "last_name", "email", "is_superuser", "updated_at")

_TAKEN = {
    "username": _("User with this username already exists."),
    "email": EMAIL_IS_TAKEN,
}


def account_errors(user: User, password: str | None) -> dict[str, list[str]]:
    """What is wrong with a new account, by field: nothing where it can be made.

    Names and addresses that differ in case only are one, so that nobody passes for another.
    """
    errors: dict[str, list[str]] = {}
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as error:
        errors |= error.message_dict
    try:
        if password is not None:
            validate_password(password, user)
    except ValidationError as error:
        errors["password"] = error.messages
    for name, message in _TAKEN.items():
        value = getattr(user, name)
        if value and User.objects.filter(**{f"{name}__iexact": value}).exists():
            errors.setdefault(name, [str(message)])
    return errors


def name_parts(full_name: str) -> dict[str, str]:
    """Of a name as people write it: the last word is the family's, if there are two or more."""
    given, _, family = full_name.strip().rpartition(" ")
    if not given:
        given, family = family, ""
    return {"first_name": given.strip()[:150], "last_name": family[:150]}


def create_account(user: User, password: str | None) -> User:
    """Save a new user, who has no role. That the email address is theirs, they have yet to show.

    Who signs in elsewhere has no password here.

    :raises ValidationError: naming each wrong field.
    """
    if errors := account_errors(user, password):
        raise ValidationError(errors)
    user.set_password(password)
    return _save(user, is_email_verified=False)


def create_confirmed_account(user: User) -> User:
    """The same for somebody who has shown that the address is theirs; its password is hashed.

    :raises ValidationError: naming each wrong field.
    """
    if errors := account_errors(user, None):
        raise ValidationError(errors)
    return _save(user, is_email_verified=True)


def create_invited_account(user: User, password: str) -> User:
    """The same for somebody whose address is from who invited them. As where an Administrator adds
    somebody, it is neither confirmed, nor has it to be before anything else.

    :raises ValidationError: naming each wrong field.
    """
    if errors := account_errors(user, password):
        raise ValidationError(errors)
    user.set_password(password)
    return _save(user, is_email_verified=None)


def _save(user: User, *, is_email_verified: bool | None) -> User:
    with suppress(IntegrityError), transaction.atomic():
        if is_email_verified:  # where it was another account's once, it is no more
            once = EmailAddress.objects.filter(email__iexact=user.email, verified=True)
            once.exclude(user__email__iexact=user.email).delete()
        user.save(force_insert=True)
        if is_email_verified is not None:
            _add_address(user, is_verified=is_email_verified)
        return user
    # Of two requests both can look before either writes; the slower one looks again here.
    raise ValidationError(account_errors(user, None))


@transaction.atomic
def save_account(user: User, roles: Iterable[Group], *, by: User) -> None:
    """Save what an Administrator wrote of somebody, new or known, with exactly these roles.

    Whoever gets another address has yet to show that it is theirs.

    :raises PermissionDenied: they may not add or change people.
    :raises MayNotBe: it is not theirs to do.
    """
    known = None
    if user._state.adding:
        rights.require(by, rights.ADDS)
    else:
        known = User.objects.get(pk=user.pk)
        rights.check_account(known, by=by)
    if user.is_superuser != (known is not None and known.is_superuser) and not by.is_superuser:
        raise GivesMore(str(User._meta.get_field("is_superuser").verbose_name))
    with keep_an_administrator():
        # Of somebody known, what the form has: the rest may have changed since it was read.
        user.save(update_fields=_WRITTEN if known else None)
        if known is not None and known.email.lower() != user.email.lower():
            follow_email(user)
        assign_roles(user, roles, by=by)


@transaction.atomic
def deactivate(user: User, *, by: User | None = None) -> None:
    """Close somebody's account: they cannot sign in, and whatever acts for them is dead at once,
    as are the invitations that they answer for.

    It does not come back with the account. ``by`` is who does it; nobody, where the house does.

    :raises PermissionDenied: they may not change people.
    :raises MayNotBe: it is not theirs to do, or nobody would be left who keeps people.
    """
    if user == by:
        raise IsOwnAccount
    if by is not None:
        rights.check_account(user, by=by)
    with keep_an_administrator():
        user.times_shut = User.objects.select_for_update(no_key=True).get(pk=user.pk).times_shut
        user.is_active = False
        user.save(update_fields=["is_active", "updated_at"])  # and counts how often it was closed
    end_access(user, by=None)  # that they may was asked above
    user.invitations.all().revoke()


@transaction.atomic
def reactivate(user: User, *, by: User) -> None:
    """Open a closed account: its owner can sign in again, with what they signed in with before.

    :raises PermissionDenied: they may not change people.
    :raises MayNotBe: it is not theirs to do.
    """
    rights.check_account(user, by=by)
    user.is_active = True
    user.save(update_fields=["is_active", "updated_at"])


@transaction.atomic
def end_access(user: User, *, by: User | None) -> None:
    """Sign somebody out everywhere, and end every token of theirs and of apps that act for them.

    What they allowed an app they need not be asked again, once they sign in there anew. ``by`` is
    who does it; nobody, where the house does.

    :raises PermissionDenied: they may not change people.
    :raises MayNotBe: it is not theirs to do.
    """
    if by is not None:
        rights.check_account(user, by=by)
    now = timezone.now()
    BrowserSession.objects.filter(user=user).delete()
    for tokens in (user.session_tokens, user.personal_tokens, user.authorizations):
        tokens.filter(revoked_at=None).update(revoked_at=now)
    of_theirs = Q(user=user) | Q(application__in=user.apps.all())
    AccessToken.objects.filter(of_theirs, revoked_at=None).update(revoked_at=now)


@transaction.atomic
def sign_everybody_out() -> None:
    """End each browser and each token that somebody got by signing in, here or at an app.

    Personal access tokens stay: their owners made them, and scripts would stand still.
    """
    now = timezone.now()
    BrowserSession.objects.all().delete()
    for tokens in (SessionToken, Authorization, AccessToken):
        tokens.objects.filter(revoked_at=None).update(revoked_at=now)


@transaction.atomic
def delete_account(user: User, *, by: User) -> None:
    """Delete somebody, with all that is theirs alone.

    :raises PermissionDenied: they may not delete people.
    :raises MayNotBe: it is not theirs to do.
    """
    if user == by:
        raise IsOwnAccount
    rights.check_account(user, by=by, permission=rights.DELETES)
    with keep_an_administrator():
        BrowserSession.objects.filter(user=user).delete()
        user.delete()


def set_password(user: User, password: str | None, *, by: User) -> None:
    """Give somebody another password, or none: who has none signs in elsewhere, or not at all.

    :raises PermissionDenied: they may not change people.
    :raises MayNotBe: it is not theirs to do, or nobody would be left who keeps people.
    """
    rights.check_account(user, by=by)
    with keep_an_administrator():
        user.set_password(password)
        user.save(update_fields=["password", "updated_at"])


@transaction.atomic
def follow_email(user: User) -> None:
    """After somebody else gave the user another address: the old one is free, with what was
    confirmed of it, and that the new one is theirs they have yet to show."""
    EmailAddress.objects.filter(user=user).delete()
    _add_address(user, is_verified=False)


def _add_address(user: User, *, is_verified: bool) -> None:
    if user.email:
        EmailAddress.objects.create(
            user=user, email=user.email.lower(), primary=True, verified=is_verified
        )


def is_email_verified(user: User) -> bool:
    """Did the person show that the address is theirs, by opening a link that was sent there?"""
    known = EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True)
    return bool(known.exists())
