"""Texts on the wire."""

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from ninja import Field, Schema
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from crm.schemas.rows import Body
from crm.schemas.types import CustomerId, Moment, OrderId, PhoneNumber, field_error, given
from sms.models import Broadcast, Message, MessageQuerySet, MessageStatus
from sms.segments import Encoding

MAX_TEXT_LENGTH = 1000  # as of a template: 7 segments of GSM-7, or 15 of UCS-2


def _words(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise field_error(f"Ensure that the text has at most {MAX_TEXT_LENGTH} characters.")
    text = text.strip()
    if not text:
        raise field_error("This field may not be blank.")
    return text


Text = Annotated[
    str,
    AfterValidator(_words),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_LENGTH,
            "pattern": r"^[\s\S]*[^\s\u001c-\u001f\u0085][\s\S]*$",
            "examples": ["Your laptop is ready. You can pick it up today."],
        }
    ),
]
# Gateways charge in hundredths of cents, so that two places would not tell all.
Cost = Annotated[
    Decimal,
    PlainSerializer(lambda cost: f"{cost:.{_places(cost)}f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+\.[0-9]{2,4}$", "examples": ["0.80"]}),
]

TextOrNull = Annotated[str | None, BeforeValidator(lambda text: text or None)]


def _places(cost: Decimal) -> int:
    exponent = cost.normalize().as_tuple().exponent
    return max(2, -exponent) if isinstance(exponent, int) else 2


_EXAMPLE = "Your laptop is ready. You can pick it up today."


class MessageIn(Body):
    """A text to one person: a customer, or whoever has this phone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"phone_number": "+254722000000", "text": _EXAMPLE}]}
    )

    customer_id: CustomerId | None = Field(
        None, description="Whom it is to; or say the phone number"
    )
    phone_number: PhoneNumber | None = None
    text: Text

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if (self.customer_id is None) == (self.phone_number is None):
            raise field_error("Give either a customer_id or a phone_number.")
        return self


class MessageFilters(Schema):
    status: list[MessageStatus] = Field([], description="Any of these")
    phone_number: str | None = Field(None, max_length=16)
    order_id: UUID | None = None

    def narrow(self, messages: MessageQuerySet) -> MessageQuerySet:
        conditions = {
            "status__in": self.status or None,
            "phone_number": self.phone_number,
            "about_id": self.order_id,
        }
        found = messages.filter(**given(conditions))
        return found.exclude(event=Broadcast.EVENT) if self.order_id else found


class MessageOut(Schema):
    """A text, and what became of it."""

    id: UUID
    phone_number: str = Field(
        alias="written_phone",
        description="E.164; empty where the personal data was erased, as is the text then",
        examples=["+254722000000"],
    )
    text: str = Field(examples=[_EXAMPLE])
    status: MessageStatus
    event: TextOrNull = Field(
        description="What it tells of; null where somebody wrote it", examples=[None]
    )
    order_id: OrderId | None = Field(examples=[None])
    customer_id: CustomerId | None = Field(alias="recipient_id")
    segments: int = Field(description="How many texts the gateway charges for")
    encoding: Encoding
    cost: Cost | None
    currency: TextOrNull = Field(description="ISO 4217", examples=["KES"])
    failure_reason: TextOrNull = Field(examples=[None])
    may_be_double: bool = Field(description="It was sent again although it may have gone out")
    created_at: Moment
    sent_at: Moment | None
    final_at: Moment | None

    @staticmethod
    def resolve_order_id(message: Message) -> UUID | None:
        """What it is about, where that is an order."""
        return None if message.event == Broadcast.EVENT else message.about_id
