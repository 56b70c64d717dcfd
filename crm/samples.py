"""Orders to try the wording of a text on."""

from crm import notices
from crm.models import Order
from identity.models import User
from sms.events import Sample
from sms.phone_numbers import find_phone_number

MOST = 5


def recent_orders(user: User, language: str, search: str) -> list[Sample]:
    """The newest orders that the user may see: of customers who read the language, or whatever a
    search finds."""
    orders = Order.objects.visible_to(user)
    if wanted := search.strip():
        found = orders.search(wanted)
        if phone_number := find_phone_number(wanted):
            found |= orders.search(phone_number)
    else:
        found = orders.filter(customer__language=language)
    newest = found.select_related("customer").order_by("-created_at", "-id")[:MOST]
    return [
        Sample(
            label=f"{order.customer.name}, {order.item}",
            key=order.order_number,
            values=notices.words_about(order),
        )
        for order in newest
    ]
