"""Whom has a person let in, for what, and how does it end?"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from identity import two_factor
from identity.models import Application, Authorization, Consent, User


def may_use(user: User, app: Application) -> bool:
    """Is the app for this person, by the roles that it is for?"""
    allowed = {role.pk for role in app.allowed_roles.all()}
    return not allowed or user.groups.filter(pk__in=allowed).exists()


def may_go_on(user: User, app: Application) -> bool:
    """May the app keep acting for this person, with nobody asked?"""
    return may_use(user, app) and not two_factor.is_missing(user)


def has_consented(user: User, app: Application, scopes: Iterable[str]) -> bool:
    """Did the person allow all of this before, and not take it back since?"""
    known = Consent.objects.filter(user=user, application=app).first()
    return known is not None and set(scopes) <= set(known.scope.split())


@transaction.atomic
def remember_consent(user: User, app: Application, scopes: Iterable[str]) -> None:
    """Ask no more for these scopes; what was allowed before stays allowed."""
    known, _ = Consent.objects.select_for_update().get_or_create(user=user, application=app)
    known.scope = " ".join(dict.fromkeys([*known.scope.split(), *scopes]))
    known.save()


def begin_authorization(
    user: User, app: Application, scopes: Iterable[str], *, sid: str, auth_time: datetime
) -> Authorization:
    """Let the app in: what it gets from now on belongs to this row."""
    return Authorization.objects.create(
        user=user,
        application=app,
        scope=" ".join(dict.fromkeys(scopes)),
        sid=sid,
        auth_time=auth_time,
        password_mark=user.get_session_auth_hash(),
    )


def end_authorization(authorization: Authorization) -> None:
    """Codes and tokens that came of it are dead from here on."""
    _end(pk=authorization.pk)


def end_session_authorizations(sid: str) -> None:
    """Those that were given in one session of a browser."""
    if sid:
        _end(sid=sid)


@transaction.atomic
def revoke_consent(user: User, app: Application) -> None:
    """Take back what the person allowed: the app's tokens for them end, and it must ask again."""
    Consent.objects.filter(user=user, application=app).delete()
    _end(user=user, application=app)


def _end(**which: object) -> None:
    Authorization.objects.filter(**which, revoked_at=None).update(revoked_at=timezone.now())
