"""What a customer sees of their orders, and in which words."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models import Customer, Order
from sms.models import Message, MessageStatus
from sms.money import spoken_sum

ORDERS_ON_A_PAGE = 20

# What became of a text, to somebody who knows nothing of gateways.
_STATES = {
    MessageStatus.QUEUED: _("On its way"),
    MessageStatus.CLAIMED: _("On its way"),
    MessageStatus.SENDING: _("On its way"),
    MessageStatus.SENT: pgettext_lazy("text", "Sent"),
    MessageStatus.DELIVERED: pgettext_lazy("text", "Delivered"),
    MessageStatus.UNDELIVERED: pgettext_lazy("text", "Not delivered"),
    MessageStatus.HELD: _("On its way"),
    MessageStatus.UNCONFIRMED: _("It may not have reached you"),
    MessageStatus.FAILED: _("Could not be sent"),
    MessageStatus.SUPPRESSED: _("Not sent, as you want no texts"),
    MessageStatus.CANCELLED: pgettext_lazy("text", "Not sent"),
}


@dataclass(frozen=True)
class OwnText:
    """A text that the customer got, or was to get."""

    row: Message

    @property
    def state(self) -> str:
        return str(_STATES[MessageStatus(self.row.status)])


@dataclass(frozen=True)
class OwnOrder:
    """An order with the texts that its customer got about it, oldest first."""

    row: Order
    texts: list[OwnText]

    @property
    def price(self) -> str:
        return spoken_sum(self.row.currency, self.row.amount)

    @property
    def can_be_cancelled(self) -> bool:
        return self.row.status == Order.Status.PENDING


@dataclass(frozen=True)
class OwnOrders:
    """Some orders, newest first; where there are older ones, what to ask for them with."""

    orders: list[OwnOrder]
    older: UUID | None


def own_orders(customer: Customer, before: UUID | None = None) -> OwnOrders:
    """A page of a customer's orders: the newest, or those older than the one named.

    Two queries, however many there are. Texts that went to somebody else, whose order it was once,
    are not told.
    """
    found = customer.orders.order_by("-pk")  # identifiers are in the order of creation
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: ORDERS_ON_A_PAGE + 1])
    shown = rows[:ORDERS_ON_A_PAGE]
    sent = Message.objects.filter(about_id__in=[row.pk for row in shown], recipient_id=customer.pk)
    texts = defaultdict[UUID | None, list[OwnText]](list)
    for message in sent.order_by("created_at", "pk"):
        texts[message.about_id].append(OwnText(message))
    older = shown[-1].pk if len(rows) > len(shown) else None
    return OwnOrders([OwnOrder(row, texts[row.pk]) for row in shown], older)
