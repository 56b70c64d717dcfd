"""The buttons of a customer's page that say who is not the same person, and take it back."""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from crm import distinctions
from crm.admin.customer_page import back_to, customer_for
from crm.errors import Refusal
from crm.models import Customer
from identity.signed_in import staff_of


def doors(customers_admin: ModelAdmin) -> list[URLPattern]:
    """To tell two customers apart, and to take it back, for who may change customers."""

    @require_POST
    def distinguish(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        told = _("{other} is somebody else, and is pointed out here no more.")
        return _does(request, customer_id, distinctions.distinguish, told)

    @require_POST
    def take_back(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        told = _("{other} is pointed out here again, where the two look alike.")
        return _does(request, customer_id, distinctions.take_back, told)

    wrap = customers_admin.admin_site.admin_view
    return [
        path("<uuid:customer_id>/distinguish/", wrap(distinguish), name="crm_customer_distinguish"),
        path("<uuid:customer_id>/take-back/", wrap(take_back), name="crm_customer_take_back"),
    ]


def _does(
    request: HttpRequest, customer_id: UUID, operation: Callable[..., object], told: str
) -> HttpResponse:
    customer = customer_for(request, customer_id, distinctions.SAYS)
    other = _find(request.POST.get("other", ""))
    if other is None:
        messages.error(request, _("The other record is gone: it was deleted or merged."))
        return back_to(customer)
    try:
        operation(customer, other, by=staff_of(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, told.format(other=other))
    return back_to(customer)


def _find(pk: str) -> Customer | None:
    with suppress(ValidationError):  # it is no id
        return Customer.objects.filter(pk=pk).first()
    return None
