"""Customers over HTTP."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router, Status
from ninja.pagination import paginate

from crm import customers as operations
from crm.api import orders
from crm.api.access import customers_of, find_customer, orders_of_customer
from crm.api.etags import EntityTags
from crm.models import Customer, CustomerQuerySet, OrderQuerySet
from crm.schemas.customers import (
    CustomerFilters,
    CustomerIn,
    CustomerOut,
    CustomerPatch,
    CustomerReplacement,
)
from crm.schemas.orders import OrderOut
from crm.taking import ADD_CUSTOMER
from identity.tokens import Caller, needs
from sms.models import ConsentSource
from sms.opt_outs import Word

router = Router(tags=["customers"])

ORDERINGS = ("created_at", "name", "code")
etags = EntityTags(CustomerOut)


@router.get(
    "/", response=list[CustomerOut], operation_id="list_customers", auth=needs("customers:read")
)
@paginate(orderings=ORDERINGS)
def list_customers(request: HttpRequest, filters: Query[CustomerFilters]) -> CustomerQuerySet:
    """List customers, newest first."""
    return filters.narrow(customers_of(request))


@router.post(
    "/",
    response={201: CustomerOut},
    operation_id="create_customer",
    auth=needs("customers:write", permission=ADD_CUSTOMER),
)
@etags.on
def create_customer(request: HttpRequest, body: CustomerIn) -> Status[Customer]:
    """Register a customer; one without a code gets the next free one."""
    facts = body.dict()
    facts["code"] = facts["code"] or ""
    word = _word(request, opted_out=facts.pop("sms_opted_out"))
    new = operations.register_customer(Customer(**facts), word=word, refuses_doubles=True)
    return Status(201, new)


@router.get(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="read_customer",
    auth=needs("customers:read"),
)
@etags.on
def read_customer(request: HttpRequest, customer_id: UUID) -> Customer:
    """Read one customer."""
    return find_customer(request, pk=customer_id)


@router.put(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="replace_customer",
    auth=needs("customers:write"),
)
@etags.on
def replace_customer(
    request: HttpRequest, customer_id: UUID, body: CustomerReplacement
) -> Customer:
    """Replace all that may be changed of a customer."""
    return _change_customer(request, customer_id, body.dict())


@router.patch(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="update_customer",
    auth=needs("customers:write"),
)
@etags.on
def update_customer(request: HttpRequest, customer_id: UUID, body: CustomerPatch) -> Customer:
    """Change the given fields of a customer."""
    return _change_customer(request, customer_id, body.changes())


@router.delete(
    "/{uuid:customer_id}/",
    response={204: None},
    operation_id="delete_customer",
    auth=needs("customers:write"),
)
def delete_customer(request: HttpRequest, customer_id: UUID) -> Status[None]:
    """Delete a customer who has no orders."""
    with transaction.atomic():
        customer = _locked_customer(request, customer_id)
        if not request.user.has_perm("crm.delete_customer"):
            raise PermissionDenied
        operations.delete_customer(customer)
    return Status(204, None)


@router.get(
    "/{uuid:customer_id}/orders/",
    response=list[OrderOut],
    operation_id="list_orders_of_customer",
    auth=needs("orders:read"),
)
@paginate(orderings=orders.ORDERINGS)
def list_orders_of_customer(request: HttpRequest, customer_id: UUID) -> OrderQuerySet:
    """List the orders of one customer, newest first."""
    return orders_of_customer(request, pk=customer_id)


def _locked_customer(request: HttpRequest, customer_id: UUID) -> Customer:
    """The customer, held until the transaction ends, in the version that the caller has seen."""
    locked = customers_of(request).select_for_update(of=("self",))
    customer = find_customer(request, among=locked, pk=customer_id)
    etags.require_match(request, customer)
    return customer


@transaction.atomic
def _change_customer(
    request: HttpRequest, customer_id: UUID, changes: dict[str, object]
) -> Customer:
    customer = _locked_customer(request, customer_id)
    is_staff = request.user.has_perm("crm.change_customer")
    if not is_staff and customer.user_id != request.user.pk:
        raise PermissionDenied
    opted_out = changes.pop("sms_opted_out", None)
    # By code and phone the business knows a customer; and nobody has shown yet that a phone they
    # name is theirs, so that they may neither move to another one nor have it texted again.
    is_known_by = ("code", "phone_number")
    if not is_staff and (
        any(
            changes.get(name, getattr(customer, name)) != getattr(customer, name)
            for name in is_known_by
        )
        or (opted_out is False and customer.sms_opted_out)
    ):
        raise PermissionDenied
    word = None if opted_out is None else _word(request, opted_out=bool(opted_out))
    return operations.update_customer(customer, changes, word=word)


def _word(request: HttpRequest, *, opted_out: bool) -> Word:
    caller: Caller = request.auth  # type: ignore[attr-defined]  # Ninja sets it
    return Word(wants_texts=not opted_out, source=ConsentSource.API, said_by=caller.user)
