"""Which customers, orders and texts does somebody mean who types a part of them?

What the lists find, but a few of each: the one that is named outright, then the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from crm.merging import known_by
from crm.models import Customer, Order
from identity.models import User
from identity.times import ago
from project.palette.entries import Entry, Group
from sms.models import Message
from sms.money import spoken_sum
from sms.phone_numbers import find_phone_number, find_phone_part, national_form

SHOWN = 5  # of each kind
LONGEST = 200  # characters of what is looked for, as of what is stored
_SHOWN_CHARACTERS = 60  # of a line: more would hide what is below
_NEWEST = ("-created_at", "-id")

Record = TypeVar("Record", Customer, Order)


@dataclass(frozen=True)
class Sought:
    """What was typed: a phone, or a part of anything."""

    text: str
    phone_number: str | None
    part: str

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(text, find_phone_number(text), find_phone_part(text) or text)

    @property
    def in_list(self) -> dict[str, str]:
        """The query with which a list finds the same."""
        return {"q": self.phone_number or self.part}


def find_records(user: User, text: str) -> list[Group]:
    """What this person may see of what the text means, in five queries at most."""
    if not text or len(text) > LONGEST:
        return []
    sought = Sought.of(text)
    groups = []
    if user.has_perm("crm.view_customer"):
        groups.append(_customers(sought))
    if user.has_perm("crm.view_order"):
        groups.append(_orders(sought))
    if sought.phone_number and user.has_perm("sms.view_message"):
        groups.append(_texts(sought.phone_number))
    return groups


def _customers(sought: Sought) -> Group:
    found = _found_customers(sought)
    entries = [
        Entry(
            _short(customer.name),
            reverse("admin:crm_customer_change", args=[customer.pk]),
            "person",
            [customer.code, national_form(customer.phone_number)],
        )
        for customer in found[:SHOWN]
    ]
    words = _("All customers with “{text}”").format(text=sought.text)
    more = _all(words, "crm_customer", sought.in_list) if len(found) > SHOWN else None
    return Group(_("Customers"), entries, more)


def _orders(sought: Sought) -> Group:
    found = _found_orders(sought)
    entries = [
        Entry(
            _short(order.item),
            reverse("admin:crm_order_change", args=[order.pk]),
            "receipt_long",
            [
                order.order_number,
                _short(order.customer.name),
                spoken_sum(order.currency, order.amount),
                order.get_status_display(),
                ago(order.order_time),
            ],
        )
        for order in found[:SHOWN]
    ]
    words = _("All orders with “{text}”").format(text=sought.text)
    more = _all(words, "crm_order", sought.in_list) if len(found) > SHOWN else None
    return Group(_("Orders"), entries, more)


def _texts(phone_number: str) -> Group:
    found = Message.objects.filter(phone_number=phone_number).order_by("-created_at")
    texts = list(found[: SHOWN + 1])
    entries = [
        Entry(
            _short(text.text),
            reverse("admin:sms_message_change", args=[text.pk]),
            "sms",
            [text.get_status_display(), ago(text.created_at)],
        )
        for text in texts[:SHOWN]
    ]
    words = _("All texts to {phone}").format(phone=national_form(phone_number))
    more = _all(words, "sms_message", {"q": phone_number}) if len(texts) > SHOWN else None
    return Group(_("Texts"), entries, more)


def _found_customers(sought: Sought) -> Sequence[Customer]:
    customers = Customer.objects.order_by(*_NEWEST)
    if sought.phone_number:
        return list(customers.filter(pk__in=known_by("phone_number", sought.phone_number)))
    named = customers.filter(pk__in=known_by("code", sought.text.upper()))
    return _named_first(list(named), customers.search(sought.part))


def _found_orders(sought: Sought) -> Sequence[Order]:
    orders = Order.objects.select_related("customer").order_by(*_NEWEST)
    number = sought.text.upper()
    # A reference is as it was written elsewhere. That it is one, its index wants to be told.
    is_reference = ~Q(reference="") & Q(reference=sought.text)
    named = list(orders.filter(Q(order_number=number) | is_reference))
    if any(order.order_number == number for order in named):
        return named
    if sought.phone_number:  # by the customer's index: of two phrases, a search would read all rows
        theirs = orders.filter(customer__in=known_by("phone_number", sought.phone_number))
        return _named_first(named, theirs)
    # The ids first, which SQLite finds in an index that holds what is searched.
    newest = Order.objects.search(sought.part).order_by(*_NEWEST).values("pk")[: SHOWN + 1]
    return _named_first(named, orders.filter(pk__in=newest))


def _named_first(named: list[Record], found: QuerySet[Record]) -> list[Record]:
    """One more than is shown, where there are more."""
    known = {record.pk for record in named}
    return named + [record for record in found[: SHOWN + 1] if record.pk not in known]


def _all(title: str, list_: str, query: dict[str, str]) -> Entry:
    address = reverse(f"admin:{list_}_changelist")
    return Entry(title, f"{address}?{urlencode(query)}", "manage_search")


def _short(text: str) -> str:
    return Truncator(text).chars(_SHOWN_CHARACTERS)
