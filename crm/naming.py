"""Which customer does a new order name?"""

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from crm.models import Customer, Merge
from identity.models import User


class NamedCustomers:
    """The customers that new orders may be for: any for staff, else the caller's own record.

    However many are named, they are one query, and another one where some are not found, which were
    perhaps merged.
    """

    def __init__(
        self, user: User | AnonymousUser, codes: Collection[str], ids: Collection[UUID]
    ) -> None:
        self.is_staff = user.has_perm("crm.add_order")
        allowed = (
            Customer.objects.filter(Q(code__in=codes) | Q(pk__in=ids), erased_at=None)
            if self.is_staff
            else Customer.objects.of_account(user)
        )
        customers = list(allowed)
        self.may_order = self.is_staff or bool(customers)
        self._own = None if self.is_staff or not customers else customers[0]
        self._by_code = {customer.code: customer for customer in customers}
        self._by_id = {customer.pk: customer for customer in customers}
        if self.is_staff:
            self._follow_merges(set(codes) - {*self._by_code}, set(ids) - {*self._by_id})

    def _follow_merges(self, codes: Collection[str], ids: Collection[UUID]) -> None:
        """Of records that went into others; of two that had one code, the later one."""
        if not codes and not ids:
            return
        named = Merge.objects.filter(Q(code__in=codes) | Q(other_id__in=ids), kept__erased_at=None)
        for merge in named.select_related("kept").order_by("merged_at", "pk"):
            self._by_id[merge.other_id] = merge.kept
            if merge.code in codes:
                self._by_code[merge.code] = merge.kept

    def find(self, code: str | None, id_: UUID | None) -> Customer | None:
        """The customer with this code and this id, of which one may be left out; of a customer who
        orders for themself, both."""
        found = self._own
        if code is not None:
            found = self._by_code.get(code)
        if id_ is not None:
            by_id = self._by_id.get(id_)
            found = by_id if code is None or by_id is found else None
        return found

    def problems(self, code: str | None, id_: UUID | None) -> dict[str, str]:
        """What is wrong with how an order names its customer, by field: nothing where it is not."""
        if self.is_staff and code is None and id_ is None:
            return {"customer_code": "This field is required."}
        if self.find(code, id_) is None:
            wrong = "customer_id" if code is None else "customer_code"
            return {wrong: f"Invalid {wrong.replace('_', ' ')}."}
        return {}
