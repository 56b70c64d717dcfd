"""Customers on the wire."""

from typing import Any
from uuid import UUID

from ninja import Field, Schema

from crm.models import Customer, CustomerQuerySet
from crm.schemas.rows import NewRow, Patch, left_out
from crm.schemas.types import Code, Email, Language, Moment, Name, PhoneNumber, given
from identity.models import User


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
    code: Code = left_out()
    name: Name = left_out()
    phone_number: PhoneNumber = left_out()
    email: Email = left_out()
    language: Language = left_out()
    sms_opted_out: bool = left_out()


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
        customers = customers.filter(**given(conditions))
        return customers.search(self.q) if self.q else customers


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
