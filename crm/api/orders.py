"""Orders over HTTP."""

from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import P, Query, QueryEx, Router, Status
from ninja.pagination import paginate

from crm import orders as operations
from crm.api.access import orders_of, orders_of_customer
from crm.models import Customer, Order, OrderQuerySet
from crm.schemas.orders import OrderFilters, OrderIn, OrderOut, OrderPatch, OrderReplacement
from identity.tokens import needs

router = Router(tags=["orders"])

ORDERINGS = ("created_at", "order_time", "amount")


@router.get("/", response=list[OrderOut], operation_id="list_orders", auth=needs("orders:read"))
@paginate(orderings=ORDERINGS)
def list_orders(request: HttpRequest, filters: Query[OrderFilters]) -> OrderQuerySet:
    """List orders, newest first."""
    return filters.narrow(orders_of(request))


@router.post("/", response={201: OrderOut}, operation_id="create_order", auth=needs("orders:write"))
def create_order(request: HttpRequest, body: OrderIn) -> Status[Order]:
    """Place an order; its customer is texted about it."""
    order = Order(customer=_customer_for(request, body), item=body.item, amount=body.amount)
    if body.order_time is not None:
        order.order_time = body.order_time
    return Status(201, operations.place_order(order))


def _customer_for(request: HttpRequest, body: OrderIn) -> Customer:
    """The customer an order names, or the caller's own record.

    :raises ValidationError: no such customer, or the code and the id are of two.
    :raises PermissionDenied: the caller is neither staff who may place orders nor a customer.
    """
    is_staff = request.user.has_perm("crm.add_order")
    allowed = Customer.objects.all() if is_staff else Customer.objects.of_account(request.user)
    if not is_staff and not allowed.exists():
        raise PermissionDenied
    named = {"code": body.customer_code, "pk": body.customer_id}
    named = {name: value for name, value in named.items() if value is not None}
    if is_staff and not named:
        raise ValidationError({"customer_code": "This field is required."})
    customer = allowed.filter(**named).first()
    if customer is None:
        wrong = "customer_id" if body.customer_code is None else "customer_code"
        raise ValidationError({wrong: f"Invalid {wrong.replace('_', ' ')}."})
    return customer


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
def read_order(request: HttpRequest, order_id: UUID) -> Order:
    """Read one order."""
    return get_object_or_404(orders_of(request), pk=order_id)


@router.put(
    "/{uuid:order_id}/", response=OrderOut, operation_id="replace_order", auth=needs("orders:write")
)
def replace_order(request: HttpRequest, order_id: UUID, body: OrderReplacement) -> Order:
    """Replace the item and the amount of an order."""
    return _revise_order(request, order_id, body.dict())


@router.patch(
    "/{uuid:order_id}/", response=OrderOut, operation_id="update_order", auth=needs("orders:write")
)
def update_order(request: HttpRequest, order_id: UUID, body: OrderPatch) -> Order:
    """Change the given fields of an order; a new status moves it to its next step."""
    changes = body.changes()
    return _revise_order(request, order_id, changes, changes.pop("status", None))


@router.delete(
    "/{uuid:order_id}/",
    response={204: None},
    operation_id="delete_order",
    auth=needs("orders:write", permission="crm.delete_order"),
)
def delete_order(request: HttpRequest, order_id: UUID) -> Status[None]:
    """Delete an order; a text about it that has not left yet is cancelled."""
    operations.delete_order(get_object_or_404(orders_of(request), pk=order_id))
    return Status(204, None)


def _revise_order(
    request: HttpRequest, order_id: UUID, changes: dict[str, object], status: str | None = None
) -> Order:
    order = get_object_or_404(orders_of(request), pk=order_id)
    is_staff = request.user.has_perm("crm.change_order")
    if not is_staff and order.customer.user_id != request.user.pk:
        raise PermissionDenied
    if not is_staff and status not in (None, order.status, Order.Status.CANCELLED):
        raise PermissionDenied  # customers cancel; what the business does with it is its own to say
    return operations.revise_order(order, changes, status, only_while_pending=not is_staff)
