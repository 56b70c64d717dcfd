"""Texts over HTTP. Their wire format speaks of customers and orders, of which sms knows nothing."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status
from ninja.pagination import paginate

from crm.api.etags import EntityTags
from crm.models import Customer
from crm.schemas.messages import MessageFilters, MessageIn, MessageOut
from identity.tokens import Caller, needs
from sms import decisions, outbox
from sms.models import Message, MessageQuerySet

router = Router(tags=["messages"])

ORDERINGS = ("created_at",)
etags = EntityTags(MessageOut)


@router.get(
    "/",
    response=list[MessageOut],
    operation_id="list_messages",
    auth=needs("messages:read", permission="sms.view_message"),
)
@paginate(orderings=ORDERINGS)
def list_messages(request: HttpRequest, filters: Query[MessageFilters]) -> MessageQuerySet:
    """List texts, newest first."""
    return filters.narrow(Message.objects.all())


@router.post(
    "/",
    response={202: MessageOut},
    operation_id="send_message",
    auth=needs("messages:send", permission="sms.add_message"),
)
def send_message(request: HttpRequest, body: MessageIn) -> Status[Message]:
    """Queue a text to one person. It leaves within seconds, unless they opted out of texts."""
    caller: Caller = request.auth  # type: ignore[attr-defined]  # Ninja sets it
    phone_number, recipient_id = _recipient(body)
    message = outbox.queue_message(
        phone_number, body.text, recipient_id=recipient_id, queued_by=caller.user
    )
    return Status(202, message)


def _recipient(body: MessageIn) -> tuple[str, UUID | None]:
    """The phone that a text is to, and the customer whose it is, whichever of them it names.

    :raises ValidationError: there is no customer with this id.
    """
    if body.phone_number is not None:
        customer = Customer.objects.filter(phone_number=body.phone_number).first()
        return body.phone_number, customer.pk if customer else None
    assert body.customer_id is not None  # noqa: S101  # narrows the type: it is the one or the other
    customer = Customer.objects.filter(pk=body.customer_id).first()
    if customer is None:
        raise ValidationError({"customer_id": "Invalid customer id."})
    return customer.phone_number, customer.pk


@router.get(
    "/{uuid:message_id}/",
    response=MessageOut,
    operation_id="read_message",
    auth=needs("messages:read", permission="sms.view_message"),
)
@etags.on
def read_message(request: HttpRequest, message_id: UUID) -> Message:
    """Read one text and what became of it."""
    return get_object_or_404(Message, pk=message_id)


@router.post(
    "/{uuid:message_id}/retry/",
    response={202: MessageOut},
    operation_id="retry_message",
    auth=needs("messages:send", permission="sms.add_message"),
)
def retry_message(request: HttpRequest, message_id: UUID) -> Status[Message]:
    """Send a text again that failed, or of which nobody knows whether it went out.

    One that is unconfirmed may come twice, and is marked so. A text in any other state is a 409.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]  # Ninja sets it
    message = get_object_or_404(Message, pk=message_id)
    return Status(202, decisions.queue_again(message, caller.user))
