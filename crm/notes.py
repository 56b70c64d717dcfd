"""Every write to the notes on a customer, a verb each."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.errors import CustomerIsErased, CustomerIsGone
from crm.models import Customer, CustomerNote
from identity import rights
from identity.models import User

WRITE_NOTES, DELETE_NOTES = "crm.change_customer", "crm.delete_customernote"  # the permissions


@transaction.atomic
def add_note(customer: Customer, text: str, *, author: User) -> CustomerNote:
    """Write down something about a customer, with who did.

    :raises PermissionDenied: they may write none.
    :raises ValidationError: it says nothing, or is too long.
    :raises CustomerIsGone: somebody deleted the customer.
    :raises CustomerIsErased: their personal data was erased.
    """
    rights.require(author, WRITE_NOTES)
    # A form sends a line break as two characters, which a person counts as one.
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValidationError({"text": _("Write what is worth knowing.")})
    if len(text) > CustomerNote.MOST_CHARACTERS:
        told = _("{count} characters are too many: at most {most}.")
        most = CustomerNote.MOST_CHARACTERS
        raise ValidationError({"text": told.format(count=len(text), most=most)})
    stored = Customer.objects.held([customer.pk]).get(customer.pk)
    if stored is None:
        raise CustomerIsGone(customer)
    if stored.is_erased:
        raise CustomerIsErased(stored)
    note = CustomerNote(customer=customer, text=text, author=author)
    note.save(force_insert=True)
    return note


def may_delete(note: CustomerNote, user: User) -> bool:
    """Their own, who may change customers; anybody's, who has the permission to."""
    is_own = note.author_id == user.pk and user.has_perm(WRITE_NOTES)
    return is_own or user.has_perm(DELETE_NOTES)


def delete_note(note: CustomerNote, *, by: User) -> None:
    """Take a note away.

    :raises PermissionDenied: it is another's, and they may not.
    """
    if not may_delete(note, by):
        raise PermissionDenied
    note.delete()
