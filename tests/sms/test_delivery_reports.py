"""What became of a text: reports in any order, any number of times."""

import pytest

from sms import delivery_reports, tasks
from sms.gateway import Submission
from sms.models import DeliveryReport, Message
from sms.sending import drain
from tests import factories

pytestmark = pytest.mark.django_db


class Fixed:
    """A gateway that gives every text the same id, and may report before it answers."""

    name = "fixed"
    is_immediate = True
    report_first = ""

    def submit(self, phone_number: str, text: str) -> Submission:
        if self.report_first:
            delivery_reports.receive_report("ATXid_1", self.report_first)
        return Submission("ATXid_1")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Message:
    monkeypatch.setattr(drain, "get_gateway", Fixed)
    message = factories.message()
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"
    return message


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("Success", "delivered"),
        ("Rejected", "undelivered"),
        ("Failed", "undelivered"),
        ("AbsentSubscriber", "undelivered"),
        ("Expired", "undelivered"),
        ("Sent", "sent"),
        ("Submitted", "sent"),
        ("Buffered", "sent"),
        ("SomethingNew", "sent"),
    ],
)
def test_a_report_moves_a_sent_text(sent: Message, reported: str, status: str) -> None:
    delivery_reports.receive_report("ATXid_1", reported, "its reason", raw={"status": reported})
    sent.refresh_from_db()
    assert sent.status == status
    assert (sent.final_at is not None) is (status != "sent")
    assert sent.failure_reason == ("its reason" if status != "sent" else "")
    report = DeliveryReport.objects.get()
    assert (report.message, report.raw) == (sent, {"status": reported})


def test_the_first_final_report_stands(sent: Message, caplog: pytest.LogCaptureFixture) -> None:
    delivery_reports.receive_report("ATXid_1", "Success")
    delivery_reports.receive_report("ATXid_1", "Failed")
    delivery_reports.receive_report("ATXid_1", "Success")
    sent.refresh_from_db()
    assert sent.status == "delivered"
    assert sent.delivery_reports.count() == 3
    assert "came too late" in caplog.text


def test_a_report_before_the_gateways_own_answer_is_applied_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drain, "get_gateway", Fixed)
    monkeypatch.setattr(Fixed, "report_first", "Success")
    message = factories.message()
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "delivered"


def test_a_report_for_an_unknown_id_is_kept() -> None:
    delivery_reports.receive_report("ATXid_unknown", "Success", raw={"id": "ATXid_unknown"})
    report = DeliveryReport.objects.get()
    assert report.message is None
    assert report.raw == {"id": "ATXid_unknown"}
