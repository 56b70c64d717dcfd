"""Which rows may a caller see? Staff see by their permissions; a self-service user, who has none,
sees their own record and orders, and another's are not there for them."""

from typing import Any

from django.http import Http404, HttpRequest

from crm import merging
from crm.errors import CustomerWasMerged
from crm.models import Customer, CustomerQuerySet, Order, OrderQuerySet


def customers_of(request: HttpRequest) -> CustomerQuerySet:
    """The customers that the caller may see, as the API represents them."""
    return Customer.objects.visible_to(request.user).with_opt_out()


def find_customer(
    request: HttpRequest, /, among: CustomerQuerySet | None = None, **named: Any
) -> Customer:
    """The customer with this ``pk`` or ``code``, of those whom the caller may see.

    :raises CustomerWasMerged: the record went into another one that the caller sees.
    :raises Http404: there is none.
    """
    customers = customers_of(request) if among is None else among
    try:
        return customers.get(**named)
    except Customer.DoesNotExist:
        kept = merging.kept_for(**named)
        if kept is not None and customers_of(request).filter(pk=kept.pk).exists():
            raise CustomerWasMerged(kept) from None
        raise Http404 from None


def orders_of(request: HttpRequest) -> OrderQuerySet:
    """The orders that the caller may see, as the API represents them."""
    return Order.objects.visible_to(request.user).select_related("customer").with_sms_status()


def orders_of_customer(request: HttpRequest, **named: Any) -> OrderQuerySet:
    """The orders of one customer, for a list of them: where it is empty, there may be no customer
    whom the caller sees, and then it is not found."""
    orders = orders_of(request).filter(**{f"customer__{name}": is_ for name, is_ in named.items()})
    orders.when_empty = lambda: find_customer(request, **named)
    return orders
