"""Which rights may somebody give, and whose account is theirs to change?

Nobody raises their own rights. There are three ways to try: to take a role, to put more into one,
and to take over the account of somebody who has more. So people give and take only what they hold
themselves, and change only the accounts of those who hold no more than they do. A superuser holds
everything.

What somebody holds is read anew each time, and is the same while their account is closed: it could
be opened again.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet

from identity.errors import GivesMore, HoldsMore
from identity.models import User

ADDS, CHANGES = "identity.add_user", "identity.change_user"  # the permissions
DELETES = "identity.delete_user"


def holds_more(other: User, user: User) -> bool:
    """Has the other a right that this user lacks?"""
    if user.is_superuser or other.pk == user.pk:
        return False
    return other.is_superuser or not _rights_of(other) <= _rights_of(user)


def require(user: User, *permissions: str) -> None:
    """Let nobody on who lacks a permission.

    :raises PermissionDenied: they lack one of these.
    """
    if not user.has_perms(permissions):
        raise PermissionDenied


def check_account(other: User, *, by: User, permission: str = CHANGES) -> None:
    """
    :raises PermissionDenied: they have no business with anybody's account.
    :raises HoldsMore: it is not theirs to change, as its owner may do more.
    """
    require(by, permission)
    check_within(other, by=by)


def check_within(other: User, *, by: User) -> None:
    """
    :raises HoldsMore: its owner may do more than they.
    """
    if holds_more(other, by):
        raise HoldsMore(str(other))


def check_roles(roles: Iterable[Group], *, by: User) -> None:
    """
    :raises GivesMore: one of them allows what they may not do.
    """
    chosen = {role.pk for role in roles}
    if beyond := Group.objects.filter(pk__in=chosen).exclude(pk__in=roles_within(by)):
        raise GivesMore(", ".join(sorted(role.name for role in beyond)))


def check_permissions(permissions: Iterable[Permission], *, by: User) -> None:
    """
    :raises GivesMore: one of them is not theirs.
    """
    if by.is_superuser:
        return
    mine = _rights_of(by)
    if beyond := [each for each in permissions if each.pk not in mine]:
        raise GivesMore(", ".join(sorted(each.name for each in beyond)))


def roles_within(user: User) -> QuerySet[Group]:
    """The roles that they may give and take."""
    roles = Group.objects.order_by("name")
    if user.is_superuser:
        return roles
    beyond = Permission.objects.exclude(pk__in=_rights_of(user))
    return roles.exclude(pk__in=Group.objects.filter(permissions__in=beyond).values("pk"))


def permissions_within(user: User) -> QuerySet[Permission]:
    """The permissions that they may put into a role, and take out."""
    permissions = Permission.objects.order_by("pk")
    return permissions if user.is_superuser else permissions.filter(pk__in=_rights_of(user))


def _rights_of(user: User) -> set[int]:
    """The permissions of somebody who is no superuser."""
    granted = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    return set(granted.order_by().values_list("pk", flat=True))
