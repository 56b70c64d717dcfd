"""What a customer is told at each event: the words that a template may use. Pure."""

from decimal import Decimal

from crm.models import Order
from sms.events import Event

ORDER_PLACED = Event(
    name="order_placed",
    label="Order placed",
    variables={
        "customer_name": "Wanjiku Kamau",
        "item": "Laptop Computer",
        "currency": "KES",
        "amount": "1,299.99",
        "order_number": "LA20260921123000-7K3F",
    },
)


def spoken_amount(amount: Decimal) -> str:
    """An amount as people read it: ``1,299.99``."""
    return f"{amount:,.2f}"


def words_about(order: Order) -> dict[str, str]:
    """The values of the variables of every event about an order."""
    return {
        "customer_name": order.customer.name,
        "item": order.item,
        "currency": order.currency,
        "amount": spoken_amount(order.amount),
        "order_number": order.order_number,
    }
