"""Which other records may be of the same person, and why?

Each question is answered by an index, so that a page can ask however many customers there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import phonenumbers
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from crm.distinctions import not_told_apart
from crm.folding import name_key
from crm.models import Customer, CustomerQuerySet, Distinction
from sms.phone_numbers import national_form

MOST = 5  # records, told of one


@dataclass
class Likeness:
    """Another record, with what makes it look like the same person's, in words."""

    customer: Customer
    reasons: list[str] = field(default_factory=list)

    @property
    def phone(self) -> str:
        return national_form(self.customer.phone_number)


def likely_duplicates(customer: Customer) -> list[Likeness]:
    """Other records that look like the same person's, those with the most reasons first.

    Not those of whom somebody said that they are not.
    """
    if customer.is_erased:
        return []
    others = not_told_apart(customer)
    found: dict[object, Likeness] = {}
    for other, reason in _found(customer, others):
        known = found.setdefault(other.pk, Likeness(other))
        if reason:
            known.reasons.append(reason)
    for each in found.values():  # also of who was found by something else
        each.reasons += _alike(customer, each.customer)
    likely = sorted(found.values(), key=lambda each: (-len(each.reasons), each.customer.code))
    return likely[:MOST]


def sharing(customers: CustomerQuerySet, name: str) -> CustomerQuerySet:
    """Those of whom another one has the same ``name_key`` or ``email``, and may be the same person.

    Not those who were told apart from all such others.
    """
    key = Lower("email") if name == "email" else F(name)
    me, twin = OuterRef(OuterRef("pk")), OuterRef("pk")
    apart = Distinction.objects.filter(Q(first=me, second=twin) | Q(first=twin, second=me))
    twins = Customer.objects.annotate(key=key).filter(key=OuterRef("shared"))
    others = twins.exclude(pk=OuterRef("pk")).exclude(Exists(apart))
    return customers.sharing(name).filter(Exists(others))


def _found(customer: Customer, others: QuerySet[Customer]) -> Iterator[tuple[Customer, str]]:
    yield from _by_phone(customer, others)
    if customer.email:
        same = others.annotate(lowered=Lower("email")).filter(lowered=customer.email.lower())
        yield from ((other, "") for other in same.order_by()[:MOST])
    if customer.name_key:
        named = others.filter(name_key=customer.name_key).order_by()[:MOST]
        yield from ((other, "") for other in named)


def _alike(customer: Customer, other: Customer) -> Iterator[str]:
    if customer.email and customer.email.lower() == other.email.lower():
        yield _("The same email")
    if customer.name_key and customer.name_key == other.name_key:
        yield _("The same name")


def _by_phone(customer: Customer, others: QuerySet[Customer]) -> Iterator[tuple[Customer, str]]:
    number = phonenumbers.parse(customer.phone_number, None)
    national = phonenumbers.national_significant_number(number)
    elsewhere = {f"+{code}{national}" for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    mistyped = {f"+{number.country_code}{each}" for each in _mistyped(national)}
    history = Customer.history.model.objects.order_by()
    once = set(history.filter(id=customer.pk).values_list("phone_number", flat=True))
    for other in others.filter(phone_number__in=elsewhere | mistyped | once).order_by():
        if other.phone_number in once:
            yield other, _("A phone that this customer had before")
        elif other.phone_number in elsewhere:
            yield other, _("The same phone, but for the country code")
        elif _may_be_called(customer.name, other.name):
            yield (
                other,
                _("A phone that differs in one digit or two that are swapped, and a name alike"),
            )
    had_it = history.filter(phone_number=customer.phone_number).exclude(id=customer.pk)
    for other in others.filter(pk__in=had_it.values("id")).order_by():
        yield other, _("Had this customer's phone before")


def _mistyped(national: str) -> set[str]:
    """What one wrong digit makes of a number, or two neighbours that are swapped."""
    wrong = {
        f"{national[:place]}{digit}{national[place + 1 :]}"
        for place in range(len(national))
        for digit in "0123456789"
    }
    swapped = {
        f"{national[:place]}{after}{before}{national[place + 2 :]}"
        for place, (before, after) in enumerate(pairwise(national))
    }
    return wrong | swapped


def _may_be_called(name: str, other: str) -> bool:
    """Are all words of the shorter name in the longer one?"""
    one, two = set(name_key(name).split()), set(name_key(other).split())
    return bool(one and two) and (one <= two or two <= one)
