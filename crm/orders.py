"""Every write to an order, a verb each. ``place_order`` is the one way an order comes to be."""

import secrets
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history

from crm import notices
from crm.errors import CustomerIsErased, OrderCannotMove, OrderIsGone, OrderIsUnderWay, Refusal
from crm.models import Customer, Order
from crm.unseen import refuse_unseen
from sms import outbox
from sms.events import Event

_SUFFIX_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_NUMBER_TRIES = 10


def place_order(order: Order, *, text_customer: bool = True) -> Order:
    """Save a new order and queue the text that confirms it, or do neither.

    The order is PENDING whatever it says, and gets its number here.

    :raises ValidationError: naming each wrong field.
    :raises CustomerIsErased: the customer's personal data was erased.
    """
    if errors := _errors_of([order])[0]:
        raise ValidationError(errors)
    try:
        _place([order], text_customers=text_customer)
    except IntegrityError:
        # Another request was quicker with its reference, or to delete its customer.
        if errors := _errors_of([order], was_refused=True)[0]:
            raise ValidationError(errors) from None
        raise
    return order


def place_orders(orders: Sequence[Order], *, text_customers: bool = True) -> None:
    """Place many new orders, all or none, at a cost in queries that does not grow with them.

    :raises ValidationError: naming each wrong field of each wrong order, as ``<row>.<field>``, with
        rows counted from 0.
    """
    _refuse_rows(_errors_of(orders))
    try:
        _place(orders, text_customers=text_customers)
    except IntegrityError:
        _refuse_rows(_errors_of(orders, was_refused=True))
        raise


def _refuse_rows(errors_of_rows: Sequence[dict[str, list[str]]]) -> None:
    errors = {
        f"{row}.{name}": messages
        for row, errors in enumerate(errors_of_rows)
        for name, messages in errors.items()
    }
    if errors:
        raise ValidationError(errors)


def _place(orders: Sequence[Order], *, text_customers: bool) -> None:
    for order in orders:
        order.status = Order.Status.PENDING
    for tries_left in reversed(range(_NUMBER_TRIES)):
        _number(orders)
        try:
            with transaction.atomic():
                _fill_search_texts(orders)
                bulk_create_with_history(orders, Order)
                if text_customers:
                    statuses = _text_about(notices.ORDER_PLACED, orders)
                else:
                    statuses = [None] * len(orders)
        except IntegrityError as error:
            # One suffix in a million is taken already; any other refusal is not ours to mend.
            if "order_number" not in str(error) or not tries_left:
                raise
        else:
            for order, status in zip(orders, statuses, strict=True):
                order.sms_status = status
            return


@transaction.atomic
def revise_order(
    order: Order,
    changes: dict[str, Any],
    status: str | None = None,
    *,
    seen: Mapping[str, Any] | None = None,
    only_while_pending: bool = False,
    text_customer: bool = True,
) -> Order:
    """Change what an order is about, and its status, together or not at all.

    A move and the text that tells of it are one, too.

    Only the given fields are written, on the row as it is now: what somebody else changed meanwhile
    stays. A status that the order had all along is no move. With what the caller has seen of these
    fields, nothing is overwritten that they have not seen.

    :raises ValidationError: naming each wrong field.
    :raises ChangedMeanwhile: somebody else was quicker with some of the fields.
    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    :raises OrderIsUnderWay: it is not PENDING any more, where only such a one may be changed.
    :raises OrderIsGone: somebody deleted it.
    """
    known_status = order.status
    Customer.objects.held([order.customer_id])  # before the order, as it says there
    locked = Order.objects.select_for_update(of=("self",)).select_related("customer")
    try:
        order.refresh_from_db(from_queryset=locked)
    except Order.DoesNotExist:
        raise OrderIsGone(order) from None
    if only_while_pending and order.status != Order.Status.PENDING:
        raise OrderIsUnderWay(order)
    refuse_unseen(order, changes | ({"status": status} if status else {}), seen or {})
    next_status = None if status == known_status else status
    if next_status is not None:
        _refuse_move(order, known_status, next_status)
        changes = changes | {"status": next_status}
    for name, value in changes.items():
        setattr(order, name, value)
    if changes:
        _check(order)
        if changes.keys() != {"status"}:
            _fill_search_texts([order])
        try:
            with transaction.atomic():
                order.save(update_fields=[*changes, "search_text", "updated_at"])
        except IntegrityError:
            _check(order)  # names a reference that another request was quicker with
            raise
    if next_status is not None and text_customer:
        _text_about_move([order])
    return order


def _refuse_move(order: Order, known_status: str, status: str) -> None:
    if order.status != known_status or status not in order.open_moves:
        raise OrderCannotMove(order, status)


def change_status(order: Order, status: str, *, text_customer: bool = True) -> Order:
    """Move an order to its next state and queue the text that tells of it, or do neither.

    To the state that it has is no move.

    :raises OrderCannotMove: the order has no such next step, or was moved by somebody else first.
    :raises OrderIsGone: somebody deleted it.
    """
    return revise_order(order, {}, status, text_customer=text_customer)


@transaction.atomic
def change_statuses(orders: Iterable[Order], status: str) -> tuple[int, list[Refusal]]:
    """Move each order that can, with its text; how many moved, and why the others did not.

    However many there are, they cost the same few queries.
    """
    known = list({order.pk: order for order in orders}.values())
    rows = _locked(known)
    movable, refused = list[Order](), list[Refusal]()
    for order in known:
        if (row := rows.get(order.pk)) is None:
            refused.append(OrderIsGone(order))
        elif order.status != status:
            try:
                _refuse_move(row, order.status, status)
            except OrderCannotMove as refusal:
                refused.append(refusal)
            else:
                movable.append(row)
    _move(movable, status)
    _text_about_move(movable)
    return len(movable), refused


def _locked(orders: Sequence[Order]) -> dict[UUID, Order]:
    """The orders as they are now and stay until the transaction ends, with their customers."""
    Customer.objects.held(order.customer_id for order in orders)  # before, as it says there
    rows = Order.objects.select_for_update(of=("self",)).select_related("customer")
    # In one order for everybody, so that no two wait for each other.
    chosen = rows.filter(pk__in=[order.pk for order in orders]).order_by("pk")
    return {row.pk: row for row in chosen}


def _move(rows: Sequence[Order], status: str) -> None:
    """Move orders that are locked."""
    if not rows:
        return
    now = timezone.now()
    for row in rows:
        row.status, row.updated_at = status, now
    moved = Order.objects.filter(pk__in=[row.pk for row in rows])
    moved.update(status=status, updated_at=now)
    Order.history.bulk_history_create(rows, update=True)


@transaction.atomic
def delete_order(order: Order) -> None:
    """Delete an order; a text about it that has not left yet is cancelled."""
    Customer.objects.held([order.customer_id])
    outbox.cancel_messages(about_id=order.pk)
    order.delete()


def _check(order: Order) -> None:
    if errors := _errors_of([order])[0]:
        raise ValidationError(errors)


def _errors_of(orders: Sequence[Order], *, was_refused: bool = False) -> list[dict[str, list[str]]]:
    """What is wrong with each order, by its fields; also what the database said, where it did."""
    all_errors = [_field_errors(order) for order in orders]
    references = Counter(order.reference for order in orders if order.reference)
    known = Order.objects.exclude(pk__in=[order.pk for order in orders])
    if references:
        taken = known.filter(reference__in=references).values_list("reference", flat=True)
        references.update(taken)
    customers = {order.customer_id for order in orders}
    if was_refused:
        customers = set(Customer.objects.filter(pk__in=customers).values_list("pk", flat=True))
    for order, errors in zip(orders, all_errors, strict=True):
        if references[order.reference] > 1:
            errors.setdefault("reference", [_("Order with this reference already exists.")])
        if order.customer_id not in customers:
            errors["customer"] = [_("The customer was just deleted.")]
    return all_errors


def _field_errors(order: Order) -> dict[str, list[str]]:
    order.item, order.reference = order.item.strip(), order.reference.strip()
    try:
        # Constraints and the foreign key are checked by the database when the row is written.
        order.full_clean(
            exclude={"customer", "order_number"}, validate_unique=False, validate_constraints=False
        )
    except ValidationError as error:
        return error.message_dict
    return {}


def _fill_search_texts(orders: Sequence[Order]) -> None:
    """Fill in that by which each is found, and hold its customer until the transaction ends."""
    customers = Customer.objects.held(order.customer_id for order in orders)
    for order in orders:
        if order.customer_id in customers:  # else it was just deleted: the database will say so
            order.customer = customers[order.customer_id]
            if order.customer.is_erased and order._state.adding:
                raise CustomerIsErased(order.customer)
            order.fill_search_text()


def _number(orders: Sequence[Order]) -> None:
    """Give each its order number: other ones than the others get."""
    numbers: set[str] = set()
    for order in orders:
        order.order_number = _new_order_number(order)
        while order.order_number in numbers:
            order.order_number = _new_order_number(order)
        numbers.add(order.order_number)


def _new_order_number(order: Order) -> str:
    """``LA20260921123000-7K3F``: what was ordered, when (UTC), and four characters of chance."""
    letters = unicodedata.normalize("NFKD", order.item).upper()  # É is E and an accent
    prefix = "".join(each for each in letters if each.isascii() and each.isalnum())[:2]
    moment = order.order_time.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(4))
    return f"{prefix.ljust(2, 'X')}{moment}-{suffix}"


def _text_about_move(orders: Sequence[Order]) -> None:
    """Queue the texts about orders that all moved to the same status, where the shop sends any."""
    if not orders:
        return
    event = notices.ORDER_MOVED[Order.Status(orders[0].status)]
    for order, status in zip(orders, _text_about(event, orders), strict=True):
        if status is not None:
            order.sms_status = status


def _text_about(event: Event, orders: Sequence[Order]) -> list[str | None]:
    """Queue the texts of an event; the state of each, or None where none is due."""
    notifications = [
        outbox.Notification(
            order.customer.phone_number,
            notices.words_about(order),
            language=order.customer.language,
            about_id=order.pk,
            recipient_id=order.customer_id,
        )
        for order in orders
        if not order.customer.is_erased
    ]
    messages = iter(outbox.notify(event.name, notifications))
    found = [None if order.customer.is_erased else next(messages) for order in orders]
    return [message.status if message else None for message in found]
