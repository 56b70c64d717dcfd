"""Registration on the wire."""

import re
from typing import Annotated
from uuid import UUID

from ninja import Field, Schema
from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from crm.registration import USERNAME_PATTERN, USERNAME_RULE
from crm.schemas.customers import CustomerOut
from crm.schemas.rows import Body
from crm.schemas.types import Email, Name, PhoneNumber, field_error


def _plain_username(username: str) -> str:
    if not re.fullmatch(USERNAME_PATTERN, username):
        raise field_error(str(USERNAME_RULE))
    return username


def _given_email(email: str) -> str:
    if not email:
        raise field_error("This field may not be blank.")
    return email


Username = Annotated[
    str,
    AfterValidator(_plain_username),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{USERNAME_PATTERN}$", "examples": ["john.doe"]}
    ),
]
GivenEmail = Annotated[
    Email,
    AfterValidator(_given_email),
    WithJsonSchema(
        {
            "type": "string",
            "format": "email",
            "minLength": 3,
            "maxLength": 254,
            "examples": ["john.doe@example.com"],
        }
    ),
]


Password = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "minLength": 8,
            "maxLength": 1024,
            "examples": ["correct horse battery staple"],
            "description": "Not a common one, not all digits, and not like the username or email",
        }
    ),
]


class RegistrationIn(Body):
    """Somebody who wants to see and place their own orders."""

    username: Username
    email: GivenEmail
    password: Password
    phone_number: PhoneNumber
    name: Name | None = Field(None, description="Left out: the username")


class RegistrationOut(Schema):
    """The new account, and the customer record that belongs to it."""

    id: UUID = Field(alias="user.pk")
    username: str = Field(alias="user.username", examples=["john.doe"])
    email: str = Field(alias="user.email", examples=["john.doe@example.com"])
    customer: CustomerOut

    @staticmethod
    def resolve_customer(customer: object) -> object:
        return customer
