"""Texts: what is kept of them."""

from sms.models.broadcasts import (
    Broadcast,
    BroadcastQuerySet,
    BroadcastRecipient,
    BroadcastStatus,
    Exclusion,
)
from sms.models.callbacks import DeliveryReport, IncomingText, OptOutNotice, ReportEffect
from sms.models.consent import ConsentChange, ConsentSource, OptOut, UnreachablePhone
from sms.models.line import Hold, Line, LineEvent
from sms.models.messages import (
    Attempt,
    AttemptOutcome,
    Decision,
    Message,
    MessageQuerySet,
    MessageStatus,
    Withdrawal,
)
from sms.models.templates import MessageTemplate

__all__ = [
    "Attempt",
    "AttemptOutcome",
    "Broadcast",
    "BroadcastQuerySet",
    "BroadcastRecipient",
    "BroadcastStatus",
    "ConsentChange",
    "ConsentSource",
    "Decision",
    "DeliveryReport",
    "Exclusion",
    "Hold",
    "IncomingText",
    "Line",
    "LineEvent",
    "Message",
    "MessageQuerySet",
    "MessageStatus",
    "MessageTemplate",
    "OptOut",
    "OptOutNotice",
    "ReportEffect",
    "UnreachablePhone",
    "Withdrawal",
]
