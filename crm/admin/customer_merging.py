"""The page on which two records of one person become one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from crm import merging
from crm.admin.customer_page import back_to, customer_for, further_page, reach_of
from crm.errors import Refusal
from crm.models import Customer
from identity.signed_in import staff_of
from sms.phone_numbers import find_phone_number, national_form


def doors(customers_admin: ModelAdmin) -> list[URLPattern]:
    """To choose the other record, see what a merge would do, and do it, for who may."""

    @require_http_methods(["GET", "POST"])
    def merge(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        kept = customer_for(request, customer_id, *merging.MERGE)
        wanted = request.POST.get("with") or request.GET.get("with", "")
        other = _find(wanted)
        if request.method == "POST" and _merges(request, kept, other, wanted):
            return back_to(kept, "customer-changes")
        return further_page(
            customers_admin,
            request,
            "merge.html",
            title=_("Merge customers"),
            customer=kept,
            wanted=wanted,
            **_shown(request, kept, other),
        )

    wrap = customers_admin.admin_site.admin_view
    return [path("<uuid:customer_id>/merge/", wrap(merge), name="crm_customer_merge")]


def _find(wanted: str) -> Customer | None:
    """Whom a code or a phone names, in whichever form it is written."""
    known = Customer.objects.with_opt_out().with_reach()
    if found := known.filter(code=wanted.strip().upper()).first():
        return found
    phone_number = find_phone_number(wanted)
    return known.filter(phone_number=phone_number).first() if phone_number else None


def _shown(request: HttpRequest, kept: Customer, other: Customer | None) -> dict[str, Any]:
    if other is None:
        return {"plan": None}
    plan = merging.plan_merge(kept, other, by=staff_of(request))
    if kept.pk == other.pk:
        return {"plan": plan}
    address = reverse("admin:crm_customer_merge", args=[other.pk])
    sides = [_side(kept, _("Is kept"), "success"), _side(other, _("Goes into it"), "warning")]
    return {"plan": plan, "sides": sides, "swapped": f"{address}?{urlencode({'with': kept.code})}"}


def _side(customer: Customer, verdict: str, colour: str) -> dict[str, Any]:
    return {
        "customer": customer,
        "verdict": verdict,
        "colour": colour,
        "phone": national_form(customer.phone_number),
        "reach": reach_of(customer).label,
        "orders": customer.orders.count(),
    }


def _merges(request: HttpRequest, kept: Customer, other: Customer | None, wanted: str) -> bool:
    """Merge them, once however often it is asked; else say why not, and False."""
    if other is None:
        return kept.merges.filter(code=wanted).exists()  # it was asked a moment ago, too
    try:
        merge = merging.merge_customers(kept, other, by=staff_of(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return False
    what = merging.counted(merge.orders, merge.texts, merge.notes)
    told = _("{other} went into {kept}, with {what}.")
    messages.success(request, told.format(other=other, kept=kept.code, what=what))
    return True
