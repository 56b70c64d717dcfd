"""A person asks to be forgotten: what could tell who they are goes, and the accounts stay.

Section 40 of Kenya's Data Protection Act, 2019, gives people the right to have personal data erased
that the business may not keep; section 39 lets it keep what another law asks for. So orders with
their amounts and dates stay, as tax law wants books kept, under a customer whom nobody can name.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from crm import distinctions, reasons
from crm.errors import CustomerIsErased, CustomerIsGone
from crm.folding import fold, name_key
from crm.models import Customer, CustomerNote, Import, Merge, Order, SavedView
from identity import rights
from identity.models import User
from sms import erasure
from sms.phone_numbers import stand_in

ERASE = "crm.erase_customer"  # the permission
NAME = "Erased customer"
FILE_NAME = "erased"  # of a sheet that was called as they were


@transaction.atomic
def erase_customer(customer: Customer, *, by: User) -> Customer:
    """Forget who a customer is: their facts, notes and texts, also in what was before.

    :raises PermissionDenied: they may not erase any.
    :raises CustomerIsErased: that was done before.
    :raises CustomerIsGone: somebody deleted the customer.
    :raises PhoneIsBeingTexted: a text is on its way. Nothing is erased; a minute later it can be.
    """
    rights.require(by, ERASE)
    # As for a merge: who writes an order or a text of theirs holds the customer, and is through.
    locked = Customer.objects.select_for_update().filter(pk=customer.pk)
    stored = locked.first()
    if stored is None:
        raise CustomerIsGone(customer)
    if stored.is_erased:
        raise CustomerIsErased(stored)
    records = [stored.pk, *stored.merges.values_list("other_id", flat=True)]
    phones = _phones_of(stored, records)
    _forget_rows_that_tell(stored, phones, records)
    CustomerNote.objects.filter(customer=stored).delete()
    distinctions.forget(stored)
    facts = {"name": NAME, "phone_number": stand_in(stored.pk), "email": ""}
    Merge.objects.filter(kept=stored).update(**facts)
    _erase(stored, facts, by)
    Customer.history.filter(id__in=records).update(user=None, **facts)
    _forget_log(stored, records)
    erasure.forget_person(phones, records)
    return stored


def _erase(customer: Customer, facts: dict[str, Any], by: User) -> None:
    for name, value in facts.items():
        setattr(customer, name, value)
    customer.user, customer.also_known, customer.erased_at = None, "", timezone.now()
    customer.fill_search_text()
    customer._change_reason = reasons.ERASED  # type: ignore[attr-defined]  # read by simple_history
    customer._history_user = by  # type: ignore[attr-defined]  # as above
    customer.save()
    Order.objects.refill_search_text(customer)


def _phones_of(customer: Customer, records: Collection[UUID]) -> list[str]:
    """All that they had, but for those that are another customer's by now."""
    known = Customer.history.filter(id__in=records).order_by()
    had = {customer.phone_number, *known.values_list("phone_number", flat=True)}
    had |= set(customer.merges.values_list("phone_number", flat=True))
    others = Customer.objects.filter(phone_number__in=had).exclude(pk=customer.pk)
    return sorted(had - set(others.values_list("phone_number", flat=True)))


def _forget_log(customer: Customer, records: Collection[UUID]) -> None:
    """The log of the back office calls a record by what it was called."""
    kind = ContentType.objects.get_for_model(Customer)
    entries = LogEntry.objects.filter(content_type=kind, object_id__in=map(str, records))
    entries.update(object_repr=str(customer))


def _forget_rows_that_tell(
    customer: Customer, phones: Sequence[str], records: Collection[UUID]
) -> None:
    """Rows that an import left out and the name of its file, which is the reason of what it wrote,
    too, are kept as they came; and a saved view as it was searched."""
    known = Customer.history.filter(id__in=records).values_list("name", "email")
    called = {text for row in known for text in row} | {customer.name, customer.email}
    called = {fold(text) for text in called} - {""}
    sheets = Import.objects.exclude(error_sheet=b"").values_list("pk", "error_sheet")
    for pk, sheet in sheets.iterator(chunk_size=20):
        if _tells(bytes(sheet).decode(errors="replace"), phones, called):
            Import.objects.filter(pk=pk).update(error_sheet=b"", errors=[])
    for pk, name in Import.objects.values_list("pk", "file_name"):
        if _is_called_so(name, phones, called):
            Import.objects.filter(pk=pk).update(file_name=_unnamed(name))
    for rows in (Customer.history, Order.history):
        imported = rows.filter(history_change_reason__startswith=reasons.IMPORTED.partition("{")[0])
        known_reasons = imported.order_by().values_list("history_change_reason", flat=True)
        for reason in known_reasons.distinct():
            name, mark, job = reasons.file_of(reason).rpartition(" (")
            if _is_called_so(name, phones, called):
                told = reasons.IMPORTED.format(file=f"{_unnamed(name)}{mark}{job}")
                rows.filter(history_change_reason=reason).update(history_change_reason=told)
    for view in SavedView.objects.all():
        searched = dict(parse_qsl(view.query)).get("q", "")
        if _tells(f"{view.name} {searched}", phones, called):
            view.delete()


def _is_called_so(file: str, phones: Iterable[str], called: Iterable[str]) -> bool:
    """Does a file's name have one of the phones, or all words of one of the names, in whatever way
    people write the name of a file: ``AnnaWafula``, ``wafula_anna-2``?"""
    digits, stem = re.sub(r"\D", "", file), PurePath(file).stem
    apart = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-z])(?=[A-Z])|[\W_]+", " ", stem)
    words = set(name_key(apart).split())
    return any(phone[-9:] in digits for phone in phones) or any(
        name and set(name_key(name).split()) <= words for name in called
    )


def _unnamed(file: str) -> str:
    return f"{FILE_NAME}{PurePath(file).suffix}"


def _tells(text: str, phones: Iterable[str], called: Iterable[str]) -> bool:
    """Does it name one of the phones, however written, or one of the names as whole words?"""
    digits, words = re.sub(r"[\s()./-]", "", text), fold(text)
    return any(phone[-9:] in digits for phone in phones) or any(
        re.search(rf"(?<!\w){re.escape(each)}(?!\w)", words) for each in called
    )
