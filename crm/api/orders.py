"""Orders over HTTP."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import P, Query, QueryEx, Router, Status
from ninja.pagination import paginate

from crm import orders as operations
from crm import self_service
from crm.api.access import orders_of, orders_of_customer
from crm.api.etags import EntityTags
from crm.errors import OrderCannotMove
from crm.models import Customer, Order, OrderQuerySet
from crm.naming import NamedCustomers
from crm.schemas.orders import (
    OrderFilters,
    OrderIn,
    OrderOut,
    OrderPatch,
    OrderReplacement,
    OrdersIn,
)
from crm.taking import TAKE
from identity.tokens import needs

router = Router(tags=["orders"])

ORDERINGS = ("created_at", "order_time", "amount")
etags = EntityTags(
    OrderOut, derived=("customer_code", "customer_name", "customer_phone", "sms_status")
)


@router.get("/", response=list[OrderOut], operation_id="list_orders", auth=needs("orders:read"))
@paginate(orderings=ORDERINGS)
def list_orders(request: HttpRequest, filters: Query[OrderFilters]) -> OrderQuerySet:
    """List orders, newest first."""
    return filters.narrow(orders_of(request))


@router.post("/", response={201: OrderOut}, operation_id="create_order", auth=needs("orders:write"))
@etags.on
def create_order(request: HttpRequest, body: OrderIn) -> Status[Order]:
    """Place an order; its customer is texted about it."""
    customers = _named_customers(request, [body])
    order = _new_order(body, customers)
    place = operations.place_order if customers.is_staff else self_service.place_own_order
    return Status(201, place(order))


@router.post(
    "/bulk/",
    response={201: list[OrderOut]},
    operation_id="create_orders",
    auth=needs("orders:write", permission=TAKE),
)
def create_orders(request: HttpRequest, body: OrdersIn) -> Status[list[Order]]:
    """Place up to 1,000 orders, all or none; each customer is texted about each of theirs.

    For staff and apps: customers place their orders one by one.

    The answer has the orders as they were given. Errors are named by row and field, with rows
    counted from 0: `3.amount`.
    """
    customers = _named_customers(request, body.root)
    orders, errors = list[Order](), dict[str, list[str]]()
    for number, row in enumerate(body.root):
        try:
            orders.append(_new_order(row, customers))
        except ValidationError as error:
            errors |= {f"{number}.{name}": said for name, said in error.message_dict.items()}
    if errors:
        raise ValidationError(errors)
    operations.place_orders(orders)
    return Status(201, orders)


def _named_customers(request: HttpRequest, rows: Sequence[OrderIn]) -> NamedCustomers:
    """The customers that the rows name, as far as the caller may.

    :raises PermissionDenied: the caller is neither staff who may place orders nor a customer.
    """
    customers = NamedCustomers(
        request.user,
        {row.customer_code for row in rows if row.customer_code is not None},
        {row.customer_id for row in rows if row.customer_id is not None},
    )
    if not customers.may_order:
        raise PermissionDenied
    return customers


def _new_order(row: OrderIn, customers: NamedCustomers) -> Order:
    """The order that a row describes, not saved yet.

    :raises ValidationError: the row names no customer whom it may.
    """
    customer = customers.find(row.customer_code, row.customer_id)
    if customer is None:
        raise ValidationError(customers.problems(row.customer_code, row.customer_id))
    order = Order(customer=customer, item=row.item, amount=row.amount)
    if row.order_time is not None:
        order.order_time = row.order_time
    return order


@router.get(
    "/search/", response=list[OrderOut], operation_id="search_orders", auth=needs("orders:read")
)
@paginate(orderings=ORDERINGS)
def search_orders(request: HttpRequest, q: QueryEx[str, P(max_length=200)]) -> OrderQuerySet:
    """Find orders by item, order number, or the customer's name, code or phone."""
    return orders_of(request).search(q)


@router.get(
    "/by-customer/",
    response=list[OrderOut],
    operation_id="list_orders_by_customer_code",
    auth=needs("orders:read"),
)
@paginate(orderings=ORDERINGS)
def list_orders_by_customer_code(
    request: HttpRequest, customer_code: QueryEx[str, P(max_length=50)]
) -> OrderQuerySet:
    """List the orders of the customer with this code."""
    return orders_of_customer(request, code=customer_code)


@router.get(
    "/customer/{uuid:customer_id}/",
    response=list[OrderOut],
    operation_id="list_orders_by_customer_id",
    auth=needs("orders:read"),
)
@paginate(orderings=ORDERINGS)
def list_orders_by_customer_id(request: HttpRequest, customer_id: UUID) -> OrderQuerySet:
    """List the orders of one customer, newest first."""
    return orders_of_customer(request, pk=customer_id)


@router.get(
    "/{uuid:order_id}/", response=OrderOut, operation_id="read_order", auth=needs("orders:read")
)
@etags.on
def read_order(request: HttpRequest, order_id: UUID) -> Order:
    """Read one order."""
    return get_object_or_404(orders_of(request), pk=order_id)


@router.put(
    "/{uuid:order_id}/", response=OrderOut, operation_id="replace_order", auth=needs("orders:write")
)
@etags.on
def replace_order(request: HttpRequest, order_id: UUID, body: OrderReplacement) -> Order:
    """Replace the item and the amount of an order."""
    return _revise_order(request, order_id, body.dict())


@router.patch(
    "/{uuid:order_id}/", response=OrderOut, operation_id="update_order", auth=needs("orders:write")
)
@etags.on
def update_order(request: HttpRequest, order_id: UUID, body: OrderPatch) -> Order:
    """Change the given fields of an order; a new status moves it to its next step.

    Its customer is texted about the step where the business has switched that text on.
    """
    changes = body.changes()
    return _revise_order(request, order_id, changes, changes.pop("status", None))


@router.delete(
    "/{uuid:order_id}/",
    response={204: None},
    operation_id="delete_order",
    auth=needs("orders:write"),
)
def delete_order(request: HttpRequest, order_id: UUID) -> Status[None]:
    """Delete an order; a text about it that has not left yet is cancelled."""
    with transaction.atomic():
        order = _locked_order(request, order_id)
        if not request.user.has_perm("crm.delete_order"):
            raise PermissionDenied
        operations.delete_order(order)
    return Status(204, None)


def _locked_order(request: HttpRequest, order_id: UUID) -> Order:
    """The order, held until the transaction ends, in the version that the caller has seen."""
    found = get_object_or_404(orders_of(request), pk=order_id)
    Customer.objects.held([found.customer_id])  # before the order, as it says there
    locked = orders_of(request).select_for_update(of=("self",))
    order = get_object_or_404(locked, pk=order_id)
    etags.require_match(request, order)
    return order


@transaction.atomic
def _revise_order(
    request: HttpRequest, order_id: UUID, changes: dict[str, object], status: str | None = None
) -> Order:
    order = _locked_order(request, order_id)
    is_staff = request.user.has_perm("crm.change_order")
    if not is_staff and order.customer.user_id != request.user.pk:
        raise PermissionDenied
    if not is_staff and status not in (None, Order.Status.CANCELLED):
        raise PermissionDenied  # customers cancel; what the business does with it is its own to say
    if status == order.status:
        raise OrderCannotMove(order, status)  # of two who make the same move, one made it
    return operations.revise_order(order, changes, status, only_while_pending=not is_staff)
