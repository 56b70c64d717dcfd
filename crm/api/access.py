"""Which rows may a caller see? Staff see by their permissions; a self-service user, who has none,
sees their own record and orders, and another's are not there for them."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from crm.models import Customer, CustomerQuerySet, Order, OrderQuerySet


def customers_of(request: HttpRequest) -> CustomerQuerySet:
    """The customers that the caller may see, as the API represents them."""
    return Customer.objects.visible_to(request.user).with_opt_out()


def orders_of(request: HttpRequest) -> OrderQuerySet:
    """The orders that the caller may see, as the API represents them."""
    return Order.objects.visible_to(request.user).select_related("customer").with_sms_status()


def orders_of_customer(request: HttpRequest, **named: object) -> OrderQuerySet:
    """The orders of one customer, for a list of them: where it is empty, there may be no customer
    whom the caller sees, and then it is not found."""
    orders = orders_of(request).filter(**{f"customer__{name}": is_ for name, is_ in named.items()})
    customers = Customer.objects.visible_to(request.user).filter(**named)
    orders.when_empty = lambda: get_object_or_404(customers)
    return orders
