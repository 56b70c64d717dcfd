"""My orders: what a signed-in customer sees and does there. Those of others are not there."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm import self_service
from crm.contact_form import ContactForm
from crm.errors import (
    AccountHasCustomer,
    AccountIsOfStaff,
    CustomerIsGone,
    OrderIsGone,
    OrderIsUnderWay,
)
from crm.models import Customer, Order
from crm.my_orders.forms import PlaceOrderForm
from crm.my_orders.page import own_orders
from crm.registration import register_customer_of
from identity import guard
from identity.errors import TooManyAttempts, try_again_in
from identity.form_keys import FormWasSentBefore, use_form_key
from identity.models import User
from identity.signed_in import OwnRequest, own_page
from sms.phone_numbers import national_form


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def my_orders(request: OwnRequest) -> HttpResponse:
    """A customer's own orders with the texts about them, and the form to place another."""
    customer = Customer.objects.of_account(request.user).with_opt_out().first()
    if customer is None:
        return _no_customer(request)
    form = PlaceOrderForm(request.POST if request.method == "POST" else None)
    wait = 0
    if form.is_valid():
        try:
            order = _place(request.user, customer, form)
        except FormWasSentBefore:
            messages.info(request, _("That order was placed already, once."))
            return redirect("my-orders")
        except TooManyAttempts as refusal:
            wait = refusal.wait
            told = _("You placed {most} orders within an hour. {again}")
            most = self_service.MOST_ORDERS
            form.add_error(None, told.format(most=most, again=try_again_in(wait)))
        except ValidationError as error:
            _show(form, error)
        else:
            told = _("Your order {number} is placed.")
            messages.success(request, told.format(number=order.order_number))
            return redirect("my-orders")
    page = own_orders(customer, _before(request))
    phone = national_form(customer.phone_number)
    context = {"customer": customer, "phone": phone, "form": form, "page": page}
    return _page(request, "crm/my_orders.html", context, wait)


def _show(form: Form, error: ValidationError) -> None:
    """Say what is wrong beside its field or, where the page has none for it, above them all."""
    for name, said in error.message_dict.items():
        form.add_error(name if name in form.fields else None, said)


def _page(request: HttpRequest, template: str, context: dict[str, Any], wait: int) -> HttpResponse:
    response = render(request, template, context, status=429 if wait else 200)
    if wait:
        response["Retry-After"] = str(wait)
    return response


def _before(request: HttpRequest) -> UUID | None:
    text = request.GET.get("before")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Http404 from None  # no page links there


@transaction.atomic
def _place(user: User, customer: Customer, form: PlaceOrderForm) -> Order:
    use_form_key(user, form.cleaned_data["form_key"])
    order = form.new_order()
    order.customer = customer
    return self_service.place_own_order(order)


def _no_customer(
    request: OwnRequest, form: ContactForm | None = None, wait: int = 0
) -> HttpResponse:
    """Who came here with an account from elsewhere has yet to say who they are."""
    if request.user.is_staff:
        status = 403 if request.method == "POST" else 200
        return render(request, "crm/no_customer.html", status=status)
    form = form or ContactForm(initial={"name": request.user.get_full_name()})
    return _page(request, "crm/new_customer.html", {"form": form}, wait)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: OwnRequest) -> HttpResponse:
    """Make the customer's record of somebody who has an account only."""
    user, wait = request.user, 0
    if Customer.objects.of_account(user).exists():
        return redirect("my-orders")
    if request.method != "POST" or user.is_staff:
        return _no_customer(request)
    form = ContactForm(request.POST)
    if form.is_valid():
        try:
            _register(request, form)
        except (AccountHasCustomer, AccountIsOfStaff):  # since they sent it
            return redirect("my-orders")
        except TooManyAttempts as refusal:
            wait = refusal.wait
            form.add_error(None, str(refusal))
        except ValidationError as error:
            _show(form, error)
        else:
            messages.success(request, _("Thank you. You can place an order now."))
            return redirect("my-orders")
    return _no_customer(request, form, wait)


def _register(request: OwnRequest, form: ContactForm) -> None:
    user, facts = request.user, form.cleaned_data
    customer = Customer(name=facts["name"], phone_number=facts["phone_number"])
    # Each tells whether somebody has the phone, so each counts.
    with guard.attempt(
        "registration", account=user.get_username(), address=request.META["REMOTE_ADDR"]
    ):
        register_customer_of(user, customer)


@own_page
@require_POST
def cancel(request: OwnRequest, order_id: UUID) -> HttpResponse:
    """Cancel one of your orders, as long as nobody has started on it."""
    own = Order.objects.filter(customer__user=request.user).select_related("customer")
    order = get_object_or_404(own, pk=order_id)
    try:
        self_service.cancel_own_order(order)
    except OrderIsUnderWay:
        status = str(order.get_status_display()).lower()
        told = _("Your order {number} is {status}: it cannot be cancelled.")
        messages.error(request, told.format(number=order.order_number, status=status))
    except OrderIsGone:
        raise Http404 from None
    else:
        told = _("Your order {number} is cancelled.")
        messages.success(request, told.format(number=order.order_number))
    return redirect("my-orders")


@own_page
@require_POST
def stop_texts(request: OwnRequest) -> HttpResponse:
    """Get no more texts. To get them again is not one's own to say: see ``crm.self_service``."""
    customer = get_object_or_404(Customer.objects.of_account(request.user))
    try:
        self_service.stop_texts(customer)
    except CustomerIsGone:
        raise Http404 from None
    messages.success(request, _("You get no more texts."))
    return redirect("my-orders")
