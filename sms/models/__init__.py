"""Texts: what is kept of them."""

from sms.models.consent import OptOut
from sms.models.messages import (
    Attempt,
    DeliveryReport,
    Message,
    MessageQuerySet,
    MessageStatus,
)
from sms.models.templates import MessageTemplate

__all__ = [
    "Attempt",
    "DeliveryReport",
    "Message",
    "MessageQuerySet",
    "MessageStatus",
    "MessageTemplate",
    "OptOut",
]
