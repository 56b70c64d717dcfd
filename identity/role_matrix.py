"""Which role may what, in words? A row for each right, and a column for each role."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet

from identity.rights_in_words import subjects


@dataclass(frozen=True)
class Row:
    words: str
    marks: list[tuple[str, bool]]  # each role, and whether it may


@dataclass(frozen=True)
class Section:
    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Matrix:
    roles: list[Group]
    sections: list[Section]


def names_of(permissions: QuerySet[Permission]) -> dict[str, Permission]:
    """Each of these by its name, such as ``crm.view_order``."""
    return {
        f"{each.content_type.app_label}.{each.codename}": each
        for each in permissions.select_related("content_type")
    }


def other_rights(role: Group) -> list[str]:
    """What it may do that no words are there for, as Django calls it."""
    told = {name for subject in subjects() for name in subject.words}
    held = names_of(role.permissions.all())
    return sorted(each.name for name, each in held.items() if name not in told)


def role_matrix() -> Matrix:
    """Three queries, however many roles there are."""
    roles = list(Group.objects.order_by("name"))
    held: dict[int, set[str]] = {role.pk: set() for role in roles}
    granted = Group.permissions.through.objects.values_list(
        "group_id", "permission__content_type__app_label", "permission__codename"
    )
    for role_id, app, codename in granted:
        held[role_id].add(f"{app}.{codename}")

    def row(words: Any, name: str) -> Row:
        return Row(str(words), [(role.name, name in held[role.pk]) for role in roles])

    sections = [
        Section(str(each.title), [row(words, name) for name, words in each.words.items()])
        for each in subjects()
    ]
    return Matrix(roles, sections)
