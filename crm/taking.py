"""Taking an order down for somebody who calls or stands at the counter."""

from django.db import transaction

from crm import customers, orders
from crm.models import Customer, Order
from identity import rights
from identity.form_keys import use_form_key
from identity.models import User

TAKE, ADD_CUSTOMER = "crm.add_order", "crm.add_customer"  # the permissions


@transaction.atomic
def take_order(
    taker: User, form_key: str, order: Order, new_customer: Customer | None = None
) -> Order:
    """Place an order once, however often its form is sent; a new customer is registered with it.

    Both, with the text that confirms the order, or nothing.

    :raises PermissionDenied: they may take none, or not from a new customer.
    :raises FormWasSentBefore: the order was placed already; the outcome is its id.
    :raises ValidationError: naming each wrong field.
    """
    rights.require(taker, TAKE, *([ADD_CUSTOMER] if new_customer else []))
    use_form_key(taker, form_key, outcome=str(order.pk))
    if new_customer is not None:
        order.customer = customers.register_customer(new_customer)
    return orders.place_order(order)
