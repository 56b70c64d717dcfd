"""What happened to a text is written down in English, and told to each in their language."""

import pytest
from django.test import Client
from django.utils import translation

from crm import orders
from sms import timeline
from sms.models import Broadcast, Message, MessageStatus
from tests import factories

pytestmark = pytest.mark.django_db


def test_what_is_written_down_is_the_same_whoever_did_it(templates: None) -> None:
    with translation.override("sw"):
        order = factories.order()
        about = order.pk
        orders.delete_order(order)
        landline = factories.message("+254202000000")
    assert Message.objects.get(about_id=about).failure_reason == "What it told of is gone."
    assert landline.failure_reason == "This is not a mobile number, so that no text gets there."


@pytest.mark.parametrize(
    ("language", "meaning", "title"),
    [
        (
            "en",
            "It was not sent: this is not a mobile number, so that no text gets there.",
            "Failed",
        ),
        (
            "sw",
            "Haukutumwa: hii si nambari ya simu ya mkononi, kwa hiyo ujumbe haufiki.",
            "Umeshindikana",
        ),
    ],
)
def test_it_is_told_in_the_language_of_its_reader(language: str, meaning: str, title: str) -> None:
    message = factories.message("+254202000000")
    with translation.override(language):
        assert timeline.meaning_of(message) == meaning
        assert timeline.steps_of(message)[-1].title == title
        assert str(MessageStatus.FAILED.label) == title


@pytest.mark.parametrize(
    "page",
    [
        *("message/", "message/spend/", "message/phones/", "incomingtext/", "consentchange/"),
        *("broadcast/", "messagetemplate/"),
    ],
)
def test_every_page_of_texts_speaks_swahili(templates: None, page: str) -> None:
    factories.order()
    client = Client()
    client.force_login(factories.superuser(language="sw"))
    told = client.get(f"/admin/sms/{page}")
    assert told.status_code == 200
    assert '<html lang="sw"' in told.content.decode()
    assert "Jumbe zilizotumwa" in told.content.decode()


def test_each_step_of_a_broadcast_speaks_swahili() -> None:
    broadcast = factories.confirmed(factories.person())
    client = Client()
    client.force_login(factories.superuser(language="sw"))
    page = client.get(f"/admin/sms/broadcast/{broadcast.pk}/change/").content.decode()
    assert "Limethibitishwa" in page
    assert "ujumbe 1" in page
    client.post(f"/admin/sms/broadcast/{broadcast.pk}/pause/")
    assert Broadcast.objects.get().get_status_display() == "Paused"
    page = client.get(f"/admin/sms/broadcast/{broadcast.pk}/change/").content.decode()
    assert "Limesitishwa" in page
    assert "Paused" not in page
