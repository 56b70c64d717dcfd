"""The page of one customer: what it shows around the facts, and what its further pages share."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin

from crm import distinctions, duplicates, notes, sales, timeline
from crm.admin.colours import ORDER_COLOURS
from crm.erasing import ERASE
from crm.forms import NoteForm
from crm.merging import LINK_ACCOUNTS, MERGE
from crm.models import Customer, CustomerNote, Order
from crm.taking import TAKE
from identity.models import User
from identity.signed_in import staff_of
from sms.admin.colours import STATUS_COLOURS
from sms.models import Message
from sms.money import spoken_sum
from sms.phone_numbers import national_form

SHOWN_ROWS = 10  # of the orders and texts
SHOWN_NOTES = 20
SEND_TEXTS = "sms.add_message"


class Reach(TextChoices):
    """May a customer be texted? In a word."""

    YES = "yes", gettext_lazy("Yes")
    OPTED_OUT = "opted_out", gettext_lazy("Opted out")
    NO_MOBILE = "no_mobile", gettext_lazy("No mobile")
    UNREACHABLE = "unreachable", gettext_lazy("Unreachable")
    ERASED = "erased", gettext_lazy("Erased")


REACH_COLOURS: dict[str, str] = {
    Reach.YES: "success",
    Reach.OPTED_OUT: "danger",
    Reach.NO_MOBILE: "warning",
    Reach.UNREACHABLE: "warning",
    Reach.ERASED: "info",
}


def reach_of(customer: Customer) -> Reach:
    """May the customer be texted? Of one of the list, which knows what was said."""
    if customer.is_erased:
        return Reach.ERASED
    if customer.sms_opted_out:
        return Reach.OPTED_OUT
    if not customer.takes_texts:
        return Reach.NO_MOBILE
    return Reach.UNREACHABLE if customer.unreachable else Reach.YES


def page_of(customer: Customer, user: User) -> dict[str, Any]:
    """What the page shows above and below the facts, of what this one may see."""
    # As it is stored: a form that was refused has put what was typed into the record.
    stored = Customer.objects.with_opt_out().with_reach().get(pk=customer.pk)
    reach, is_known = reach_of(stored), not stored.is_erased
    return {
        "customer": stored,
        "new_order_query": urlencode({"customer": str(stored.pk)}),
        "phone": national_form(stored.phone_number),
        "reach": reach.label,
        "reach_colour": REACH_COLOURS[reach],
        "shown": SHOWN_ROWS,
        "may_order": is_known and user.has_perm(TAKE),
        "may_text": is_known and user.has_perm(SEND_TEXTS),
        "may_merge": is_known and user.has_perms(MERGE),
        "may_tell_apart": is_known and user.has_perm(distinctions.SAYS),
        "may_erase": is_known and user.has_perm(ERASE),
        "likenesses": duplicates.likely_duplicates(stored),
        "entries": _entries(stored, user),
        **_notes(stored, user),
        **(_orders(stored) if user.has_perm("crm.view_order") else {}),
        **(_texts(stored) if user.has_perm("sms.view_message") else {}),
    }


def _orders(customer: Customer) -> dict[str, Any]:
    rows = customer.orders.order_by("-created_at", "-id")[:SHOWN_ROWS]
    return {
        "customer_orders": [(row, ORDER_COLOURS[Order.Status(row.status)]) for row in rows],
        "bought": _in_words(*sales.bought_by(customer)),
    }


def _in_words(bought: sales.Sales, cancelled: int) -> str:
    """What somebody bought: ``12 orders, KES 80,405.00; and 1 cancelled``."""
    told = ngettext("{count} order", "{count} orders", bought.orders).format(
        count=f"{bought.orders:,}"
    )
    if bought.priced:
        told = f"{told}, {spoken_sum(settings.CURRENCY, bought.revenue)}"
    if cancelled:
        told = _("{told}; and {count} cancelled").format(told=told, count=f"{cancelled:,}")
    return told


def _texts(customer: Customer) -> dict[str, Any]:
    rows = latest_texts(customer)
    return {"customer_texts": [(row, STATUS_COLOURS[Message.Status(row.status)]) for row in rows]}


def latest_texts(customer: Customer) -> list[Message]:
    """The newest texts to the customer, at any phone, and to the phone they have."""
    merges = list(customer.merges.all())
    phones = [customer.phone_number, *(each.phone_number for each in merges)]
    records = [customer.pk, *(each.other_id for each in merges)]
    newest = Message.objects.order_by("-created_at")
    # Each by its own index, which the two conditions in one query would not be.
    found = [
        *newest.filter(phone_number__in=phones)[:SHOWN_ROWS],
        *newest.filter(recipient_id__in=records)[:SHOWN_ROWS],
    ]
    once = {message.pk: message for message in found}.values()
    return sorted(once, key=lambda message: message.created_at, reverse=True)[:SHOWN_ROWS]


def _notes(customer: Customer, user: User) -> dict[str, Any]:
    known = CustomerNote.objects.filter(customer=customer).select_related("author")
    rows = known[: SHOWN_NOTES + 1]
    may_add = user.has_perm(notes.WRITE_NOTES)
    shown = [(note, notes.may_delete(note, user)) for note in rows]
    return {
        "notes": shown[:SHOWN_NOTES],
        "has_more_notes": len(shown) > SHOWN_NOTES,
        "note_form": None if customer.is_erased or not may_add else NoteForm(),
    }


def _entries(customer: Customer, user: User) -> list[timeline.Entry]:
    hidden = () if user.has_perm(LINK_ACCOUNTS) else ("user",)
    return timeline.newest_first(
        timeline.entries_of(customer, hidden=hidden),
        timeline.consent_entries(customer.phone_number),
        timeline.merge_entries(customer),
        timeline.distinction_entries(customer),
    )


def customer_for(request: HttpRequest, pk: UUID, *permissions: str) -> Customer:
    """The customer, as the list knows them, for who has these permissions.

    :raises PermissionDenied: who has not.
    :raises Http404: there is none.
    """
    if not staff_of(request).has_perms(permissions):
        raise PermissionDenied
    return get_object_or_404(Customer.objects.with_opt_out().with_reach(), pk=pk)


def further_page(
    customers_admin: ModelAdmin, request: HttpRequest, template: str, **context: Any
) -> HttpResponse:
    """A page about a customer beside the one of the facts."""
    context |= customers_admin.admin_site.each_context(request) | {"opts": customers_admin.opts}
    return TemplateResponse(request, f"crm/{template}", context)


def back_to(customer: Customer, part: str = "") -> HttpResponse:
    """To the customer's page, and there to one of its parts."""
    address = reverse("admin:crm_customer_change", args=[customer.pk])
    return redirect(f"{address}#{part}" if part else address)
