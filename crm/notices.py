"""What a customer is told at each event: the words that a template may use. Pure."""

from django.utils.translation import gettext_lazy as _

from crm.models import Order
from sms.events import Event
from sms.money import spoken_amount

_VARIABLES = {
    "customer_name": "Wanjiku Kamau",
    "item": "Laptop Computer",
    "currency": "KES",
    "amount": "1,299.99",
    "order_number": "LA20260921123000-7K3F",
}

ORDER_PLACED = Event("order_placed", _("Order placed"), _VARIABLES)
ORDER_MOVED = {
    Order.Status.PROCESSING: Event("order_processing", _("Order being processed"), _VARIABLES),
    Order.Status.COMPLETED: Event("order_completed", _("Order completed"), _VARIABLES),
    Order.Status.CANCELLED: Event("order_cancelled", _("Order cancelled"), _VARIABLES),
}
EVENTS = (ORDER_PLACED, *ORDER_MOVED.values())  # in the order of an order's life


def words_about(order: Order) -> dict[str, str]:
    """The values of the variables of every event about an order."""
    return {
        "customer_name": order.customer.name,
        "item": order.item,
        "currency": order.currency,
        "amount": spoken_amount(order.amount),
        "order_number": order.order_number,
    }
