"""The page of one order: how it stands, its texts, its changes, and what can be done with it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import moving, timeline
from crm.admin import receipt
from crm.admin.colours import ORDER_COLOURS
from crm.errors import Refusal
from crm.models import Order, OrderStatus
from crm.moving import MovedOne
from identity.form_keys import new_form_key
from identity.models import User
from identity.signed_in import staff_of
from sms.admin.colours import STATUS_COLOURS
from sms.models import Message, MessageStatus
from sms.money import spoken_sum
from sms.phone_numbers import national_form

SHOWN_CHANGES = 10  # the history has them all

STEP_WORDS = {
    OrderStatus.PROCESSING: gettext_lazy("Mark as processing"),
    OrderStatus.COMPLETED: gettext_lazy("Mark as completed"),
    OrderStatus.CANCELLED: gettext_lazy("Cancel this order"),
}


class OrderPage:
    """Before the ``ModelAdmin`` of orders: what its page shows above the form, and its buttons."""

    change_form_outer_before_template = "crm/order.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if shown := context.get("original"):
            context |= page_of(shown, staff_of(request))
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]  # of the ModelAdmin beside it

    def get_urls(self) -> list[URLPattern]:
        move = path("<uuid:order_id>/move/", site.admin_view(move_order), name="crm_order_move")
        return [move, receipt.door(), *super().get_urls()]  # type: ignore[misc]  # as above


def page_of(shown: Order, user: User) -> dict[str, Any]:
    """What the page shows above the form, of what this person may see; as few queries for all."""
    # As it is stored: a form that was refused has put what was typed into the record.
    order = Order.objects.select_related("customer").get(pk=shown.pk)
    steps = order.open_moves if user.has_perm(moving.MOVE) else ()
    return {
        "order": order,
        "total": spoken_sum(order.currency, order.amount),
        "tone": ORDER_COLOURS[OrderStatus(order.status)],
        "phone": national_form(order.customer.phone_number),
        "steps": [
            (_sent(order, step), STEP_WORDS[step])
            for step in steps
            if step != OrderStatus.CANCELLED
        ],
        "may_cancel": OrderStatus.CANCELLED in steps,
        "cancel_sent": _sent(order, OrderStatus.CANCELLED),
        "cancel_words": STEP_WORDS[OrderStatus.CANCELLED],
        "cancel_warning": _warning_of(order) if OrderStatus.CANCELLED in steps else "",
        "order_texts": _texts_about(order) if user.has_perm("sms.view_message") else None,
        "entries": timeline.entries_of(order, most=SHOWN_CHANGES),
    }


def move_order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """A button of the page: the next step of an order, from where its reader saw it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(moving.MOVE):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.select_related("customer"), pk=order_id)
    status, form_key = request.POST.get("status", ""), request.POST.get("form_key", "")
    if status not in STEP_WORDS or not form_key:
        messages.error(request, _("Choose what becomes of the order."))
        return redirect("admin:crm_order_change", order_id)
    step, seen = OrderStatus(status), request.POST.get("seen", order.status)
    try:
        moved = moving.move_order(order, step, seen=seen, by=staff_of(request), form_key=form_key)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _told_of_move(order, step, moved))
    return redirect("admin:crm_order_change", order_id)


def _texts_about(order: Order) -> list[tuple[Message, str]]:
    """The texts about an order with the colour of each one's state, the newest first."""
    rows = Message.objects.filter(about_id=order.pk).order_by("-created_at")
    return [(row, STATUS_COLOURS[MessageStatus(row.status)]) for row in rows]


def _warning_of(order: Order) -> str:
    phone = national_form(order.customer.phone_number)
    if moving.texts_about_move(order, OrderStatus.CANCELLED):
        return _("It cannot be undone, and a text goes to {phone}.").format(phone=phone)
    return _("It cannot be undone. No text goes out.")


def _told_of_move(order: Order, status: OrderStatus, moved: MovedOne) -> str:
    facts = {"number": order.order_number, "status": str(status.label).lower()}
    if moved == MovedOne.BEFORE or order.status != status:  # a button of then, pressed again
        return _("Order {number} was {status} already.").format(**facts)
    said = _("Order {number} is {status} now.").format(**facts)
    if moved == MovedOne.SILENT:
        return said
    phone = national_form(order.customer.phone_number)
    return f"{said} {_('A text goes to {phone}.').format(phone=phone)}"


def _sent(order: Order, step: OrderStatus) -> dict[str, str]:
    """What the button of a step sends."""
    return {"seen": order.status, "status": step.value, "form_key": new_form_key()}
