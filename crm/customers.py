"""Every write to a customer, a verb each."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from crm.errors import CustomerHasOrders
from crm.models import Counter, Customer
from sms import opt_outs


def register_customer(customer: Customer, *, sms_opted_out: bool = False) -> Customer:
    """Save a new customer; one with no code gets the next free one.

    A phone that is opted out stays so: to register its owner is no consent.

    :raises ValidationError: naming each wrong field, also one whose value another customer has.
    """
    with _named_conflicts(customer), transaction.atomic():
        if not customer.code:
            customer.code = _next_code()
        _check(customer)
        customer.save(force_insert=True)
        if sms_opted_out:
            opt_outs.opt_out(customer.phone_number)
    customer.sms_opted_out = opt_outs.is_opted_out(customer.phone_number)
    return customer


def update_customer(customer: Customer, *, sms_opted_out: bool | None = None) -> Customer:
    """Save a changed customer; the consent to texts only where it is given.

    The consent is that of the phone on record: a new phone that is opted out stays so.

    :raises ValidationError: naming each wrong field, also one whose value another customer has.
    """
    with _named_conflicts(customer), transaction.atomic():
        _check(customer)
        known_phone = Customer.objects.filter(pk=customer.pk, phone_number=customer.phone_number)
        is_known_phone = sms_opted_out is False and known_phone.exists()
        customer.save(force_update=True)
        if sms_opted_out:
            opt_outs.opt_out(customer.phone_number)
        elif is_known_phone:
            opt_outs.opt_in(customer.phone_number)
    customer.sms_opted_out = opt_outs.is_opted_out(customer.phone_number)
    return customer


@transaction.atomic
def delete_customer(customer: Customer) -> None:
    """Delete a customer who has no orders.

    :raises CustomerHasOrders: who has.
    """
    # The lock holds off a new order, which needs the customer's row to stay.
    Customer.objects.select_for_update().filter(pk=customer.pk).first()
    count = customer.orders.count()
    if count:
        raise CustomerHasOrders(customer, count)
    customer.delete()


def _check(customer: Customer) -> None:
    customer.name, customer.email = customer.name.strip(), customer.email.strip()
    # The constraints are the database's own guard of what the validators say here already.
    customer.full_clean(exclude={"user"}, validate_constraints=False)


def _next_code() -> str:
    """The next free code of the series CUST001, CUST002, ...; two callers never get the same.

    The counter's row stays locked until the caller's transaction ends.
    """
    Counter.objects.get_or_create(name="customer_code")
    counter = Counter.objects.select_for_update().get(name="customer_code")
    while True:
        counter.value += 1
        code = f"CUST{counter.value:03d}"
        if not Customer.objects.filter(code=code).exists():  # a person may have typed it
            counter.save()
            return code


@contextmanager
def _named_conflicts(customer: Customer) -> Iterator[None]:
    """Turn the database's refusal of a value that another row has into an error of the field.

    Of two requests both can look before either writes; the slower one looks again here.
    """
    try:
        yield
    except IntegrityError:
        _check(customer)
        raise
