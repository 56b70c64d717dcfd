"""The gateways that need no account, and which one the settings choose."""

from typing import Any

import pytest
from django_q.models import OrmQ

from sms import tasks
from sms.gateway import get_gateway
from sms.models import Message
from tests import factories


@pytest.mark.parametrize("name", ["simulator", "console", "africastalking"])
def test_the_settings_choose_the_gateway(settings: Any, name: str) -> None:
    settings.SMS_GATEWAY = name
    settings.AFRICASTALKING_API_KEY = "key"
    assert get_gateway().name == name
    assert get_gateway() is get_gateway()


def test_the_console_prints_the_text(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS_GATEWAY = "console"
    submission = get_gateway().submit("+254722000000", "Habari!")
    assert capsys.readouterr().out == "Text to +254722000000: Habari!\n"
    assert submission.gateway_message_id.startswith("console-")


@pytest.mark.django_db
def test_the_simulator_takes_a_text_and_reports_its_delivery_by_the_queue() -> None:
    message = factories.message()
    OrmQ.objects.all().delete()
    tasks.send_message(str(message.pk))
    message.refresh_from_db()
    assert (message.status, message.gateway) == ("sent", "simulator")
    task = OrmQ.objects.get().task
    assert task["func"] == "sms.tasks.report_simulated_delivery"
    tasks.report_simulated_delivery(*task["args"])
    assert Message.objects.get().status == "delivered"
