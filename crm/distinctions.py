"""Two customers look like one person, and somebody who knows says that they are two."""

from django.db import transaction
from django.db.models import QuerySet

from crm.errors import CustomerIsErased, CustomerIsGone, NotTwoCustomers
from crm.models import Customer, Distinction
from identity import rights
from identity.models import User

SAYS = "crm.change_customer"


@transaction.atomic
def distinguish(one: Customer, other: Customer, *, by: User) -> Distinction:
    """Keep that these are two people, for both; once, with who said it first.

    :raises PermissionDenied: they may not change customers.
    :raises NotTwoCustomers: it is one record.
    :raises CustomerIsGone: somebody deleted one of them, or merged it.
    :raises CustomerIsErased: the personal data of one was erased.
    """
    rights.require(by, SAYS)
    if one.pk == other.pk:
        raise NotTwoCustomers
    # Nobody deletes, merges or erases one of them before this is through.
    held = Customer.objects.held([one.pk, other.pk])
    for each in (one, other):
        if (stored := held.get(each.pk)) is None:
            raise CustomerIsGone(each)
        if stored.is_erased:
            raise CustomerIsErased(stored)
    first, second = sorted((one.pk, other.pk))
    said, _is_new = Distinction.objects.get_or_create(
        first_id=first, second_id=second, defaults={"said_by": by}
    )
    return said


def take_back(one: Customer, other: Customer, *, by: User) -> None:
    """They may be the same person after all; also where nobody says otherwise by now.

    :raises PermissionDenied: they may not change customers.
    """
    rights.require(by, SAYS)
    Distinction.objects.between(one, other).delete()


def not_told_apart(customer: Customer) -> QuerySet[Customer, Customer]:
    """All others but those who are not the same person, by what was said."""
    said = Distinction.objects.order_by()
    others = Customer.objects.exclude(pk=customer.pk)
    others = others.exclude(pk__in=said.filter(first=customer).values("second"))
    return others.exclude(pk__in=said.filter(second=customer).values("first"))


def hand_over(kept: Customer, other: Customer) -> None:
    """Before a record goes into another one: who is not the one person is not the other, either.

    What was said of these two themselves goes with the record, as their merge says the contrary.
    """
    known = {each.other_than(kept.pk) for each in Distinction.objects.of(kept)}
    moved = [
        each
        for each in Distinction.objects.of(other)
        if each.other_than(other.pk) not in known | {kept.pk}
    ]
    for each in moved:
        third = each.other_than(other.pk)
        each.first_id, each.second_id = sorted((kept.pk, third))
    Distinction.objects.bulk_update(moved, ["first", "second"])


def forget(customer: Customer) -> None:
    """Of who was erased: whom they were like would tell something of who they were."""
    Distinction.objects.of(customer).delete()
