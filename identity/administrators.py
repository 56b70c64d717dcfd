"""Who keeps people and roles? One of them is always left: nobody else could make another.

That is a superuser, or somebody in the role Administrator while that role allows it; whose account
is open, and who can sign in. A service account is nobody who could be asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q, QuerySet

from identity.errors import LastAdministrator
from identity.models import User

ADMINISTRATOR = "Administrator"  # the role that keeps users and roles
# Without one of these nobody can be brought in, or given a role.
ESSENTIAL = frozenset({"view_user", "add_user", "change_user", "view_role", "change_role"})


def is_administrator(user: User) -> bool:
    """May they make others what they are?"""
    return user.is_superuser or user.groups.filter(name=ADMINISTRATOR).exists()


def administrators() -> QuerySet[User]:
    """Those who can keep people and roles today."""
    can_sign_in = ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Q(
        socialaccount__isnull=False  # allauth's: an account that they have elsewhere
    )
    keeps = Q(is_superuser=True)
    if _does_the_role_keep():
        keeps |= Q(groups__name=ADMINISTRATOR)
    return User.objects.filter(can_sign_in, keeps, is_active=True).distinct()


def _does_the_role_keep() -> bool:
    held = Permission.objects.filter(
        group__in=Group.objects.filter(name=ADMINISTRATOR),
        content_type__app_label="identity",
        codename__in=ESSENTIAL,
    )
    return held.distinct().count() == len(ESSENTIAL)


@contextmanager
def keep_an_administrator() -> Iterator[None]:
    """Around whatever could take the last one away: undone, where it does.

    One after the other: each who comes here waits for who is in here, so that of two who take each
    other's rights at the same moment the second finds out.

    :raises LastAdministrator: there was one before, and none would be left.
    """
    with transaction.atomic():
        known = administrators().values("pk")
        rows = User.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk")
        were_there = bool(rows.values_list("pk"))
        yield
        if were_there and not administrators().exists():
            raise LastAdministrator
