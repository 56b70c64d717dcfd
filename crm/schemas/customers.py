"""Customers on the wire."""

from collections.abc import Sequence
from typing import Any

from ninja import Field, Schema
from pydantic import ConfigDict, StrictBool
from pydantic.config import JsonDict

from crm.models import Customer, CustomerQuerySet
from crm.schemas.rows import Body, NewRow, Patch, left_out
from crm.schemas.types import (
    Code,
    CustomerId,
    Email,
    EmailOrNone,
    Language,
    Moment,
    Name,
    PhoneNumber,
    given,
)
from identity.models import User

_EXAMPLE: JsonDict = {
    "code": "CUST001",
    "name": "John Doe",
    "phone_number": "+254722000000",
    "email": "john.doe@example.com",
    "language": "en",
    "sms_opted_out": False,
}


class CustomerIn(NewRow):
    """A customer to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: Code | None = Field(None, description="Left out: the next free one is given")
    name: Name
    phone_number: PhoneNumber
    email: Email = ""
    language: Language = Field(Language.ENGLISH, description="Of the texts to this customer")
    # To register somebody is no consent: it only opts out.
    sms_opted_out: StrictBool = Field(False, description="No texts to this customer")

    @classmethod
    def refused_by_rows(
        cls,
        rows: Sequence[dict[str, Any]],
        user: User,  # noqa: ARG003  # every user is told of a code or a phone that is taken
    ) -> Sequence[dict[str, str]]:
        return [
            {
                name: f"Customer with this {label} already exists."
                for name, label in (("code", "code"), ("phone_number", "phone number"))
                if isinstance(row.get(name), str)
                and Customer.objects.filter(**{name: row[name]}).exists()
            }
            for row in rows
        ]


class CustomerReplacement(Body):
    """All that may be changed of a customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: Code
    name: Name
    phone_number: PhoneNumber
    email: Email = ""
    language: Language = Field(Language.ENGLISH, description="Of the texts to this customer")
    sms_opted_out: StrictBool | None = Field(None, description="Left out: as the owner last said")


class CustomerPatch(Patch):
    """What changes of a customer. What is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Jane Doe"}]})

    code: Code = left_out()
    name: Name = left_out()
    phone_number: PhoneNumber = left_out()
    email: Email = left_out()
    language: Language = left_out()
    sms_opted_out: StrictBool = left_out()


class CustomerFilters(Schema):
    q: str | None = Field(
        None, max_length=200, description="Any part of the code, name, phone or email, in any case"
    )
    code: str | None = Field(None, max_length=50, description="The one with this code")
    phone_number: str | None = Field(None, max_length=16, description="The one with this phone")
    created_after: Moment | None = Field(None, description="Later than this")
    created_before: Moment | None = Field(None, description="Earlier than this")

    def narrow(self, customers: CustomerQuerySet) -> CustomerQuerySet:
        conditions = {
            "code": self.code,
            "phone_number": self.phone_number,
            "created_at__gt": self.created_after,
            "created_at__lt": self.created_before,
        }
        customers = customers.filter(**given(conditions))
        return customers.search(self.q) if self.q else customers


class CustomerOut(Schema):
    """Somebody who buys from the business, and is texted about it."""

    id: CustomerId
    code: str = Field(description="By which the business knows them", examples=["CUST001"])
    name: str = Field(examples=["John Doe"])
    phone_number: str = Field(
        alias="written_phone",
        description="E.164; empty where the personal data was erased",
        examples=["+254722000000"],
    )
    email: EmailOrNone
    language: Language = Field(description="Of the texts to this customer")
    sms_opted_out: bool = Field(description="The owner of the phone wants no texts")
    takes_texts: bool = Field(description="False for a fixed line: no text gets to this phone")
    created_at: Moment = Field(examples=["2026-01-11T10:00:00Z"])
    updated_at: Moment = Field(examples=["2026-01-11T10:00:00Z"])
