"""Every write to the views of lists and to the columns that people chose, a verb each."""

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from crm.models import ColumnChoice, SavedView, ViewedList
from identity import rights
from identity.models import User

SHARE = "crm.share_savedview"  # the permission
COLUMNS = "columns"  # of a list's address
_EACH_LIST = {"q", "o", COLUMNS}
# What else narrows each; a parameter that its list does not know would be refused there.
PARAMETERS: dict[str, frozenset[str]] = {
    ViewedList.CUSTOMERS: frozenset({*_EACH_LIST, "texts", "alike", "language__exact"}),
    ViewedList.ORDERS: frozenset(
        {
            *_EACH_LIST,
            "status__exact",
            "customer__id__exact",
            *(f"order_time_{end}_{part}" for end in ("from", "to") for part in "01"),
        }
    ),
}
_MOST_PARAMETERS = 50


def clean_query(viewed: str, query: str) -> str:
    """What of an address the list knows, in one order, so that two that mean the same are equal.

    :raises ValidationError: it has too many parts.
    """
    try:
        pairs = parse_qsl(query.removeprefix("?"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise ValidationError(_("This address is too long to be saved.")) from None
    known = [
        (name, value)
        for name, value in pairs
        if name in PARAMETERS[viewed] and value.isprintable() and value
    ]
    return urlencode(sorted(known))


def save_view(
    owner: User, viewed: str, name: str, query: str, *, is_shared: bool = False
) -> SavedView:
    """Save a view; one of the owner's with the same name on this list is replaced.

    :raises PermissionDenied: they may not see the list, or not share a view of it.
    :raises ValidationError: naming each wrong field.
    """
    rights.require(owner, ViewedList(viewed).permission, *([SHARE] if is_shared else []))
    view = SavedView(owner=owner, list=viewed, name=name.strip(), is_shared=is_shared)
    view.query = clean_query(viewed, query)
    view.full_clean(validate_constraints=False)
    saved, _is_new = SavedView.objects.update_or_create(
        owner=owner,
        list=viewed,
        name=view.name,
        defaults={"query": view.query, "is_shared": is_shared},
    )
    return saved


def is_kept_by(view: SavedView, user: User) -> bool:
    """May they change and delete it? Of a list that they may see, one's own; and shared ones,
    whoever may share."""
    is_theirs = view.owner_id == user.pk or (view.is_shared and user.has_perm(SHARE))
    return is_theirs and user.has_perm(ViewedList(view.list).permission)


def revise_view(view: SavedView, changes: dict[str, Any], *, by: User) -> SavedView:
    """Change the name of a view, or whether it is shared.

    :raises PermissionDenied: it is not theirs to change, or they may not share any.
    :raises ValidationError: naming each wrong field.
    """
    # As it is stored: a form has put what was typed into the record.
    _check_keeper(SavedView.objects.get(pk=view.pk), by)
    if "is_shared" in changes:
        rights.require(by, SHARE)
    for field, value in changes.items():
        setattr(view, field, value)
    view.full_clean()
    if changes:
        view.save(update_fields=[*changes, "updated_at"])
    return view


def delete_view(view: SavedView, *, by: User) -> None:
    """Delete a view; the addresses that were made of it stay good.

    :raises PermissionDenied: it is not theirs to delete.
    """
    _check_keeper(view, by)
    view.delete()


def _check_keeper(view: SavedView, user: User) -> None:
    if not is_kept_by(view, user):
        raise PermissionDenied


def choose_columns(
    owner: User, viewed: str, chosen: Iterable[str], known: Collection[str]
) -> list[str]:
    """Show these columns of a list from now on, of those that there are; none: as it comes."""
    columns = [name for name in dict.fromkeys(chosen) if name in known]
    mine = ColumnChoice.objects.filter(owner=owner, list=viewed)
    if columns:
        ColumnChoice.objects.update_or_create(
            owner=owner, list=viewed, defaults={"columns": ",".join(columns)}
        )
    else:
        mine.delete()
    return columns


def columns_of(owner: User, viewed: str) -> list[str]:
    """The columns that somebody chose; empty where they did not."""
    chosen = ColumnChoice.objects.filter(owner=owner, list=viewed).values_list("columns", flat=True)
    return next((columns.split(",") for columns in chosen), [])
