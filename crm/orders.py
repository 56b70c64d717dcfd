"""Every write to an order, a verb each. ``place_order`` is the one way an order comes to be."""

import secrets
import unicodedata
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from crm import notices
from crm.errors import OrderCannotMove, OrderIsGone, OrderIsUnderWay, Refusal
from crm.models import Customer, Order
from sms import outbox

_SUFFIX_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_NUMBER_TRIES = 10


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
                if not Customer.objects.filter(pk=order.customer_id).exists():
                    raise ValidationError({"customer": "The customer was just deleted."}) from None
                raise
        else:
            return order
    raise AssertionError("unreachable: the last try returns or raises")


@transaction.atomic
def revise_order(
    order: Order,
    changes: dict[str, Any],
    status: str | None = None,
    *,
    only_while_pending: bool = False,
) -> Order:
    """Change what an order is about, and its status, together or not at all.

    Only the given fields are written, on the row as it is now: what somebody else changed meanwhile
    stays. A status that the order had all along is no move.

    :raises ValidationError: naming each wrong field.
    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    :raises OrderIsUnderWay: it is not PENDING any more, where only such a one may be changed.
    :raises OrderIsGone: somebody deleted it.
    """
    known_status = order.status
    locked = Order.objects.select_for_update(of=("self",)).select_related("customer")
    try:
        order.refresh_from_db(from_queryset=locked)
    except Order.DoesNotExist:
        raise OrderIsGone(order) from None
    if only_while_pending and order.status != Order.Status.PENDING:
        raise OrderIsUnderWay(order)
    if status is not None and status != known_status:
        if order.status != known_status or status not in order.open_moves:
            raise OrderCannotMove(order, status)
        changes = changes | {"status": status}
    for name, value in changes.items():
        setattr(order, name, value)
    if changes:
        _check(order)
        try:
            with transaction.atomic():
                order.save(update_fields=[*changes, "updated_at"])
        except IntegrityError:
            _check(order)  # names a reference that another request was quicker with
            raise
    return order


def change_status(order: Order, status: str) -> Order:
    """Move an order to its next state; to the state it has is no move.

    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    :raises OrderIsGone: somebody deleted it.
    """
    return revise_order(order, {}, status)


def change_statuses(orders: Iterable[Order], status: str) -> tuple[int, list[Refusal]]:
    """Move each order that can; how many moved, and why the others did not."""
    moved, refused = 0, list[Refusal]()
    for order in orders:
        is_there_already = order.status == status
        try:
            change_status(order, status)
            moved += not is_there_already
        except (OrderCannotMove, OrderIsGone) as refusal:
            refused.append(refusal)
    return moved, refused


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
