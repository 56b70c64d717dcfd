"""A text to one customer, in words that somebody of the business writes."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.errors import CustomerIsErased, CustomerIsGone
from crm.models import Customer
from identity.models import User
from sms import opt_outs, outbox
from sms.errors import PhoneOptedOut, PhoneTakesNoTexts
from sms.models import Message
from sms.phone_numbers import takes_texts

MOST_CHARACTERS = 1000  # as of any text that a person writes: 7 messages, or 15 where it is dear


@transaction.atomic
def text_customer(customer: Customer, text: str, *, by: User) -> Message:
    """Queue a text to the phone that the customer has now, as written by this person.

    It is no broadcast: it keeps to no quiet hours.

    :raises ValidationError: it says nothing, or too much.
    :raises PhoneOptedOut: the owner of the phone wants no texts.
    :raises PhoneTakesNoTexts: no text gets to a phone of this kind.
    :raises CustomerIsGone: somebody deleted the customer.
    :raises CustomerIsErased: their personal data was erased.
    """
    # A form sends a line break as two characters, and the gateway charges for both.
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValidationError({"text": _("Write what the text is to say.")})
    if len(text) > MOST_CHARACTERS:
        told = _("{count} characters are too many: at most {most}.")
        raise ValidationError({"text": told.format(count=len(text), most=MOST_CHARACTERS)})
    stored = Customer.objects.held([customer.pk]).get(customer.pk)
    if stored is None:
        raise CustomerIsGone(customer)
    if stored.is_erased:
        raise CustomerIsErased(stored)
    if not takes_texts(stored.phone_number):
        raise PhoneTakesNoTexts(stored.phone_number)
    if opt_outs.is_opted_out(stored.phone_number):
        raise PhoneOptedOut(stored.phone_number)
    return outbox.queue_message(stored.phone_number, text, recipient_id=stored.pk, queued_by=by)
