"""The only way in: which words, in which language, and about what."""

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django_q.models import OrmQ

from identity.identifiers import new_id
from sms import outbox, wording
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
    return outbox.queue_from_template("order_placed", "+254722000000", WORDS, language=language)


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
    elsewhere = factories.message(about_id=other)
    Message.objects.filter(pk=sent.pk).update(status="sent")
    assert outbox.cancel_messages(about) == 1
    statuses = [Message.objects.get(pk=each.pk).status for each in (queued, sent, elsewhere)]
    assert statuses == ["cancelled", "sent", "queued"]


def test_loading_the_wording_again_keeps_what_staff_changed(templates: None) -> None:
    MessageTemplate.objects.filter(language="en").update(body="Asante {customer_name}")
    factories.templates()
    assert MessageTemplate.objects.get(language="en").body == "Asante {customer_name}"
    assert MessageTemplate.objects.count() == 2


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
