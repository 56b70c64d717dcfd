"""A customer makes an account of their own, to see and place their orders.

Who signs in elsewhere has an account before there is a record of them: they make that alone.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from crm.customers import customer_errors, register_customer
from crm.errors import AccountHasCustomer, AccountIsOfStaff
from crm.models import PHONE_NUMBER_IS_TAKEN, Customer
from identity.accounts import account_errors, create_account, create_confirmed_account
from identity.models import User

# No @, so that nobody's name reads like another's email address, with which people sign in too.
USERNAME_PATTERN = r"[A-Za-z0-9_.+-]{1,150}"
USERNAME_RULE = _("Use up to 150 letters, digits and the signs . _ + -")


def registration_errors(user: User, password: str | None, customer: Customer) -> dict[str, Any]:
    """What is wrong with both, by field: nothing where they can be made.

    Without a password where that one was looked at before.
    """
    # The next free code is given when the record is made.
    return customer_errors(customer, exclude={"code"}) | account_errors(user, password)


@transaction.atomic
def register(user: User, password: str, customer: Customer) -> Customer:
    """Save a new account and the record of the customer whose it is, or neither.

    A phone that is on record already is refused: whoever types it need not be its owner.

    :raises ValidationError: naming each wrong field of both.
    """
    if errors := registration_errors(user, password, customer):
        raise ValidationError(errors)
    customer.user = create_account(user, password)
    return register_customer(customer)


@transaction.atomic
def register_confirmed(user: User, customer: Customer) -> None:
    """Save the account of somebody whose address is confirmed and whose password is hashed; and,
    unless somebody has the phone already, the record of the customer.

    The record that has the phone stays as it is: whoever types a phone need not be its owner, and
    staff, who know, connect the two.

    :raises ValidationError: naming each wrong field of both, but a phone that is on record.
    """
    customer.user = create_confirmed_account(user)
    try:
        register_customer(customer)
    except ValidationError as refusal:  # also of who was a moment slower
        if refusal.message_dict != {"phone_number": [str(PHONE_NUMBER_IS_TAKEN)]}:
            raise


@transaction.atomic
def register_customer_of(user: User, customer: Customer) -> Customer:
    """Save the record of somebody who has an account already; its email address is theirs.

    A phone that is on record already is refused, as for a new account.

    :raises AccountHasCustomer: they have a record.
    :raises AccountIsOfStaff: they have a role.
    :raises ValidationError: naming each wrong field.
    """
    # One at a time for each account; what names the account by its key waits for nothing.
    account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if account.is_staff:
        raise AccountIsOfStaff(account)
    if Customer.objects.of_account(account).exists():
        raise AccountHasCustomer(account)
    customer.user, customer.email = account, account.email
    try:
        return register_customer(customer)
    except IntegrityError:  # staff linked the account meanwhile, to another customer
        raise AccountHasCustomer(account) from None
