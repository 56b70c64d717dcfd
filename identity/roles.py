"""Which roles are there, and who has them? A role is a Django group with permissions."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from identity import rights
from identity.administrators import ADMINISTRATOR, keep_an_administrator
from identity.errors import RoleIsNeeded, RoleKeepsItsName
from identity.models import Invitation, Role, User


def known_permissions() -> dict[str, Permission]:
    """Each permission there is, by its name, such as ``crm.view_order``."""
    return {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }


@transaction.atomic
def load_roles(path: Path, new: Collection[str] = ()) -> list[str]:
    """Make the roles of a file, ``{"Clerk": ["crm.view_order", ...]}``, that are not there yet.

    A role that is there is left as its Administrators made it, but for the permissions that are
    new with this version: nobody can have taken those away. Returns the names of the new roles.

    :raises ValueError: the file names a permission that does not exist.
    """
    permissions = known_permissions()
    made = []
    for name, codenames in json.loads(path.read_text()).items():
        unknown = [codename for codename in codenames if codename not in permissions]
        if unknown:
            raise ValueError(f"{path.name}: {name} has unknown permissions: {', '.join(unknown)}")
        role, is_new = Role.objects.get_or_create(name=name)
        if is_new:
            role.permissions.set(permissions[codename] for codename in codenames)
            made.append(name)
        else:
            role.permissions.add(*(permissions[each] for each in codenames if each in new))
    return made


@transaction.atomic
def assign_roles(user: User, roles: Iterable[Group], *, by: User | None = None) -> None:
    """Give a user exactly these roles; somebody with a role is staff and may open the admin.

    ``by`` is who does it; nobody, where the house does.

    :raises MayNotBe: it is not theirs to do.
    """
    chosen, before = set(roles), set(user.groups.all())
    if by is not None:
        rights.check_within(user, by=by)
        rights.check_roles(before ^ chosen, by=by)
    if before <= chosen:
        user.groups.set(chosen)
    else:
        with keep_an_administrator():
            user.groups.set(chosen)
    mark_staff(user)


@transaction.atomic
def save_role(role: Group, permissions: Iterable[Permission], *, by: User | None = None) -> None:
    """Save a role, new or known, which is to have exactly these permissions.

    :raises MayNotBe: it is not theirs to do.
    """
    chosen = set(permissions)
    before = set() if role._state.adding else set(role.permissions.all())
    if by is not None:
        rights.check_permissions(before ^ chosen, by=by)
    if not role._state.adding:
        name = Group.objects.get(pk=role.pk).name
        if name == ADMINISTRATOR != role.name:
            raise RoleKeepsItsName(name)
    with keep_an_administrator():
        role.save()
        role.permissions.set(chosen)


@transaction.atomic
def delete_role(role: Group, *, by: User | None = None) -> None:
    """Delete a role; who had no other is staff no longer, and who is invited to it, no longer is.

    :raises MayNotBe: it is not theirs to do.
    """
    if by is not None:
        rights.check_roles([role], by=by)
    for_it_alone = [app.name for app in role.allowed_apps.all() if app.allowed_roles.count() == 1]
    if for_it_alone:
        raise RoleIsNeeded(role.name, ", ".join(sorted(for_it_alone)))
    holders = list(User.objects.filter(groups=role))
    with keep_an_administrator():
        Invitation.objects.filter(roles=role).revoke()
        role.delete()
    for holder in holders:
        mark_staff(holder)


def mark_staff(user: User) -> None:
    """Bring ``is_staff`` in line with the user's roles; an administrator always is staff."""
    is_staff = user.is_superuser or user.groups.exists()
    if user.is_staff != is_staff:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])
