"""The wire format of customers and orders. The rules of a field are those of its model's field."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from ninja import Field, Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic import ValidationError as PydanticValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from crm.models import Customer, CustomerQuerySet, Order, OrderQuerySet, OrderStatus
from identity.models import User
from sms.models import MessageStatus
from sms.phone_numbers import E164_PATTERN

# --- Types --------------------------------------------------------------------------------------


def _by_field(model: type[models.Model], name: str) -> AfterValidator:
    """Checks a value as the model's field does, with its messages."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101  # narrows the type: no relation is asked for

    def check(value: Any) -> Any:
        try:
            return field.clean(value, None)
        except ValidationError as error:
            raise _field_error(*error.messages) from None

    return AfterValidator(check)


def _field_error(*messages: str) -> PydanticCustomError:
    return PydanticCustomError(
        "invalid", "{message}", {"message": messages[0], "messages": messages}
    )


def _plain_number(value: object) -> object:
    if isinstance(value, bool) or (
        isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", value)
    ):
        raise _field_error("Enter a number, such as 1299.99.")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _field_error("Enter a time between the years 1900 and 2200.") from None


Code = Annotated[
    str,
    _by_field(Customer, "code"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z0-9_-]{2,50}$", "examples": ["CUST001"]}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    _by_field(Customer, "name"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200, "examples": ["John Doe"]}),
]
PhoneNumber = Annotated[
    str,
    _by_field(Customer, "phone_number"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": E164_PATTERN,
            "description": "E.164: with + and the country code",
            "examples": ["+254722000000"],
        }
    ),
]
Email = Annotated[
    str, _by_field(Customer, "email"), WithJsonSchema({"type": "string", "maxLength": 254})
]
Language = Customer.Language
Item = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    _by_field(Order, "item"),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["Laptop Computer"]}
    ),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    _by_field(Order, "amount"),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"},
                {"type": "number", "minimum": 0.01, "maximum": 9999999999.99},
            ],
            "description": "More than 0, with at most two decimal places",
            "examples": ["1299.99"],
        },
        mode="validation",
    ),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9]{1,10}\.[0-9]{2}$", "examples": ["1299.99"]},
        mode="serialization",
    ),
]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Status = OrderStatus


def _plain_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  # a day, no moment
        except ValueError:
            pass  # no such day, such as 30 February: refused like any other text
    raise PydanticCustomError("bad_date", "Invalid date format. Use YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_plain_date)]

# --- Bodies -------------------------------------------------------------------------------------


class NewRow(Schema):
    """The body of a create. Where its shape is wrong, what the database would refuse of it is named
    in the same answer, so that every wrong field is known at once."""

    @classmethod
    def refused_by_rows(cls, data: dict[str, Any], user: User) -> dict[str, str]:  # noqa: ARG003  # for who overrides it
        """A message for each field whose value the stored rows, as the user sees them, forbid."""
        return {}

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_wrong_field(
        cls, data: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo
    ) -> Any:
        try:
            return handler(data)
        except PydanticValidationError as error:
            if not isinstance(data, dict):
                raise
            wrong = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            problems = [_copied(problem) for problem in error.errors()]
            user = (info.context or {})["request"].user
            for name, message in cls.refused_by_rows(data, user).items():
                if name not in wrong:
                    kind = _field_error(message)
                    problems.append(InitErrorDetails(type=kind, loc=(name,), input=data[name]))
            raise PydanticValidationError.from_exception_data(cls.__name__, problems) from None


def _copied(problem: Any) -> InitErrorDetails:
    """An error as it was: ours with its messages, pydantic's own by its text."""
    context = {"message": problem["msg"]} | (problem.get("ctx") or {})
    kind = PydanticCustomError(problem["type"], "{message}", context)
    return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])


def _left_out() -> Any:
    return Field(None)


def _drop_null_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Patch(Schema):
    """The body of a PATCH: what is left out stays. A null is no value of these fields."""

    model_config = ConfigDict(json_schema_extra=_drop_null_defaults)

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class CustomerIn(NewRow):
    code: Code | None = Field(None, description="Left out: the next free one is given")
    name: Name
    phone_number: PhoneNumber
    email: Email = ""
    language: Language = Language.ENGLISH
    sms_opted_out: bool = False  # to register somebody is no consent: it only opts out

    @classmethod
    def refused_by_rows(cls, data: dict[str, Any], user: User) -> dict[str, str]:  # noqa: ARG003  # for who overrides it
        return {
            name: f"Customer with this {label} already exists."
            for name, label in (("code", "code"), ("phone_number", "phone number"))
            if isinstance(data.get(name), str)
            and Customer.objects.filter(**{name: data[name]}).exists()
        }


class CustomerReplacement(Schema):
    code: Code
    name: Name
    phone_number: PhoneNumber
    email: Email = ""
    language: Language = Language.ENGLISH
    sms_opted_out: bool | None = Field(None, description="Left out: as the owner last said")


class CustomerPatch(Patch):
    code: Code = _left_out()
    name: Name = _left_out()
    phone_number: PhoneNumber = _left_out()
    email: Email = _left_out()
    language: Language = _left_out()
    sms_opted_out: bool = _left_out()


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
    item: Item = _left_out()
    amount: Amount = _left_out()
    status: Status = _left_out()


# --- Filters ------------------------------------------------------------------------------------


class CustomerFilters(Schema):
    q: str | None = Field(None, max_length=200, description="In code, name, phone or email")
    code: str | None = Field(None, max_length=50)
    phone_number: str | None = Field(None, max_length=16)
    created_after: Moment | None = None
    created_before: Moment | None = None

    def narrow(self, customers: CustomerQuerySet) -> CustomerQuerySet:
        conditions = {
            "code": self.code,
            "phone_number": self.phone_number,
            "created_at__gt": self.created_after,
            "created_at__lt": self.created_before,
        }
        customers = customers.filter(**_given(conditions))
        return customers.search(self.q) if self.q else customers


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
            "order_time__gte": _midnight(self.start_date),
            "order_time__lt": _midnight(self.end_date, days_later=1),
            "status__in": self.status or None,
            "customer__code": self.customer_code,
            "customer_id": self.customer_id,
            "amount__gte": self.min_amount,
            "amount__lte": self.max_amount,
        }
        orders = orders.filter(**_given(conditions))
        return orders.search(self.q) if self.q else orders


def _given(conditions: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def _midnight(day: date | None, days_later: int = 0) -> datetime | None:
    """When a day begins where the business is. Days that no order can have count as the nearest
    that one can, so that the calendar's ends stay out of reach."""
    if day is None:
        return None
    near = min(max(day, date(1899, 1, 1)), date(2200, 12, 31)) + timedelta(days=days_later)
    return timezone.make_aware(datetime.combine(near, time.min))


# --- Representations ----------------------------------------------------------------------------


class CustomerOut(Schema):
    id: UUID
    code: str
    name: str
    phone_number: str
    email: str
    language: Language
    sms_opted_out: bool
    created_at: Moment
    updated_at: Moment


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
