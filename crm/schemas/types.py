"""The types of the fields on the wire. The rules of a field are those of its model's field, and its
schema says what these come to, so that a request is refused just where the schema refuses it."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
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

from crm.models import Customer, Order, OrderStatus, validate_one_line
from sms.phone_numbers import E164_PATTERN

_NUMBER = r"-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = rf"{_DAY}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
_UUID = r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


def field_error(*messages: str) -> PydanticCustomError:
    return PydanticCustomError(
        "invalid", "{message}", {"message": messages[0], "messages": messages}
    )


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The check, with the messages of Django's errors."""

    def checked(value: Any) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise field_error(*error.messages) from None

    return checked


def _by_field(model: type[models.Model], name: str) -> AfterValidator:
    """Checks a value as the model's field does."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101  # narrows the type: no relation is asked for
    return AfterValidator(_checked(lambda value: field.clean(value, None)))


def _one_line(value: object) -> object:
    """Before spaces are stripped from its ends, as a line break would be with them."""
    if isinstance(value, str):
        validate_one_line(value)
        MaxLengthValidator(_LINE["maxLength"])(value)
    return value


def _plain_number(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(_NUMBER, value)):
        raise field_error("Enter a number, such as 1299.99.")
    return value


def _plain_uuid(value: object) -> object:
    """Of the many ways to write a UUID, the one that RFC 9562 has."""
    if isinstance(value, str) and not re.fullmatch(_UUID, value):
        raise field_error("Enter a UUID, such as 019bac7f-9100-7a3b-9c41-2f8e6d0b7a15.")
    return value


def _written_out(value: object) -> object:
    """As in RFC 3339, section 5.6, and in no other way: pydantic would take a number of seconds."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(_MOMENT, value):
        with suppress(ValueError):  # no such day or hour, or a leap second, which Python has not
            return datetime.fromisoformat(value.upper())
    raise field_error("Enter a time with its offset from UTC, such as 2026-01-11T10:00:00Z.")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise field_error("Enter a time between the years 1900 and 2200.") from None


def _id(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": "uuid", "examples": [example]})


# A line of text has no control character, and is not of spaces alone.
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_LINE = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
}
CODE_SCHEMA = {"type": "string", "pattern": "^[A-Z0-9_-]{2,50}$", "examples": ["CUST001"]}
_EMAIL_SCHEMA = {
    "anyOf": [
        {"type": "string", "format": "email", "maxLength": 254},
        {"type": "string", "maxLength": 0},
    ],
    "description": "Empty: none is known",
    "examples": ["john.doe@example.com"],
}

CustomerId = Annotated[
    UUID, BeforeValidator(_plain_uuid), _id("019bac7f-9100-7a3b-9c41-2f8e6d0b7a15")
]
OrderId = Annotated[UUID, _id("01a0c3f1-d140-7e52-8f09-b6c31d94e2a8")]
Code = Annotated[str, _by_field(Customer, "code"), WithJsonSchema(CODE_SCHEMA)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    BeforeValidator(_checked(_one_line)),
    _by_field(Customer, "name"),
    WithJsonSchema(_LINE | {"examples": ["John Doe"]}),
]
PhoneNumber = Annotated[
    str,
    _by_field(Customer, "phone_number"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": E164_PATTERN,
            "description": "E.164: with + and the country code, and in use in that country",
            "examples": ["+254722000000"],
        }
    ),
]
Email = Annotated[str, _by_field(Customer, "email"), WithJsonSchema(_EMAIL_SCHEMA)]
EmailOrNone = Annotated[str, WithJsonSchema(_EMAIL_SCHEMA)]  # as stored: not checked again
Language = Customer.Language
Item = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    BeforeValidator(_checked(_one_line)),
    _by_field(Order, "item"),
    WithJsonSchema(_LINE | {"examples": ["Laptop Computer"]}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    _by_field(Order, "amount"),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^([1-9][0-9]{0,9}(\.[0-9]{1,2})?|0\.(0[1-9]|[1-9][0-9]?))$",
                },
                {"type": "number", "minimum": 0.01, "maximum": 9999999999.99, "multipleOf": 0.01},
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
Bound = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    WithJsonSchema({"type": "string", "pattern": f"^{_NUMBER}$", "examples": ["1000.00"]}),
]
Currency = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "description": "ISO 4217",
            "examples": ["KES"],
        }
    ),
]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
Status = OrderStatus


def _plain_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(_DAY, value):
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
