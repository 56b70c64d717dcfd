"""An order on paper: what a customer takes home, or is sent along with the goods."""

from uuid import UUID

from django.conf import settings
from django.contrib.admin.sites import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from crm.models import Order, OrderStatus
from sms.money import spoken_sum


def door() -> URLPattern:
    return path("<uuid:order_id>/receipt/", site.admin_view(receipt), name="crm_order_receipt")


def receipt(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The order as it is handed over: a receipt once it is completed, and a confirmation before."""
    if not request.user.has_perm("crm.view_order"):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.select_related("customer"), pk=order_id)
    is_done = order.status == OrderStatus.COMPLETED
    context = {
        "order": order,
        "heading": _("Receipt") if is_done else _("Order confirmation"),
        "total": spoken_sum(order.currency, order.amount),
        "business": settings.BUSINESS_NAME,
    }
    return render(request, "crm/receipt.html", context)
