"""Customers and orders over HTTP: parse, call one operation, return a model."""

from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import P, Query, QueryEx, Router, Status
from ninja.pagination import paginate

from crm import customers as customer_operations
from crm import orders as order_operations
from crm.models import Customer, CustomerQuerySet, Order, OrderQuerySet
from crm.schemas import (
    CustomerFilters,
    CustomerIn,
    CustomerOut,
    CustomerPatch,
    CustomerReplacement,
    OrderFilters,
    OrderIn,
    OrderOut,
    OrderPatch,
    OrderReplacement,
)
from identity.tokens import needs

customers = Router(tags=["customers"])
orders = Router(tags=["orders"])

CUSTOMER_ORDERINGS = ("created_at", "name", "code")
ORDER_ORDERINGS = ("created_at", "order_time", "amount")

# --- Who may what -------------------------------------------------------------------------------
# Staff act by their permissions. A self-service user has none, and acts on their own record and
# orders; another's are not there for them.


def _customers_of(request: HttpRequest) -> CustomerQuerySet:
    return Customer.objects.visible_to(request.user).with_opt_out()


def _orders_of(request: HttpRequest) -> OrderQuerySet:
    return Order.objects.visible_to(request.user).select_related("customer").with_sms_status()


def _customer_to_change(request: HttpRequest, customer_id: UUID) -> Customer:
    customer = get_object_or_404(_customers_of(request), pk=customer_id)
    if not request.user.has_perm("crm.change_customer") and customer.user_id != request.user.pk:
        raise PermissionDenied
    return customer


def _revise_order(
    request: HttpRequest, order_id: UUID, changes: dict[str, object], status: str | None = None
) -> Order:
    order = get_object_or_404(_orders_of(request), pk=order_id)
    is_staff = request.user.has_perm("crm.change_order")
    if not is_staff and order.customer.user_id != request.user.pk:
        raise PermissionDenied
    if not is_staff and status not in (None, order.status, Order.Status.CANCELLED):
        raise PermissionDenied  # customers cancel; what the business does with it is its own to say
    return order_operations.revise_order(order, changes, status, only_while_pending=not is_staff)


# --- Customers ----------------------------------------------------------------------------------


@customers.get(
    "/", response=list[CustomerOut], operation_id="list_customers", auth=needs("customers:read")
)
@paginate(orderings=CUSTOMER_ORDERINGS)
def list_customers(request: HttpRequest, filters: Query[CustomerFilters]) -> CustomerQuerySet:
    """List customers, newest first."""
    return filters.narrow(_customers_of(request))


@customers.post(
    "/",
    response={201: CustomerOut},
    operation_id="create_customer",
    auth=needs("customers:write", permission="crm.add_customer"),
)
def create_customer(request: HttpRequest, body: CustomerIn) -> Status[Customer]:
    """Register a customer; one without a code gets the next free one."""
    facts = body.dict()
    facts["code"] = facts["code"] or ""
    opted_out = facts.pop("sms_opted_out")
    customer = customer_operations.register_customer(Customer(**facts), sms_opted_out=opted_out)
    return Status(201, customer)


@customers.get(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="read_customer",
    auth=needs("customers:read"),
)
def read_customer(request: HttpRequest, customer_id: UUID) -> Customer:
    """Read one customer."""
    return get_object_or_404(_customers_of(request), pk=customer_id)


@customers.put(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="replace_customer",
    auth=needs("customers:write"),
)
def replace_customer(
    request: HttpRequest, customer_id: UUID, body: CustomerReplacement
) -> Customer:
    """Replace all that may be changed of a customer."""
    return _change_customer(request, customer_id, body.dict())


@customers.patch(
    "/{uuid:customer_id}/",
    response=CustomerOut,
    operation_id="update_customer",
    auth=needs("customers:write"),
)
def update_customer(request: HttpRequest, customer_id: UUID, body: CustomerPatch) -> Customer:
    """Change the given fields of a customer."""
    return _change_customer(request, customer_id, body.changes())


def _change_customer(
    request: HttpRequest, customer_id: UUID, changes: dict[str, object]
) -> Customer:
    customer = _customer_to_change(request, customer_id)
    is_new_code = changes.get("code", customer.code) != customer.code
    if is_new_code and not request.user.has_perm("crm.change_customer"):
        raise PermissionDenied  # by its code the business knows a customer: not theirs to change
    opted_out = changes.pop("sms_opted_out", None)
    return customer_operations.update_customer(
        customer, changes, sms_opted_out=None if opted_out is None else bool(opted_out)
    )


@customers.delete(
    "/{uuid:customer_id}/",
    response={204: None},
    operation_id="delete_customer",
    auth=needs("customers:write", permission="crm.delete_customer"),
)
def delete_customer(request: HttpRequest, customer_id: UUID) -> Status[None]:
    """Delete a customer who has no orders."""
    customer = get_object_or_404(_customers_of(request), pk=customer_id)
    customer_operations.delete_customer(customer)
    return Status(204, None)


@customers.get(
    "/{uuid:customer_id}/orders/",
    response=list[OrderOut],
    operation_id="list_orders_of_customer",
    auth=needs("orders:read"),
)
@paginate(orderings=ORDER_ORDERINGS)
def list_orders_of_customer(request: HttpRequest, customer_id: UUID) -> OrderQuerySet:
    """List the orders of one customer, newest first."""
    return _orders_of_customer(request, pk=customer_id)


# --- Orders -------------------------------------------------------------------------------------


@orders.get("/", response=list[OrderOut], operation_id="list_orders", auth=needs("orders:read"))
@paginate(orderings=ORDER_ORDERINGS)
def list_orders(request: HttpRequest, filters: Query[OrderFilters]) -> OrderQuerySet:
    """List orders, newest first."""
    return filters.narrow(_orders_of(request))


@orders.post("/", response={201: OrderOut}, operation_id="create_order", auth=needs("orders:write"))
def create_order(request: HttpRequest, body: OrderIn) -> Status[Order]:
    """Place an order; its customer is texted about it."""
    order = Order(customer=_customer_for(request, body), item=body.item, amount=body.amount)
    if body.order_time is not None:
        order.order_time = body.order_time
    return Status(201, order_operations.place_order(order))


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


@orders.get(
    "/search/", response=list[OrderOut], operation_id="search_orders", auth=needs("orders:read")
)
@paginate(orderings=ORDER_ORDERINGS)
def search_orders(request: HttpRequest, q: QueryEx[str, P(max_length=200)]) -> OrderQuerySet:
    """Find orders by item, order number, or the customer's name, code or phone."""
    return _orders_of(request).search(q)


@orders.get(
    "/by-customer/",
    response=list[OrderOut],
    operation_id="list_orders_by_customer_code",
    auth=needs("orders:read"),
)
@paginate(orderings=ORDER_ORDERINGS)
def list_orders_by_customer_code(
    request: HttpRequest, customer_code: QueryEx[str, P(max_length=50)]
) -> OrderQuerySet:
    """List the orders of the customer with this code."""
    return _orders_of_customer(request, code=customer_code)


@orders.get(
    "/customer/{uuid:customer_id}/",
    response=list[OrderOut],
    operation_id="list_orders_by_customer_id",
    auth=needs("orders:read"),
)
@paginate(orderings=ORDER_ORDERINGS)
def list_orders_by_customer_id(request: HttpRequest, customer_id: UUID) -> OrderQuerySet:
    """List the orders of one customer, newest first."""
    return _orders_of_customer(request, pk=customer_id)


def _orders_of_customer(request: HttpRequest, **named: object) -> OrderQuerySet:
    customer = get_object_or_404(Customer.objects.visible_to(request.user), **named)
    return _orders_of(request).filter(customer=customer)


@orders.get(
    "/{uuid:order_id}/", response=OrderOut, operation_id="read_order", auth=needs("orders:read")
)
def read_order(request: HttpRequest, order_id: UUID) -> Order:
    """Read one order."""
    return get_object_or_404(_orders_of(request), pk=order_id)


@orders.put(
    "/{uuid:order_id}/", response=OrderOut, operation_id="replace_order", auth=needs("orders:write")
)
def replace_order(request: HttpRequest, order_id: UUID, body: OrderReplacement) -> Order:
    """Replace the item and the amount of an order."""
    return _revise_order(request, order_id, body.dict())


@orders.patch(
    "/{uuid:order_id}/", response=OrderOut, operation_id="update_order", auth=needs("orders:write")
)
def update_order(request: HttpRequest, order_id: UUID, body: OrderPatch) -> Order:
    """Change the given fields of an order; a new status moves it to its next step."""
    changes = body.changes()
    return _revise_order(request, order_id, changes, changes.pop("status", None))


@orders.delete(
    "/{uuid:order_id}/",
    response={204: None},
    operation_id="delete_order",
    auth=needs("orders:write", permission="crm.delete_order"),
)
def delete_order(request: HttpRequest, order_id: UUID) -> Status[None]:
    """Delete an order; a text about it that has not left yet is cancelled."""
    order_operations.delete_order(get_object_or_404(_orders_of(request), pk=order_id))
    return Status(204, None)
