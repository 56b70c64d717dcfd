"""Every write to a customer, a verb each."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from crm.doubles import refuse_double
from crm.errors import CustomerHasOrders, CustomerIsErased, CustomerIsGone
from crm.models import Counter, Customer, Merge, Order
from crm.unseen import refuse_unseen
from identity.models import User
from sms import opt_outs
from sms.models import ConsentSource
from sms.opt_outs import Word

_CODES = "customer_code"  # the counter
_CODES_LOOKED_AT = 50  # at once

_TAKEN_OVER = Word(wants_texts=False, source=ConsentSource.NEW_PHONE)


def register_customer(
    customer: Customer, *, word: Word | None = None, refuses_doubles: bool = False
) -> Customer:
    """Save a new customer; one with no code gets the next free one.

    A phone that is opted out stays so: to register its owner is no consent.

    :raises ValidationError: naming each wrong field, also one whose value another customer has.
    :raises WasMerged: doubles are refused, and a record with this code or phone went into another.
    :raises CustomerIsErased: the same, and the other was erased.
    """
    with _named_conflicts(customer), transaction.atomic():
        is_code_given = bool(customer.code)
        if not is_code_given:
            customer.code = _next_code(customer.phone_number if refuses_doubles else "")
        elif refuses_doubles:
            refuse_double(customer.code, customer.phone_number)
        _check(customer, exclude={"id"} if is_code_given else {"id", "code"})
        customer.fill_search_text()
        customer.save(force_insert=True)
        if word is not None and not word.wants_texts:
            opt_outs.heed(customer.phone_number, word)
    customer.sms_opted_out = opt_outs.is_opted_out(customer.phone_number)
    return customer


def update_customer(
    customer: Customer,
    changes: dict[str, Any],
    *,
    seen: Mapping[str, Any] | None = None,
    word: Word | None = None,
) -> Customer:
    """Change the given fields of a customer, and the consent to texts where a word of it is given.

    Only these fields are written, on the row as it is now: what somebody else changed meanwhile
    stays. With what the caller has seen of them, nothing is overwritten that they have not seen.

    Consent is given for the phone on record: a new phone takes over the opt-out of the old
    one unless consent is given with it, and one that is opted out itself stays so.

    :raises ValidationError: naming each wrong field, also one whose value another customer has.
    :raises ChangedMeanwhile: somebody else was quicker with some of the fields.
    :raises CustomerIsGone: somebody deleted the customer.
    :raises CustomerIsErased: their personal data was erased.
    """
    with _named_conflicts(customer), transaction.atomic():
        try:
            customer.refresh_from_db(from_queryset=Customer.objects.select_for_update())
        except Customer.DoesNotExist:
            raise CustomerIsGone(customer) from None
        if customer.is_erased:
            raise CustomerIsErased(customer)
        refuse_unseen(customer, changes, seen or {})
        known_phone, known_as = customer.phone_number, customer.search_text_in_orders
        for name, value in changes.items():
            setattr(customer, name, value)
        if changes:
            _check(customer)
            customer.fill_search_text()
            customer.save(update_fields=[*changes, *Customer.FOUND_BY, "updated_at"])
            if customer.search_text_in_orders != known_as:
                Order.objects.refill_search_text(customer)
        is_new_phone = customer.phone_number != known_phone
        if word is None and is_new_phone and opt_outs.is_opted_out(known_phone):
            word = _TAKEN_OVER
        if word is not None and not (word.wants_texts and is_new_phone):
            opt_outs.heed(customer.phone_number, word)
    customer.sms_opted_out = opt_outs.is_opted_out(customer.phone_number)
    return customer


@transaction.atomic
def delete_customer(customer: Customer) -> None:
    """Delete a customer who has no orders.

    :raises CustomerHasOrders: who has.
    """
    # Holds off a new order until this is through; the database refuses its foreign key then.
    Customer.objects.select_for_update().filter(pk=customer.pk).first()
    count = customer.orders.count()
    if count:
        raise CustomerHasOrders(customer, count)
    customer.delete()


def customer_errors(customer: Customer, *, exclude: Collection[str] = ()) -> dict[str, list[str]]:
    """What is wrong with a customer, by field, but for those left out."""
    customer.name, customer.email = customer.name.strip(), customer.email.strip()
    try:
        # The constraints are the database's own guard of what the validators say here already.
        customer.full_clean(exclude={"user", *exclude}, validate_constraints=False)
    except ValidationError as error:
        return error.message_dict
    return {}


def _check(customer: Customer, *, exclude: Collection[str] = ()) -> None:
    if errors := customer_errors(customer, exclude=exclude):
        raise ValidationError(errors)


def _next_code(not_merged: str = "") -> str:
    """The next free code of the series CUST001, CUST002, ...; two callers never get the same.

    The counter's row stays locked until the caller's transaction ends. In the query that is asked
    anyway it looks whether a record with the phone ``not_merged`` went into another one.
    """
    locked = Counter.objects.select_for_update().filter(name=_CODES)
    counter = locked.first()
    if counter is None:  # the first time of all
        Counter.objects.get_or_create(name=_CODES)
        counter = locked.get()
    while True:
        block = [f"CUST{counter.value + step:03d}" for step in range(1, _CODES_LOOKED_AT + 1)]
        # A person may have typed some of them, also for a record that went into another since.
        known = Customer.objects.filter(code__in=block).order_by()
        merged = Merge.objects.filter(Q(code__in=block) | Q(phone_number=not_merged)).order_by()
        facts = ("code", "phone_number")
        taken = dict(known.values_list(*facts).union(merged.values_list(*facts)))
        if not_merged in taken.values():
            refuse_double("", not_merged)
        for code in block:
            counter.value += 1
            if code not in taken:
                counter.save(update_fields=["value"])
                return code


def phone_number_of(user: User) -> str:
    """The phone of the customer who signs in as this user; empty where they are none."""
    found = Customer.objects.of_account(user).values_list("phone_number", flat=True).first()
    return found or ""


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
