"""Orders on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from ninja import Field, Schema
from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    RootModel,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from crm.models import OrderQuerySet
from crm.naming import NamedCustomers
from crm.schemas.rows import Body, NewRow, Patch, left_out, validate_rows
from crm.schemas.types import (
    CODE_SCHEMA,
    Amount,
    Bound,
    Currency,
    CustomerId,
    Day,
    Item,
    Moment,
    OrderId,
    Status,
    given,
    midnight,
)
from identity.models import User
from sms.models import MessageStatus

_EXAMPLE: JsonDict = {"customer_code": "CUST001", "item": "Laptop Computer", "amount": "1299.99"}


class OrderIn(NewRow):
    """An order to place. Staff and apps say whose it is, by code or by id; a user without a staff
    role leaves that out, as it is their own."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    customer_code: Annotated[str, Field(max_length=50), WithJsonSchema(CODE_SCHEMA)] | None = None
    customer_id: CustomerId | None = None
    item: Item
    amount: Amount
    order_time: Moment | None = Field(
        None, description="Between the years 1900 and 2200. Left out: now"
    )
    status: Status | None = Field(
        None, exclude=True, description="Not looked at: every order begins as PENDING"
    )

    @classmethod
    def refused_by_rows(
        cls, rows: Sequence[dict[str, Any]], user: User
    ) -> Sequence[dict[str, str]]:
        names = [
            (_text_or_none(row.get("customer_code")), _uuid_or_none(row.get("customer_id")))
            for row in rows
        ]
        customers = NamedCustomers(
            user, {code for code, _ in names if code}, {id_ for _, id_ in names if id_}
        )
        return [customers.problems(code, id_) for code, id_ in names]


MAX_ROWS = 1000


class OrdersIn(RootModel[list[OrderIn]]):
    """Many new orders."""

    root: list[OrderIn] = Field(min_length=1, max_length=MAX_ROWS)

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_wrong_field(
        cls, data: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo
    ) -> Any:
        if not isinstance(data, list) or not 1 <= len(data) <= MAX_ROWS:
            return handler(data)  # which says so
        return handler(validate_rows(OrderIn, data, info.context or {}))


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _uuid_or_none(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


class OrderReplacement(Body):
    """What an order is of."""

    item: Item
    amount: Amount
    status: Status | None = Field(
        None, exclude=True, description="Not looked at: PATCH moves an order"
    )


class OrderPatch(Patch):
    """What changes of an order. What is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "PROCESSING"}]})

    item: Item = left_out()
    amount: Amount = left_out()
    status: Status = left_out(
        "PENDING moves to PROCESSING, COMPLETED or CANCELLED, and PROCESSING to "
        "COMPLETED or CANCELLED. Any other move is a 409"
    )


class OrderFilters(Schema):
    start_date: Day | None = Field(None, description="First day, in the business's time zone")
    end_date: Day | None = Field(None, description="Last day, itself included")
    status: list[Status] = Field([], description="Any of these")
    customer_code: str | None = Field(None, max_length=50, description="Of the one customer")
    customer_id: CustomerId | None = Field(None, description="Of the one customer")
    min_amount: Bound | None = Field(None, description="This, or more")
    max_amount: Bound | None = Field(None, description="This, or less")
    q: str | None = Field(
        None,
        max_length=200,
        description="Any part of the item, the order number, the reference, or of the customer's "
        "name, code or phone, in any case",
    )

    def narrow(self, orders: OrderQuerySet) -> OrderQuerySet:
        conditions = {
            "order_time__gte": midnight(self.start_date),
            "order_time__lt": midnight(self.end_date, days_later=1),
            "status__in": self.status or None,
            "customer__code": self.customer_code,
            "customer_id": self.customer_id,
            "amount__gte": self.min_amount,
            "amount__lte": self.max_amount,
        }
        orders = orders.filter(**given(conditions))
        return orders.search(self.q) if self.q else orders


class OrderOut(Schema):
    """What a customer ordered, and how far it is."""

    id: OrderId
    order_number: str = Field(
        description="What people call it: it begins with the item and the time",
        examples=["LA20260921123000-7K3F"],
    )
    customer_id: CustomerId
    customer_code: str = Field(alias="customer.code", examples=["CUST001"])
    customer_name: str = Field(alias="customer.name", examples=["John Doe"])
    customer_phone: str = Field(
        alias="customer.written_phone",
        description="E.164; empty where the personal data was erased",
        examples=["+254722000000"],
    )
    item: str = Field(examples=["Laptop Computer"])
    amount: Amount
    currency: Currency
    status: Status
    order_time: Moment
    created_at: Moment
    updated_at: Moment
    sms_status: MessageStatus | None = Field(
        description="State of the newest text about the order; null where none is due"
    )
