"""The types of the fields on the wire. The rules of a field are those of its model's field."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from crm.models import Customer, Order, OrderStatus
from sms.phone_numbers import E164_PATTERN


def _by_field(model: type[models.Model], name: str) -> AfterValidator:
    """Checks a value as the model's field does, with its messages."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101  # narrows the type: no relation is asked for

    def check(value: Any) -> Any:
        try:
            return field.clean(value, None)
        except ValidationError as error:
            raise field_error(*error.messages) from None

    return AfterValidator(check)


def field_error(*messages: str) -> PydanticCustomError:
    return PydanticCustomError(
        "invalid", "{message}", {"message": messages[0], "messages": messages}
    )


def _plain_number(value: object) -> object:
    if isinstance(value, bool) or (
        isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", value)
    ):
        raise field_error("Enter a number, such as 1299.99.")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise field_error("Enter a time between the years 1900 and 2200.") from None


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


def given(conditions: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def midnight(day: date | None, days_later: int = 0) -> datetime | None:
    """When a day begins where the business is. Days that no order can have count as the nearest
    that one can, so that the calendar's ends stay out of reach."""
    if day is None:
        return None
    near = min(max(day, date(1899, 1, 1)), date(2200, 12, 31)) + timedelta(days=days_later)
    return timezone.make_aware(datetime.combine(near, time.min))
