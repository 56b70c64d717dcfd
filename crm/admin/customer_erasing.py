"""The page on which a customer's personal data is erased."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from crm import erasing
from crm.admin.customer_page import back_to, customer_for, further_page
from crm.errors import Refusal
from crm.models import Customer, CustomerNote
from identity.signed_in import staff_of
from sms import opt_outs
from sms.errors import PhoneIsBeingTexted


def doors(customers_admin: ModelAdmin) -> list[URLPattern]:
    """To see what goes and what stays, and erase it, for who may."""

    @require_http_methods(["GET", "POST"])
    def erase(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        customer = customer_for(request, customer_id, "crm.view_customer", erasing.ERASE)
        if customer.is_erased or (request.method == "POST" and _erases(request, customer)):
            return back_to(customer)
        return further_page(
            customers_admin,
            request,
            "erase.html",
            title=_("Erase personal data"),
            customer=customer,
            orders=customer.orders.count(),
            notes=CustomerNote.objects.filter(customer=customer).count(),
            is_opted_out=opt_outs.is_opted_out(customer.phone_number),
        )

    wrap = customers_admin.admin_site.admin_view
    return [path("<uuid:customer_id>/erase/", wrap(erase), name="crm_customer_erase")]


def _erases(request: HttpRequest, customer: Customer) -> bool:
    """Erase it where the code was typed; else say what is missing, and False."""
    if request.POST.get("code", "").strip().upper() != customer.code:
        messages.error(request, _("Type the customer's code: nothing was erased."))
        return False
    try:
        erasing.erase_customer(customer, by=staff_of(request))
    except (Refusal, PhoneIsBeingTexted) as refusal:
        messages.error(request, str(refusal))
        return False
    messages.success(request, _("The personal data is erased. The orders stay."))
    return True
