"""Exports over HTTP: what a list shows with the same filters, all of it, as a sheet."""

from typing import Any, Literal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from ninja import Query, Router

from crm.models import Customer, Order
from crm.schemas.customers import CustomerFilters
from crm.schemas.orders import OrderFilters
from crm.spreadsheets.exports import XLSX_TYPE, export_csv, export_xlsx
from crm.spreadsheets.resources import CustomerResource, OrderResource, SheetResource
from crm.spreadsheets.writing import MAX_WORKBOOK_ROWS, TooManyRows
from identity.tokens import needs

router = Router()

FileFormat = Literal["csv", "xlsx"]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES = {"responses": {200: {"content": {"text/csv": _BINARY, XLSX_TYPE: _BINARY}}}}


@router.get(
    "/orders/export/",
    operation_id="export_orders",
    auth=needs("orders:read"),
    tags=["orders"],
    openapi_extra=_FILES,
)
def export_orders(
    request: HttpRequest, filters: Query[OrderFilters], file_format: FileFormat = "csv"
) -> HttpResponseBase:
    """Download the orders that the filters leave, newest first, as a sheet.

    Importing it changes nothing. Of staff, only who may export orders.
    """
    _refuse_staff_who_may_not(request, "order")
    orders = filters.narrow(Order.objects.visible_to(request.user)).select_related("customer")
    return _export(
        OrderResource(), orders.defer("search_text", "customer__search_text"), file_format
    )


@router.get(
    "/customers/export/",
    operation_id="export_customers",
    auth=needs("customers:read"),
    tags=["customers"],
    openapi_extra=_FILES,
)
def export_customers(
    request: HttpRequest, filters: Query[CustomerFilters], file_format: FileFormat = "csv"
) -> HttpResponseBase:
    """Download the customers that the filters leave, newest first, as a sheet.

    Importing it changes nothing. Of staff, only who may export customers.
    """
    _refuse_staff_who_may_not(request, "customer")
    customers = filters.narrow(Customer.objects.visible_to(request.user))
    return _export(CustomerResource(), customers.defer("search_text"), file_format)


def _refuse_staff_who_may_not(request: HttpRequest, what: str) -> None:
    """A self-service user takes along what is their own.

    :raises PermissionDenied: the caller sees what is others', or is staff, and may not export it.
    """
    user = request.user
    is_self_service = not (user.is_staff or user.has_perm(f"crm.view_{what}"))
    if not (is_self_service or user.has_perm(f"crm.export_{what}")):
        raise PermissionDenied


def _export(
    resource: SheetResource, rows: QuerySet[Any], file_format: FileFormat
) -> HttpResponseBase:
    if file_format == "csv":
        return export_csv(resource, rows)
    try:
        return export_xlsx(resource, rows)
    except TooManyRows:
        message = f"A workbook holds {MAX_WORKBOOK_ROWS:,} rows. Ask for csv, or for fewer."
        raise ValidationError({"file_format": message}) from None
