"""Orders on the wire."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from crm.models import Customer, OrderQuerySet
from crm.schemas.rows import NewRow, Patch, left_out
from crm.schemas.types import Amount, Day, Item, Moment, Status, given, midnight
from identity.models import User
from sms.models import MessageStatus


class OrderIn(NewRow):
    customer_code: str | None = Field(None, max_length=50, examples=["CUST001"])
    customer_id: UUID | None = None
    item: Item
    amount: Amount
    order_time: Moment | None = Field(None, description="Left out: now")

    @classmethod
    def refused_by_rows(cls, data: dict[str, Any], user: User) -> dict[str, str]:
        code = data.get("customer_code")
        is_staff = user.has_perm("crm.add_order")
        allowed = Customer.objects.all() if is_staff else Customer.objects.of_account(user)
        if isinstance(code, str) and not allowed.filter(code=code).exists():
            return {"customer_code": "Invalid customer code."}
        return {}


class OrderReplacement(Schema):
    item: Item
    amount: Amount


class OrderPatch(Patch):
    item: Item = left_out()
    amount: Amount = left_out()
    status: Status = left_out()


class OrderFilters(Schema):
    start_date: Day | None = Field(None, description="First day, in the business's time zone")
    end_date: Day | None = Field(None, description="Last day, itself included")
    status: list[Status] = Field([], description="Any of these")
    customer_code: str | None = Field(None, max_length=50)
    customer_id: UUID | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    q: str | None = Field(None, max_length=200, description="In item, order number or customer")

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
    id: UUID
    order_number: str
    customer_id: UUID
    customer_code: str = Field(alias="customer.code")
    customer_name: str = Field(alias="customer.name")
    customer_phone: str = Field(alias="customer.phone_number")
    item: str
    amount: Amount
    currency: str
    status: Status
    order_time: Moment
    created_at: Moment
    updated_at: Moment
    sms_status: MessageStatus | None = Field(description="State of the newest text about the order")
