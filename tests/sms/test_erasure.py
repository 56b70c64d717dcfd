"""A phone is forgotten, with all words to and from it; and texts are another record's."""

from uuid import UUID

import pytest

from sms import erasure, incoming, opt_outs, outbox
from sms.admin.phones import simulated_phones
from sms.delivery_reports import receive_report
from sms.errors import PhoneIsBeingTexted
from sms.models import DeliveryReport, IncomingText, Message, OptOut
from sms.phone_numbers import is_forgotten, national_form, stand_in, takes_texts
from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"
OWNER = UUID("01890000-0000-7000-8000-0123456789ab")
OTHER = UUID("01890000-0000-7000-8000-0123456789ac")


def test_what_stands_where_a_phone_was_is_no_number_and_says_so() -> None:
    instead = stand_in(OWNER)
    assert (instead, len(instead)) == ("x0000123456789ab"[:16], 16)
    assert is_forgotten(instead)
    assert not takes_texts(instead)
    assert national_form(instead) == "erased"
    assert not is_forgotten(PHONE)
    assert stand_in(OTHER) != instead


def test_texts_to_a_phone_and_to_its_owner_are_forgotten_and_others_are_not() -> None:
    mine = factories.message(PHONE, "To this phone")
    elsewhere = factories.message("+254733000000", "To another phone", recipient_id=OWNER)
    other = factories.message("+254733000000", "To another one")
    incoming.receive_text(PHONE, "It is me")
    opt_outs.heed(PHONE, factories.NO_TEXTS)
    erasure.forget_person([PHONE], [OWNER])
    for message in (mine, elsewhere):
        message.refresh_from_db()
        assert (message.phone_number, message.text) == (stand_in(OWNER), "")
        assert (message.status, message.written_phone) == ("cancelled", "")
    other.refresh_from_db()
    assert (other.text, other.status) == ("To another one", "queued")
    assert not IncomingText.objects.exists()
    assert OptOut.objects.filter(phone_number=PHONE).exists()


def test_a_report_that_comes_afterwards_moves_the_text_and_brings_no_phone_back() -> None:
    sent = factories.message(PHONE, "Hello")
    Message.objects.filter(pk=sent.pk).update(status="sent", gateway_message_id="ATXid_1")
    erasure.forget_person([PHONE], [OWNER])
    receive_report("ATXid_1", "Success", phone_number=PHONE, raw={"phoneNumber": PHONE})
    sent.refresh_from_db()
    assert (sent.status, sent.phone_number) == ("delivered", stand_in(OWNER))
    report = DeliveryReport.objects.get()
    assert (report.message, report.phone_number, report.raw) == (sent, "", {})


def test_nothing_is_forgotten_while_a_text_is_on_the_wire() -> None:
    message, waiting = factories.message(PHONE, "Hello"), factories.message(PHONE, "One more")
    Message.objects.filter(pk=message.pk).update(status="sending")
    with pytest.raises(PhoneIsBeingTexted):
        erasure.forget_person([PHONE], [OWNER])
    waiting.refresh_from_db()
    assert (waiting.text, waiting.status) == ("One more", "queued")


def test_a_simulated_phone_that_was_forgotten_is_none() -> None:
    message = factories.message(PHONE, "Hello")
    Message.objects.filter(pk=message.pk).update(
        status="sent", gateway="simulator", sent_at=message.created_at
    )
    assert [phone["number"] for phone in simulated_phones()] == ["0722 000000"]
    erasure.forget_person([PHONE], [OWNER])
    assert simulated_phones() == []


def test_texts_to_somebody_are_handed_over_to_the_record_that_is_kept() -> None:
    mine = factories.message(PHONE, "Mine", recipient_id=OWNER)
    other = factories.message(PHONE, "Nobody's")
    assert outbox.hand_over_messages(OWNER, OTHER) == 1
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.recipient_id, other.recipient_id) == (OTHER, None)
