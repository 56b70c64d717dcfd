"""Two records of one person become one. What moved, and from where, is kept to be explained."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import distinctions, reasons
from crm.errors import (
    AccountsNeedAdministrator,
    BothHaveAccounts,
    CustomerIsErased,
    CustomerIsGone,
    NotTwoCustomers,
    Refusal,
)
from crm.folding import lines
from crm.models import Customer, CustomerNote, Distinction, Merge, Order
from identity import rights
from identity.models import User
from sms import opt_outs, outbox
from sms.models import ConsentSource, Message
from sms.opt_outs import Word
from sms.phone_numbers import national_form

MERGE = ("crm.change_customer", "crm.delete_customer", "crm.change_order")  # the permissions
LINK_ACCOUNTS = rights.CHANGES  # to link one is to let it see the customer's orders


@transaction.atomic
def merge_customers(kept: Customer, other: Customer, *, by: User) -> Merge:
    """Move what the other record has to the one that is kept, and delete the other.

    The facts of the kept one stay; only an email or an account that it lacks is taken over. Who
    wanted no texts to one of the phones is texted to neither.

    :raises PermissionDenied: they may not merge any.
    :raises NotTwoCustomers: it is one record.
    :raises BothHaveAccounts: an account sees the orders of one customer.
    :raises AccountsNeedAdministrator: one has an account, and they may not link any.
    :raises CustomerIsGone: somebody deleted one of them, or merged it.
    :raises CustomerIsErased: the personal data of one was erased.
    """
    rights.require(by, *MERGE)
    known = Customer.objects.select_for_update().filter(pk__in=[kept.pk, other.pk])
    # In one order for everybody, so that no two wait for each other; who writes an order of theirs
    # meanwhile holds its customer first, and waits until this is through.
    rows = {row.pk: row for row in known.order_by("pk")}
    for wanted in (kept, other):
        if wanted.pk not in rows:
            raise CustomerIsGone(wanted)
    kept, other = rows[kept.pk], rows[other.pk]
    _refuse(kept, other, by)
    merge = _record(kept, other, by)
    merge.orders = _move_orders(kept, other, by)
    merge.notes = CustomerNote.objects.filter(customer=other).update(customer=kept)
    Merge.objects.filter(kept=other).update(kept=kept)
    distinctions.hand_over(kept, other)
    _join_consent(kept, other, by)
    _tell_history(other, reasons.MERGED_INTO.format(code=kept.code), by)
    other_id, account = other.pk, other.user
    other.delete()
    _tell_history(kept, reasons.MERGED_WITH.format(code=other.code), by)
    _take_over(kept, other, account)
    merge.texts = outbox.hand_over_messages(other_id, kept.pk)
    merge.save(force_insert=True)
    return merge


def _refuse(kept: Customer, other: Customer, by: User) -> None:
    if kept.pk == other.pk:
        raise NotTwoCustomers
    for each in (kept, other):
        if each.is_erased:
            raise CustomerIsErased(each)
    if kept.user_id and other.user_id:
        raise BothHaveAccounts(kept, other)
    if (kept.user_id or other.user_id) and not by.has_perm(LINK_ACCOUNTS):
        raise AccountsNeedAdministrator(kept if kept.user_id else other)


def _record(kept: Customer, other: Customer, by: User) -> Merge:
    return Merge(
        kept=kept,
        kept_code=kept.code,
        other_id=other.pk,
        code=other.code,
        name=other.name,
        phone_number=other.phone_number,
        email=other.email,
        merged_by=by,
    )


def _move_orders(kept: Customer, other: Customer, by: User) -> int:
    """The orders are the kept one's, which their history tells."""
    rows = list(Order.objects.select_for_update().filter(customer=other).order_by("pk"))
    now = timezone.now()
    for row in rows:
        row.customer, row.updated_at = kept, now
    Order.objects.filter(customer=other).update(customer=kept, updated_at=now)
    reason = reasons.CUSTOMER_MERGED.format(other=other.code, kept=kept.code)
    Order.history.bulk_history_create(
        rows, update=True, default_user=by, default_change_reason=reason
    )
    return len(rows)


def _tell_history(customer: Customer, reason: str, by: User) -> None:
    """Both are read by simple_history, which else knows the user of a request alone."""
    customer._change_reason = reason  # type: ignore[attr-defined]  # as it says
    customer._history_user = by  # type: ignore[attr-defined]  # as it says


def _join_consent(kept: Customer, other: Customer, by: User) -> None:
    """Of two words of one person on texts, the one that wants none counts for both phones."""
    if opt_outs.is_opted_out(other.phone_number):
        word = Word(wants_texts=False, source=ConsentSource.NEW_PHONE, said_by=by)
        opt_outs.heed(kept.phone_number, word)


def _take_over(kept: Customer, other: Customer, account: User | None) -> None:
    kept.email = kept.email or other.email
    kept.user = kept.user or account
    found_by = lines(other.code, other.name, other.phone_number, other.email)
    kept.also_known = "\n".join(filter(None, [kept.also_known, found_by, other.also_known]))
    kept.fill_search_text()
    changed = ["email", "user", "also_known", *Customer.FOUND_BY, "updated_at"]
    kept.save(update_fields=changed)
    Order.objects.refill_search_text(kept)


def kept_for(*, pk: object = None, code: object = None) -> Customer | None:
    """The record into which the one with this id, or else this code, went, if it did."""
    had = {"code": code} if pk is None else {"other_id": pk}
    with suppress(ValidationError):  # it is no id
        merge = Merge.objects.filter(**had).select_related("kept").first()
        return merge.kept if merge else None
    return None


def known_by(name: str, value: str) -> QuerySet[Any, Any]:
    """The ids of customers with this ``code`` or ``phone_number``, and of those into whom a record
    with it went; read from the indexes of both."""
    have = Customer.objects.filter(**{name: value}).order_by().values("pk")
    had = Merge.objects.filter(**{name: value}).order_by().values("kept")
    return have.union(had)


@dataclass(frozen=True)
class Plan:
    """What merging two records would do, in sentences; or why it is refused."""

    kept: Customer
    other: Customer
    sentences: list[str]
    refusal: str


def plan_merge(kept: Customer, other: Customer, *, by: User) -> Plan:
    """What ``merge_customers`` would do as things are.

    :raises PermissionDenied: they may not merge any.
    """
    rights.require(by, *MERGE)
    try:
        _refuse(kept, other, by)
    except Refusal as refusal:
        return Plan(kept, other, [], str(refusal))
    return Plan(kept, other, list(_sentences(kept, other)), "")


def _sentences(kept: Customer, other: Customer) -> Iterator[str]:
    orders = other.orders.count()
    texts = Message.objects.filter(recipient_id=other.pk).count()
    notes = CustomerNote.objects.filter(customer=other).count()
    yield _("{what} of {other} go to {kept}.").format(
        what=counted(orders, texts, notes), other=other.code, kept=kept.code
    )
    if said := Distinction.objects.between(kept, other).select_related("said_by").first():
        yield _("{who} said on {day} that they are not the same person.").format(
            who=said.said_by.get_username() if said.said_by else _("Somebody unknown"),
            day=date_format(timezone.localtime(said.said_at), "j M Y"),
        )
    yield _("{kept} keeps its name, phone, language and code.").format(kept=kept.code)
    if other.email and not kept.email:
        yield _("{kept} has no email and takes over {email}.").format(
            kept=kept.code, email=other.email
        )
    if account := kept.user or other.user:
        told = _("The account {account} sees the orders of both from then on.")
        yield told.format(account=account.get_username())
    if opt_outs.is_opted_out(other.phone_number) and not opt_outs.is_opted_out(kept.phone_number):
        told = _("{other} wants no texts to {old}, so that none are sent to {new} either.")
        yield told.format(
            other=other.code,
            old=national_form(other.phone_number),
            new=national_form(kept.phone_number),
        )
    yield _(
        "{other} is deleted. Its code, name, phone and email stay on the page of {kept}, "
        "which is found by them."
    ).format(other=other.code, kept=kept.code)


def counted(orders: int, texts: int, notes: int) -> str:
    """``3 orders, 2 texts and 1 note``"""
    return _("{orders}, {texts} and {notes}").format(
        orders=ngettext("{count} order", "{count} orders", orders).format(count=f"{orders:,}"),
        texts=ngettext("{count} text", "{count} texts", texts).format(count=f"{texts:,}"),
        notes=ngettext("{count} note", "{count} notes", notes).format(count=f"{notes:,}"),
    )
