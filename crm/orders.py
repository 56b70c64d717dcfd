"""Every write to an order, a verb each. ``place_order`` is the one way an order comes to be."""

import secrets
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from crm import notices
from crm.errors import OrderCannotMove
from crm.models import Order
from sms import outbox

_SUFFIX_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_NUMBER_TRIES = 10
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def place_order(order: Order, *, text_customer: bool = True) -> Order:
    """Save a new order and queue the text that confirms it, or do neither.

    The order is PENDING whatever it says, and gets its number here.

    :raises ValidationError: naming each wrong field.
    """
    order.status = Order.Status.PENDING
    _check(order)
    for tries_left in reversed(range(_NUMBER_TRIES)):
        order.order_number = _new_order_number(order)
        try:
            with transaction.atomic():
                order.save(force_insert=True)
                order.sms_status = _text_about(order) if text_customer else None
        except IntegrityError as error:
            # One suffix in a million is taken already; any other refusal is not ours to mend.
            if "order_number" not in str(error) or not tries_left:
                _check(order)  # names a reference that another request was quicker with
                raise
        else:
            return order
    raise AssertionError("unreachable: the last try returns or raises")


@transaction.atomic
def update_order(order: Order) -> Order:
    """Save what an order is about: its item, amount, customer, time and reference.

    Its status moves by ``change_status`` only.

    :raises ValidationError: naming each wrong field.
    """
    _check(order)
    order.save(
        update_fields=["customer", "item", "amount", "order_time", "reference", "updated_at"]
    )
    return order


@transaction.atomic
def change_status(order: Order, status: str) -> Order:
    """Move an order to its next state; to the state it has is no move.

    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    """
    if status == order.status:
        return order
    if status not in order.open_moves:
        raise OrderCannotMove(order, status)
    now = timezone.now()
    moved = Order.objects.filter(pk=order.pk, status=order.status).update(
        status=status, updated_at=now
    )
    if not moved:
        order.refresh_from_db(fields=["status"])
        raise OrderCannotMove(order, status)
    order.status, order.updated_at = Order.Status(status), now
    Order.history.bulk_history_create([order], update=True)  # an UPDATE calls no save()
    return order


def change_statuses(orders: Iterable[Order], status: str) -> tuple[int, list[OrderCannotMove]]:
    """Move each order that can; how many moved, and why the others did not."""
    moved, refused = 0, []
    for order in orders:
        try:
            change_status(order, status)
            moved += 1
        except OrderCannotMove as refusal:
            refused.append(refusal)
    return moved, refused


@transaction.atomic
def revise_order(order: Order, changes: dict[str, Any], status: str) -> Order:
    """Change fields and status together, or neither.

    :raises ValidationError: naming each wrong field.
    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    """
    for name, value in changes.items():
        setattr(order, name, value)
    if changes:
        update_order(order)
    return change_status(order, status)


@transaction.atomic
def delete_order(order: Order) -> None:
    """Delete an order; a text about it that has not left yet is cancelled."""
    outbox.cancel_messages(about_id=order.pk)
    order.delete()


def _check(order: Order) -> None:
    order.item, order.reference = order.item.strip(), order.reference.strip()
    errors: dict[str, list[str]] = {}
    try:
        # Constraints and the foreign key are checked by the database when the row is written.
        order.full_clean(
            exclude={"customer", "order_number"}, validate_unique=False, validate_constraints=False
        )
    except ValidationError as error:
        errors = error.message_dict
    if not isinstance(order.order_time, datetime) or not _EARLIEST <= order.order_time < _LATEST:
        errors.setdefault("order_time", ["Enter a time between the years 1900 and 2200."])
    others = Order.objects.exclude(pk=order.pk).filter(reference=order.reference)
    if order.reference and "reference" not in errors and others.exists():
        errors["reference"] = ["Order with this reference already exists."]
    if errors:
        raise ValidationError(errors)


def _new_order_number(order: Order) -> str:
    """``LA20260921123000-7K3F``: what was ordered, when (UTC), and four characters of chance."""
    letters = unicodedata.normalize("NFKD", order.item).upper()  # É is E and an accent
    prefix = "".join(each for each in letters if each.isascii() and each.isalnum())[:2]
    moment = order.order_time.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(4))
    return f"{prefix.ljust(2, 'X')}{moment}-{suffix}"


def _text_about(order: Order) -> str | None:
    """Queue the text of a new order; its state, or None where none is due."""
    message = outbox.queue_from_template(
        notices.ORDER_PLACED.name,
        order.customer.phone_number,
        notices.words_about(order),
        language=order.customer.language,
        about_id=order.pk,
        recipient_id=order.customer_id,
    )
    return message.status if message else None
