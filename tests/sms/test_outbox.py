"""The only way in: which words, in which language, and about what."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django_q.models import OrmQ

from identity.identifiers import new_id
from sms import doorbells, outbox, reach, tasks, wording
from sms.models import Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db

WORDS = {
    "customer_name": "Zoë",
    "item": "{amount} {x}",
    "currency": "KES",
    "amount": "1.00",
    "order_number": "ZO1",
}


def queue(language: str = "en") -> Message | None:
    return outbox.notify("order_placed", [notification(language)])[0]


def notification(language: str = "en", phone_number: str = "+254722000000") -> outbox.Notification:
    return outbox.Notification(phone_number, WORDS, language=language)


def test_a_message_is_counted_when_it_is_queued() -> None:
    message = outbox.queue_message("+254722000000", "ŵ" * 71)
    assert (message.encoding, message.segments) == ("UCS-2", 2)


def test_what_a_customer_wrote_is_not_taken_for_a_variable(templates: None) -> None:
    message = queue()
    assert message is not None
    assert message.text == (
        "Hello Zoë! Your order for {amount} {x} worth KES 1.00 has been received. Thank you!"
    )


def test_a_language_without_wording_falls_back_to_english(templates: None) -> None:
    MessageTemplate.objects.filter(language="sw").delete()
    message = queue("sw")
    assert message is not None
    assert message.text.startswith("Hello ")


@pytest.mark.parametrize("has_row", [True, False])
def test_an_event_that_is_switched_off_or_unknown_texts_nobody(
    templates: None, has_row: bool
) -> None:
    if has_row:
        MessageTemplate.objects.update(is_active=False)
    else:
        MessageTemplate.objects.all().delete()
    assert queue() is None
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_cancelling_leaves_alone_what_has_left_and_what_is_about_something_else() -> None:
    about, other = new_id(), new_id()
    queued = factories.message(about_id=about)
    sent = factories.message(about_id=about)
    held = factories.message(about_id=about)
    claimed = factories.message(about_id=about)
    elsewhere = factories.message(about_id=other)
    for message, status in (sent, "sent"), (held, "held"), (claimed, "claimed"):
        Message.objects.filter(pk=message.pk).update(status=status)
    assert outbox.cancel_messages(about) == 3
    assert outbox.cancel_messages(about) == 0  # and again
    messages = (queued, sent, held, claimed, elsewhere)
    statuses = [Message.objects.get(pk=each.pk).status for each in messages]
    assert statuses == ["cancelled", "sent", "cancelled", "cancelled", "queued"]


def test_loading_the_wording_again_keeps_what_staff_changed(templates: None) -> None:
    placed = MessageTemplate.objects.get(event="order_placed", language="en")
    done = MessageTemplate.objects.get(event="order_completed", language="en")
    placed.body, placed.is_active, done.is_active = "Asante {customer_name}", False, True
    wording.change_wording(placed)
    wording.change_wording(done)
    before = list(MessageTemplate.objects.values())
    factories.templates()
    assert list(MessageTemplate.objects.values()) == before


def test_a_shop_that_ran_before_gets_the_texts_that_are_new_switched_off(
    templates: None,
) -> None:
    MessageTemplate.objects.exclude(event="order_placed").delete()
    placed = MessageTemplate.objects.get(event="order_placed", language="sw")
    placed.body = "Asante"
    wording.change_wording(placed)
    factories.templates()
    told = list(MessageTemplate.objects.values_list("event", "language", "is_active"))
    assert told == [
        ("order_cancelled", "en", False),
        ("order_cancelled", "sw", False),
        ("order_completed", "en", False),
        ("order_completed", "sw", False),
        ("order_placed", "en", True),
        ("order_placed", "sw", True),
        ("order_processing", "en", False),
        ("order_processing", "sw", False),
    ]
    placed.refresh_from_db()
    assert placed.body == "Asante"


def test_changing_the_wording_leaves_a_text_that_is_queued_as_it_was(templates: None) -> None:
    message = queue()
    assert message is not None
    before = message.text
    template = MessageTemplate.objects.get(event="order_placed", language="en")
    template.body, template.is_active = "Changed", False
    wording.change_wording(template)
    tasks.send_message(str(message.pk))
    message.refresh_from_db()
    assert (message.text, message.status) == (before, "sent")


def test_wording_with_an_unknown_word_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "templates.json"
    path.write_text('[{"event": "order_placed", "language": "en", "body": "Hi {nickname}"}]')
    with pytest.raises(ValidationError, match=r"There is no \{nickname\} to fill in here"):
        wording.load_templates(path)
    assert not MessageTemplate.objects.exists()


def test_wording_of_an_unknown_event_has_no_words() -> None:
    template = MessageTemplate(event="moon_landed", language="en", body="Hi {customer_name}")
    with pytest.raises(ValidationError):
        template.full_clean()
    assert str(template) == "moon_landed (English)"


def test_many_texts_are_one_task_which_sends_them_all(
    templates: None, django_assert_num_queries: Any
) -> None:
    phones = [f"+2547220000{n:02d}" for n in range(30)]
    with django_assert_num_queries(3):  # the wording, the texts, the task
        messages = outbox.notify("order_placed", [notification("sw", phone) for phone in phones])
    assert [message and message.phone_number for message in messages] == phones
    assert [task.func() for task in OrmQ.objects.all()] == [doorbells.SEND_MANY_TASK]
    [ids] = OrmQ.objects.get().task["args"]
    assert len(ids) == 30
    tasks.send_messages(ids)
    assert {message.status for message in Message.objects.all()} == {"sent"}


@pytest.mark.parametrize(
    "phone_number", ["+254202222222", "+254800720000", "+442079460000"], ids=["line", "free", "uk"]
)
def test_a_text_to_a_phone_that_takes_none_fails_at_once_and_says_why(phone_number: str) -> None:
    message = factories.message(phone_number)
    message.refresh_from_db()
    assert (message.status, message.failure_reason) == ("failed", reach.NO_MOBILE)
    assert message.final_at is not None
    assert not OrmQ.objects.exists()


def test_of_many_texts_those_to_mobile_phones_are_queued(templates: None) -> None:
    phones = ["+254202222222", "+254722000000"]
    messages = outbox.notify("order_placed", [notification("en", phone) for phone in phones])
    assert [message and message.status for message in messages] == ["failed", "queued"]
    assert OrmQ.objects.get().task["args"] == (str(messages[1] and messages[1].pk),)
