"""Orders moved by a button, many at once or one from its page, once however often it is pressed.

Of many it is told before what that would do; they move in steps that nobody waits for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from crm.errors import Refusal
from crm.models import Order, OrderQuerySet, OrderStatus
from crm.notices import ORDER_MOVED
from crm.orders import change_statuses, revise_order
from identity import rights
from identity.form_keys import FormWasSentBefore, keep_outcome, use_form_key
from identity.models import User
from sms.forecasts import Forecast, forecast

MOVE = "crm.change_order"  # the permission
MOST_AT_ONCE = 2_000  # orders: the one who asked waits, some seconds on a small machine
_STEP = 500  # orders in a transaction, which holds their rows and their customers'


@dataclass(frozen=True)
class Preview:
    """What a move of these orders to this status would do."""

    status: OrderStatus
    moving: int  # that would move at once
    left: int  # that could move, but are more than go at once
    stuck: dict[OrderStatus, int]  # how many are in each state from which none gets there
    forecast: Forecast


@dataclass(frozen=True)
class Moved:
    """What a move did."""

    moved: int
    left: int  # that can move, but are more than go at once
    waiting: int = 0  # that were to move, and to which it did not come yet
    refused: list[Refusal] = field(default_factory=list)
    refused_before: int = 0  # when the form was sent first; why was told then, and is not kept

    @property
    def outcome(self) -> str:
        """The counts, for whoever sends the form again."""
        return f"{self.moved} {self.left} {self.waiting} {len(self.refused)}"

    @classmethod
    def of_outcome(cls, outcome: str) -> Self:
        moved, left, waiting, refused = map(int, outcome.split())
        return cls(moved, left, waiting, refused_before=refused)


class MovedOne(StrEnum):
    """What a move of one order did."""

    TEXTED = "texted"  # it moved, and a text goes
    SILENT = "silent"  # it moved, and none goes
    BEFORE = "before"  # somebody had made the same move before


def steps_from(statuses: Iterable[str]) -> list[OrderStatus]:
    """The states that an order in one of these can move to, in the order of an order's life."""
    known = [OrderStatus(each) for each in statuses if each in OrderStatus.values]
    return [status for status in OrderStatus if any(status in Order.MOVES[each] for each in known)]


def preview_moves(orders: OrderQuerySet, status: OrderStatus) -> Preview:
    """What ``move_orders`` would do now; four queries, however many there are."""
    rows = orders.order_by().values_list("status").annotate(Count("pk"))
    counts = dict(rows)
    stuck = {
        each: counts[each]
        for each in OrderStatus
        if each in counts and status not in Order.MOVES[each]
    }
    movable = sum(counts.values()) - sum(stuck.values())
    people = _movable(orders, status).values_list("customer__phone_number", "customer__language")[
        :MOST_AT_ONCE
    ]
    return Preview(
        status=status,
        moving=min(movable, MOST_AT_ONCE),
        left=max(0, movable - MOST_AT_ONCE),
        stuck=stuck,
        forecast=forecast(ORDER_MOVED[status].name, people),
    )


def move_orders(orders: OrderQuerySet, status: OrderStatus, *, by: User, form_key: str) -> Moved:
    """Move those of the orders that can, each with its text: the oldest, and ``MOST_AT_ONCE``.

    Once, however often the form is sent: sent again, it does nothing, and tells what it did.

    Some hundreds at a time, so that no row is held for long: where one step fails, those before it
    stay done, and another form does the rest.

    :raises PermissionDenied: they may not change orders.
    """
    rights.require(by, MOVE)
    key = f"moves {form_key}"  # no other form's, whose outcome would be something else
    movable = _movable(orders, status)
    chosen = list(movable.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    left = max(0, movable.count() - MOST_AT_ONCE) if len(chosen) > MOST_AT_ONCE else 0
    done = Moved(0, left, len(chosen[:MOST_AT_ONCE]))
    for number, step in enumerate(_steps(chosen[:MOST_AT_ONCE])):
        with transaction.atomic():
            if number == 0:
                try:
                    use_form_key(by, key)
                except FormWasSentBefore as sent:
                    return Moved.of_outcome(sent.outcome)
            done = _moved_on(done, step, status)
            keep_outcome(by, key, done.outcome)
    return done


@transaction.atomic
def move_order(
    order: Order, status: OrderStatus, *, seen: str, by: User, form_key: str
) -> MovedOne:
    """Move an order from the state in which it was seen, with its text; once, as ``move_orders``.

    :raises PermissionDenied: they may not change orders.
    :raises Refusal: as ``revise_order`` says; nothing moves, and the form may be sent again.
    """
    rights.require(by, MOVE)
    if order.status == status:
        outcome = MovedOne.BEFORE
    else:
        outcome = MovedOne.TEXTED if texts_about_move(order, status) else MovedOne.SILENT
    try:
        use_form_key(by, f"move {form_key}", outcome)
    except FormWasSentBefore as sent:
        return MovedOne(sent.outcome)
    revise_order(order, {}, status, seen={"status": seen})
    return outcome


def texts_about_move(order: Order, status: OrderStatus) -> bool:
    """Would a text go to the customer, if the order moved to this status?"""
    customer = order.customer
    event = ORDER_MOVED[status].name
    return forecast(event, [(customer.phone_number, customer.language)]).texts > 0


def _moved_on(done: Moved, step: list[UUID], status: OrderStatus) -> Moved:
    rows = Order.objects.filter(pk__in=step).order_by("created_at", "pk")
    moved, refused = change_statuses(rows, status)
    waiting = done.waiting - len(step)
    return Moved(done.moved + moved, done.left, waiting, [*done.refused, *refused])


def _movable(orders: OrderQuerySet, status: OrderStatus) -> OrderQuerySet:
    origins = [origin for origin, moves in Order.MOVES.items() if status in moves]
    return orders.filter(status__in=origins).order_by("created_at", "pk")


def _steps(chosen: list[UUID]) -> Iterable[list[UUID]]:
    """One at least, in which the form's key is used."""
    return (chosen[start : start + _STEP] for start in range(0, len(chosen) or 1, _STEP))
