"""A customer makes an account of their own, to see and place their orders."""

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.customers import customer_errors, register_customer
from crm.models import Customer
from identity.accounts import account_errors, create_account
from identity.models import User


@transaction.atomic
def register(user: User, password: str, customer: Customer) -> Customer:
    """Save a new account and the record of the customer whose it is, or neither.

    A phone that is on record already is refused: whoever types it need not be its owner.

    :raises ValidationError: naming each wrong field of both.
    """
    errors = customer_errors(customer, exclude={"code"})  # the next free one is given below
    if errors := errors | account_errors(user, password):
        raise ValidationError(errors)
    customer.user = create_account(user, password)
    return register_customer(customer)
