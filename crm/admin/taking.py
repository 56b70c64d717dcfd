"""The screen on which an order is taken: the search for who orders, and what is told at the end."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.sites import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import taking
from crm.admin.numbers import number_in
from crm.models import Customer, Order
from crm.taking_form import NEW_CUSTOMER, TakeOrderForm, label_of
from identity.form_keys import FormWasSentBefore, outcome_of
from identity.signed_in import staff_of
from sms import opt_outs, reach
from sms.models import MessageStatus
from sms.phone_numbers import find_phone_part, national_form

FOUND_AT_ONCE = 20
NEW = "new"  # what the search offers in place of a customer's id, where it finds nobody
_FOLDED = "collapse"


class TakingOrders:
    """Before the ``ModelAdmin`` of orders: its page for a new one."""

    change_form_before_template = "crm/form_key.html"

    def get_form(
        self, request: HttpRequest, obj: Order | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = TakeOrderForm
        return super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]  # of the ModelAdmin beside it

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The customer whose page led here; and no key, as each form has its own."""
        customer = _id_in(request.GET.get("customer", ""))
        return {"customer": customer} if customer else {}

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, object_id, *args, **kwargs)  # type: ignore[misc]  # as above
        except FormWasSentBefore as sent:
            return _taken_before(request, sent.outcome)
        if object_id is None and request.method == "POST" and response.status_code == 200:
            # What is wrong with it may be what the first of two that were sent has made.
            outcome = outcome_of(staff_of(request), request.POST.get("form_key", ""))
            if outcome is not None:
                return _taken_before(request, outcome)
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if context.get("original") is None:
            context |= {"title": _("New order"), "show_save_and_continue": False}
            _unfold_what_is_filled(context["adminform"])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]  # as above

    def response_add(
        self, request: HttpRequest, obj: Order, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(request, told_of(obj))
        return _page_after(request, obj)

    def get_urls(self) -> list[URLPattern]:
        find = path(
            "find-customer/", site.admin_view(find_customer), name="crm_order_find_customer"
        )
        return [find, *super().get_urls()]  # type: ignore[misc]  # as above


def fieldsets_for(request: HttpRequest) -> Any:
    """What the form asks for, with what is seldom wanted folded away."""
    new = (
        gettext_lazy("New customer"),
        {"fields": (*NEW_CUSTOMER.values(),), "classes": [_FOLDED]},
    )
    return (
        (None, {"fields": ("customer",)}),
        *((new,) if request.user.has_perm(taking.ADD_CUSTOMER) else ()),
        (None, {"fields": ("item", "amount")}),
        (gettext_lazy("More"), {"fields": ("order_time", "reference"), "classes": [_FOLDED]}),
    )


def take(request: HttpRequest, order: Order, form: TakeOrderForm) -> Order:
    """Place the order that the form describes.

    :raises PermissionDenied: they may take none, or not from a new customer.
    :raises FormWasSentBefore: it was placed already.
    """
    key = form.cleaned_data["form_key"]
    return taking.take_order(staff_of(request), key, order, form.new_customer)


def find_customer(request: HttpRequest) -> JsonResponse:
    """What the search offers while somebody types: customers, or to write down a new one."""
    if not request.user.has_perm("crm.view_customer"):
        raise PermissionDenied
    term = request.GET.get("term", "").strip()
    page = request.GET.get("page", "")
    start = FOUND_AT_ONCE * (max(number_in(page), 1) - 1)
    found = _found(request, term, start)
    if not found and (begun := find_phone_part(term)):
        found = _found(request, begun, start)
    results = [{"id": str(each.pk), "text": label_of(each)} for each in found[:FOUND_AT_ONCE]]
    if term and not start and not found and request.user.has_perm(taking.ADD_CUSTOMER):
        text = _("Nobody is found. New customer: {typed}").format(typed=term)
        results = [{"id": NEW, "text": text, "typed": term}]
    more = len(found) > FOUND_AT_ONCE
    return JsonResponse({"results": results, "pagination": {"more": more}})


def _found(request: HttpRequest, term: str, start: int) -> list[Customer]:
    """Some of those who are found, the newest first, and one more where there are more."""
    rows = Customer.objects.filter(erased_at=None).order_by("-created_at", "-id")
    customers, _repeats = site.get_model_admin(Customer).get_search_results(request, rows, term)
    return list(customers[start : start + FOUND_AT_ONCE + 1])


def told_of(order: Order) -> SafeString:
    """That an order is taken, and whether its customer gets a text about it."""
    return format_html(
        '{} {} <a class="underline" href="{}">{}</a>',
        _("Order {number} is taken.").format(number=order.order_number),
        _told_of_text(Order.objects.with_sms_status().select_related("customer").get(pk=order.pk)),
        reverse("admin:crm_order_add"),
        _("Take another"),
    )


def _told_of_text(order: Order) -> str:
    phone = order.customer.phone_number
    if order.sms_status is None:
        return _("No text goes out: that text is switched off.")
    if opt_outs.is_opted_out(phone):
        return _("No text goes out: {name} wants none.").format(name=order.customer.name)
    if obstacle := reach.obstacle_of(phone):
        return obstacle
    if order.sms_status in {MessageStatus.FAILED, MessageStatus.UNDELIVERED}:
        return _("The text to {phone} failed.").format(phone=national_form(phone))
    return _("A text goes to {phone}.").format(phone=national_form(phone))


def _taken_before(request: HttpRequest, outcome: str) -> HttpResponse:
    """Where the form led when it was sent first."""
    order = Order.objects.filter(pk=outcome).first()
    if order is None:
        messages.warning(request, _("That order was taken already, and is deleted by now."))
        return HttpResponseRedirect(reverse("admin:crm_order_changelist"))
    messages.success(request, told_of(order))
    return _page_after(request, order)


def _page_after(request: HttpRequest, order: Order) -> HttpResponse:
    if "_addanother" in request.POST:
        return HttpResponseRedirect(reverse("admin:crm_order_add"))
    return HttpResponseRedirect(reverse("admin:crm_order_change", args=[order.pk]))


def _unfold_what_is_filled(form: helpers.AdminForm) -> None:
    """What somebody has filled in is not folded away when the form comes back."""
    filled = {name for name in form.form.fields if form.form.is_bound and form.form[name].data}
    for _name, options in form.fieldsets:
        if filled & set(options["fields"]) & {*NEW_CUSTOMER.values(), "reference"}:
            options["classes"] = [each for each in options["classes"] if each != _FOLDED]


def _id_in(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
