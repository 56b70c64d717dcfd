"""Why no text gets to a phone."""

import pytest
from django.utils import timezone

from sms import tasks
from sms.gateway import Refused, Unreachable
from sms.models import UnreachablePhone
from sms.reach import NO_MOBILE, obstacle_of
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db


def test_a_fixed_line_is_known_by_its_number() -> None:
    assert obstacle_of("+254202222222") == NO_MOBILE
    assert obstacle_of("+254722000000") == ""


def test_what_the_gateway_told_of_a_phone_is_said_with_its_time(gateway: Scripted) -> None:
    gateway.answers = [Refused("No.", unreachable=Unreachable.BLOCKED)]
    factories.message("+254722000000")
    tasks.drain()
    at = timezone.localtime(UnreachablePhone.objects.get().noted_at)
    assert obstacle_of("+254722000000") == (
        "No text gets there: its owner blocks texts from this sender "
        f"(told by the gateway, {at.day} {at:%b %Y %H:%M})."
    )
