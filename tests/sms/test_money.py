"""Money is told in one way, wherever it is told."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from sms.models import Message
from sms.money import spoken_amount, spoken_sum
from sms.previews import Cost
from sms.prices import Price
from sms.segments import count_segments
from tests import factories


def test_money_has_its_thousands_marked_and_two_places() -> None:
    assert spoken_amount(Decimal(80405)) == "80,405.00"
    assert spoken_amount(Decimal("0.8000")) == "0.80"
    assert spoken_sum("KES", Decimal(80405)) == "KES 80,405.00"


def test_what_a_wording_would_cost_is_told_so() -> None:
    price = Price(Decimal(80405), "UGX", is_measured=True)
    assert str(Cost(count_segments("Hello"), price)) == "1 message, UGX 80,405.00"


@pytest.mark.django_db
def test_what_a_text_was_charged_is_told_so_on_its_page_and_in_the_list() -> None:
    message = factories.message()
    Message.objects.update(status="sent", cost=Decimal(80405), currency="UGX")
    client = Client()
    client.force_login(factories.superuser())
    page = client.get(reverse("admin:sms_message_change", args=[message.pk]))
    assert "UGX 80,405.00" in page.content.decode()
    listed = client.get(reverse("admin:sms_message_changelist"))
    assert "UGX 80,405.00" in listed.content.decode()
