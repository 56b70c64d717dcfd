"""What does a message cost: as it was charged lately, else as it is published."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from sms.models import Message
from sms.prices import Price, price_per_segment
from tests import factories

pytestmark = pytest.mark.django_db


def charged(cost: str, *, currency: str = "KES", segments: int = 1, minutes_ago: int = 0) -> None:
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(
        cost=Decimal(cost),
        currency=currency,
        segments=segments,
        sent_at=timezone.now() - timedelta(minutes=minutes_ago),
    )


def test_until_a_text_was_charged_the_published_price_is_told() -> None:
    factories.message()
    charged("0")
    assert price_per_segment() == Price(Decimal("0.80"), "KES", is_measured=False)


def test_the_price_is_what_a_segment_was_charged_on_average() -> None:
    charged("0.8000")
    charged("3.2000", segments=3)
    assert price_per_segment() == Price(Decimal(1), "KES", is_measured=True)


def test_only_the_last_hundred_texts_count() -> None:
    charged("99", minutes_ago=60)
    for _ in range(99):
        charged("0")
    charged("0.5")
    assert price_per_segment() == Price(Decimal("0.5"), "KES", is_measured=True)


def test_prices_in_another_currency_than_the_newest_are_left_out() -> None:
    charged("30", currency="UGX", minutes_ago=5)
    charged("0.8")
    assert price_per_segment() == Price(Decimal("0.8"), "KES", is_measured=True)


def test_it_costs_one_query(django_assert_num_queries: Any) -> None:
    charged("0.8")
    with django_assert_num_queries(1):
        price_per_segment()
