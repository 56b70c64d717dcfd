"""A text to one customer, from their page."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.test import Client
from django_q.models import OrmQ

from crm import customers, texting
from crm.errors import CustomerIsGone
from crm.models import Customer
from identity.models import User
from sms import line, opt_outs
from sms.errors import PhoneOptedOut, PhoneTakesNoTexts
from sms.models import Message, UnreachablePhone
from tests import factories

pytestmark = pytest.mark.django_db

LANDLINE = "+254202222222"


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="otieno")


@pytest.fixture
def client(clerk: User) -> Client:
    """A browser in which a Clerk is signed in."""
    client = Client()
    client.force_login(clerk)
    return client


def address(customer: Customer) -> str:
    return f"/admin/crm/customer/{customer.pk}/text/"


def send(client: Client, customer: Customer, text: str, key: str = "one") -> Any:
    return client.post(address(customer), {"text": text, "form_key": key})


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


def test_a_text_is_queued_to_the_phone_of_now_as_written_by_who_wrote_it(clerk: User) -> None:
    customer = factories.customer(phone_number="+254722000000")
    customers.update_customer(
        Customer.objects.get(pk=customer.pk), {"phone_number": "+254733000000"}
    )
    message = texting.text_customer(customer, " Your lamp\r\nis here. ", by=clerk)
    assert (message.phone_number, message.text) == ("+254733000000", "Your lamp\nis here.")
    assert (message.recipient_id, message.queued_by) == (customer.pk, clerk)
    assert (message.event, message.is_promotional) == ("", False)


@pytest.mark.parametrize("text", [" \n ", "x" * 1001])
def test_a_text_says_something_and_not_too_much(clerk: User, text: str) -> None:
    with pytest.raises(ValidationError):
        texting.text_customer(factories.customer(), text, by=clerk)
    assert not Message.objects.exists()


def test_who_wants_no_texts_is_not_texted(clerk: User) -> None:
    with pytest.raises(PhoneOptedOut):
        texting.text_customer(factories.customer(sms_opted_out=True), "Hello", by=clerk)
    assert not Message.objects.exists()


def test_no_text_is_queued_to_a_fixed_line(clerk: User) -> None:
    with pytest.raises(PhoneTakesNoTexts):
        texting.text_customer(factories.customer(phone_number=LANDLINE), "Hello", by=clerk)
    assert not Message.objects.exists()


def test_a_customer_who_was_just_deleted_is_not_texted(clerk: User) -> None:
    customer = factories.customer()
    customers.delete_customer(Customer.objects.get(pk=customer.pk))
    with pytest.raises(CustomerIsGone):
        texting.text_customer(customer, "Hello", by=clerk)
    assert not Message.objects.exists()


def test_a_text_is_one_click_away_and_shown_on_the_customers_page(client: Client) -> None:
    customer = factories.customer()
    page = client.get(f"/admin/crm/customer/{customer.pk}/change/").content.decode()
    assert f'href="{address(customer)}"' in page
    assert "Send text" in client.get(address(customer)).content.decode()
    answer = send(client, customer, "Your lamp is here.")
    assert answer["Location"] == f"/admin/crm/customer/{customer.pk}/change/"
    assert told(answer) == ["The text is queued, and leaves within seconds."]
    assert "Your lamp is here." in client.get(answer["Location"]).content.decode()
    message = Message.objects.get()
    shown = client.get(f"/admin/sms/message/{message.pk}/change/").content.decode()
    assert "Queued</strong> by otieno" in shown


def test_a_form_that_is_sent_twice_sends_one_text(client: Client) -> None:
    customer = factories.customer()
    for _ in range(2):
        answer = send(client, customer, "Your lamp is here.")
    assert told(answer)[-1] == "This text is queued already. It is sent once."
    assert (Message.objects.count(), OrmQ.objects.count()) == (1, 1)


def test_a_refused_text_leaves_its_form_as_good_as_new(client: Client) -> None:
    customer = factories.customer()
    opt_outs.heed(customer.phone_number, factories.NO_TEXTS)
    page = send(client, customer, "Your lamp is here.")
    assert "has opted out of texts, so that nothing was queued." in page.content.decode()
    assert not Message.objects.exists()
    opt_outs.heed(customer.phone_number, factories.TEXTS_AGAIN)
    assert send(client, customer, "Your lamp is here.").status_code == 302
    assert Message.objects.count() == 1


def test_the_page_tells_why_somebody_is_not_texted_and_offers_no_form(client: Client) -> None:
    opted_out = factories.customer(sms_opted_out=True)
    page = client.get(address(opted_out)).content.decode()
    assert "This customer wants no texts." in page
    assert "No texts wanted: by staff" in page
    assert "Send text" not in page
    page = client.get(address(factories.customer(phone_number=LANDLINE))).content.decode()
    assert "not a mobile number" in page
    assert "Send text" not in page


def test_the_page_warns_where_a_text_may_not_arrive_or_has_to_wait(client: Client) -> None:
    customer = factories.customer()
    UnreachablePhone.objects.create(phone_number=customer.phone_number, reason="blocked")
    line.stop(None)
    page = client.get(address(customer)).content.decode()
    assert "its owner blocks texts from this sender" in page
    assert "It waits, as all texts do." in page
    assert "Send text" in page


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", "160 characters fit into one message."),
        ("Hello", "1 message, with room for 155 more characters."),
        ("x" * 200, "2 messages, with room for 106 more characters in the last."),
        ("Hello 🙂", "halves what fits into each."),
    ],
)
def test_the_size_of_a_text_is_told_while_it_is_written(
    client: Client, text: str, size: str
) -> None:
    page = client.post(f"{address(factories.customer())}size/", {"text": text})
    assert size in page.content.decode()
