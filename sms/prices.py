"""What does a message cost? What the gateway charged lately, else what it publishes."""

from dataclasses import dataclass
from decimal import Decimal

from sms.models import Message

PUBLISHED = Decimal("0.80")  # Africa's Talking, to a phone in Kenya
PUBLISHED_CURRENCY = "KES"
_LATELY = 100  # texts; bounded, as a simulator charges for none of however many


@dataclass(frozen=True)
class Price:
    """What one segment costs."""

    amount: Decimal
    currency: str
    is_measured: bool  # else it is the published one


def price_per_segment() -> Price:
    """The mean of those charged among the texts sent last, in the newest currency; one query."""
    sent = Message.objects.filter(sent_at__isnull=False).order_by("-sent_at")
    lately = list(sent.values_list("cost", "segments", "currency")[:_LATELY])
    charged = [(cost, segments, currency) for cost, segments, currency in lately if cost]
    if not charged:
        return Price(PUBLISHED, PUBLISHED_CURRENCY, is_measured=False)
    newest = charged[0][2]
    alike = [(cost, segments) for cost, segments, currency in charged if currency == newest]
    total = sum((cost for cost, _ in alike), Decimal())
    return Price(total / sum(segments for _, segments in alike), newest, is_measured=True)
