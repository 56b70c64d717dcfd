"""What customers do by themselves, through whichever door they come: it is less than staff may.

They place orders, so many an hour; cancel one until the business starts on it; and may stop the
texts to their phone, but not start them again: nobody has shown yet that a phone they name is
theirs.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crm import customers, orders
from crm.models import Customer, Order
from identity.errors import TooManyAttempts
from sms.models import ConsentSource
from sms.opt_outs import Word

MOST_ORDERS = 20  # of one customer, an hour


@transaction.atomic
def place_own_order(order: Order) -> Order:
    """Place an order of the one who asks for it.

    :raises TooManyAttempts: the customer has placed as many as one may in an hour.
    :raises ValidationError: naming each wrong field.
    """
    # One at a time, so that each is counted; no key is changed, so no order of others waits.
    Customer.objects.select_for_update(no_key=True).filter(pk=order.customer_id).first()
    _refuse_too_many(order.customer)
    return orders.place_order(order)


def _refuse_too_many(customer: Customer) -> None:
    """Each order is a text at the business's cost, and anybody can register."""
    now = timezone.now()
    recent = customer.orders.filter(created_at__gt=now - timedelta(hours=1)).order_by("created_at")
    times = list(recent.values_list("created_at", flat=True)[:MOST_ORDERS])
    if len(times) == MOST_ORDERS:
        raise TooManyAttempts(int((times[0] - now).total_seconds()) + 3600)


def cancel_own_order(order: Order) -> Order:
    """Cancel an order that is PENDING still.

    :raises OrderIsUnderWay: it is not any more.
    :raises OrderIsGone: somebody deleted it.
    """
    return orders.revise_order(order, {}, Order.Status.CANCELLED, only_while_pending=True)


def stop_texts(customer: Customer) -> None:
    """Nothing more is sent to the customer's phone, until somebody of the business says so.

    :raises CustomerIsGone: somebody deleted the customer.
    """
    word = Word(wants_texts=False, source=ConsentSource.OWN_PAGE, said_by=customer.user)
    customers.update_customer(customer, {}, word=word)
