"""My orders: what a signed-in customer sees and does there. Those of others are not there."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from crm import self_service
from crm.errors import CustomerIsGone, OrderIsGone, OrderIsUnderWay
from crm.models import Customer, Order
from crm.my_orders.forms import PlaceOrderForm
from crm.my_orders.page import own_orders
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
        return render(request, "crm/no_customer.html")
    form = PlaceOrderForm(request.POST if request.method == "POST" else None)
    wait = 0
    if form.is_valid():
        try:
            order = _place(request.user, customer, form)
        except FormWasSentBefore:
            messages.info(request, "That order was placed already, once.")
            return redirect("my-orders")
        except TooManyAttempts as refusal:
            wait = refusal.wait
            most = self_service.MOST_ORDERS
            form.add_error(None, f"You placed {most} orders within an hour. {try_again_in(wait)}")
        except ValidationError as error:
            for name, said in error.message_dict.items():
                form.add_error(name if name in form.fields else None, said)
        else:
            messages.success(request, f"Your order {order.order_number} is placed.")
            return redirect("my-orders")
    page = own_orders(customer, _before(request))
    phone = national_form(customer.phone_number)
    context = {"customer": customer, "phone": phone, "form": form, "page": page}
    response = render(request, "crm/my_orders.html", context, status=429 if wait else 200)
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


@own_page
@require_POST
def cancel(request: OwnRequest, order_id: UUID) -> HttpResponse:
    """Cancel one of your orders, as long as nobody has started on it."""
    own = Order.objects.filter(customer__user=request.user).select_related("customer")
    order = get_object_or_404(own, pk=order_id)
    try:
        self_service.cancel_own_order(order)
    except OrderIsUnderWay:
        status = order.get_status_display().lower()
        messages.error(
            request, f"Your order {order.order_number} is {status}: it cannot be cancelled."
        )
    except OrderIsGone:
        raise Http404 from None
    else:
        messages.success(request, f"Your order {order.order_number} is cancelled.")
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
    messages.success(request, "You get no more texts.")
    return redirect("my-orders")
