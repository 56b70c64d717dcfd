"""What changed of a customer or an order, when and by whom: their history as people read it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db.models import Field, ForeignKey, Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm import reasons
from crm.models import Customer, Distinction, Merge, Order
from identity.models import User
from sms import opt_outs
from sms.models import ConsentChange
from sms.money import spoken_amount
from sms.phone_numbers import find_phone_number, national_form

MOST = 50  # entries, unless told otherwise

_LABELS = {"user": gettext_lazy("Account")}  # where a field's own name would say too little
_UNTOLD = frozenset({"id", "created_at", "updated_at"})
_TITLES = {
    "+": (gettext_lazy("Created"), "success"),
    "~": (gettext_lazy("Changed"), ""),
    "-": (gettext_lazy("Deleted"), "danger"),
}

Names = dict[tuple[type[Model], Any], str]


@dataclass(frozen=True)
class Change:
    """A field, by the name that people know, with what it held before and after, in words."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Entry:
    """Something that happened to a record. ``by`` is empty where nobody of ours did it."""

    at: datetime
    title: str
    by: str = ""
    changes: tuple[Change, ...] = ()
    detail: str = ""
    tone: str = ""  # as of the steps of a text: success, warning, danger
    told_apart: Customer | None = None  # who is not the same person, which can be taken back


def label_of(field: Any) -> str:
    """What a field is called where its changes are told."""
    return str(_LABELS.get(field.name) or capfirst(field.verbose_name))


def entries_of(
    record: Customer | Order, *, hidden: Collection[str] = (), most: int = MOST
) -> list[Entry]:
    """What the record's history tells, the newest first, without the fields that are hidden.

    However much that is, it costs one query, and one or two more for each kind of record that a
    change leads to, such as from one customer to another.
    """
    rows = list(record.history.select_related("history_user")[: most + 1])
    kept = {field.name for field in record.history.model._meta.concrete_fields}
    told_of = kept - _UNTOLD - set(hidden)
    fields = [field for field in record._meta.concrete_fields if field.name in told_of]
    pairs: list[tuple[Any, Any]] = list(pairwise(rows))
    if rows and len(rows) <= most:
        pairs.append((rows[-1], None))
    names = _names_of(fields, rows)
    told = (_entry(new, old, fields, names) for new, old in pairs)
    return [entry for entry in told if entry is not None]


def consent_entries(phone_number: str) -> list[Entry]:
    """What was said of texts to a phone, the newest first; one query."""
    return [_consent_entry(change) for change in opt_outs.history_of(phone_number)]


def merge_entries(customer: Customer) -> list[Entry]:
    """Which records went into the customer's, with what; one query."""
    return [_merge_entry(merge) for merge in customer.merges.select_related("merged_by")]


def distinction_entries(customer: Customer) -> list[Entry]:
    """Of which customers it was said that they are not the same person; one query."""
    said = Distinction.objects.of(customer).select_related("first", "second", "said_by")
    return [_distinction_entry(each, customer) for each in said]


def newest_first(*sources: Iterable[Entry], most: int = MOST) -> list[Entry]:
    """Several accounts of one record as a single one; what is old, and can be taken back there
    alone, is told as well."""
    together = [entry for source in sources for entry in source]
    ordered = sorted(together, key=lambda entry: entry.at, reverse=True)
    return ordered[:most] + [entry for entry in ordered[most:] if entry.told_apart]


def _entry(
    new: Any, old: Any | None, fields: Sequence[Field[Any, Any]], names: Names
) -> Entry | None:
    changes = () if old is None else tuple(_changes(new, old, fields, names))
    detail = reasons.told(new.history_change_reason or "")
    if old is not None and not changes and not detail and new.history_type == "~":
        return None  # saved as it was
    title, tone = _TITLES[new.history_type]
    by = new.history_user.get_username() if new.history_user else _("somebody unknown")
    return Entry(new.history_date, str(title), by, changes, detail, tone)


def _changes(
    new: Any, old: Any, fields: Sequence[Field[Any, Any]], names: Names
) -> Iterable[Change]:
    for field in fields:
        before, after = getattr(old, field.attname), getattr(new, field.attname)
        if before != after:
            label = label_of(field)
            yield Change(label, _said(field, before, names), _said(field, after, names))


def _said(field: Field[Any, Any], value: Any, names: Names) -> str:
    """A value as the screens write it."""
    if value is None or value == "":
        return _("nothing")
    if isinstance(field, ForeignKey):
        return names.get((field.related_model, value), _("one that is gone"))
    return _written(field, value)


def _written(field: Field[Any, Any], value: Any) -> str:
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "j M Y H:i")
    if isinstance(value, Decimal):
        return spoken_amount(value)
    if field.name == "phone_number" and (known := find_phone_number(value)):
        return national_form(known)
    return str(value)


def _names_of(fields: Sequence[Field[Any, Any]], rows: Sequence[Any]) -> Names:
    """How the records are called that a changed field leads to, also one that is gone by now."""
    names: Names = {}
    for field in fields:
        pks = {getattr(row, field.attname) for row in rows}
        if isinstance(field, ForeignKey) and len(pks) > 1:
            kind: Any = field.related_model
            names |= {(kind, pk): name for pk, name in _called(kind, pks - {None}).items()}
    return names


def _called(kind: Any, pks: set[Any]) -> dict[Any, str]:
    if issubclass(kind, User):
        return dict(kind._default_manager.filter(pk__in=pks).values_list("pk", "username"))
    found = {pk: str(record) for pk, record in kind._default_manager.in_bulk(pks).items()}
    if gone := pks - found.keys():
        last = kind.history.filter(id__in=gone).order_by("history_id")
        found |= {row.id: kind.__str__(row) for row in last}  # a row has what a record has
    return found


def _merge_entry(merge: Merge) -> Entry:
    who = ", ".join(filter(None, [merge.name, national_form(merge.phone_number), merge.email]))
    told = _("{code} ({who}) went into {kept}, with {orders}, {texts} and {notes}.")
    return Entry(
        merge.merged_at,
        _("Merged"),
        merge.merged_by.get_username() if merge.merged_by else _("somebody unknown"),
        detail=told.format(
            code=merge.code,
            who=who,
            kept=merge.kept_code,
            orders=_many(ngettext("{count} order", "{count} orders", merge.orders), merge.orders),
            texts=_many(ngettext("{count} text", "{count} texts", merge.texts), merge.texts),
            notes=_many(ngettext("{count} note", "{count} notes", merge.notes), merge.notes),
        ),
        tone="warning",
    )


def _distinction_entry(said: Distinction, customer: Customer) -> Entry:
    other = said.second if said.first == customer else said.first
    return Entry(
        said.said_at,
        _("Told apart"),
        said.said_by.get_username() if said.said_by else _("somebody unknown"),
        detail=_("Not the same person as {other}.").format(other=other),
        told_apart=other,
    )


def _many(words: str, count: int) -> str:
    return words.format(count=f"{count:,}")


def _consent_entry(change: ConsentChange) -> Entry:
    title = _("Texts wanted") if change.wants_texts else _("No texts wanted")
    how = str(change.get_source_display())
    return Entry(
        change.said_at,
        title,
        change.said_by.get_username() if change.said_by else "",
        detail=f"{how} (“{change.words}”)" if change.words else how,
        tone="success" if change.wants_texts else "warning",
    )
