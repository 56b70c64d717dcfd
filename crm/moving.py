"""Many orders moved at once: what that would do, and the doing, in steps that nobody waits for."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from crm.errors import Refusal
from crm.models import Order, OrderQuerySet, OrderStatus
from crm.notices import ORDER_MOVED
from crm.orders import change_statuses
from sms.forecasts import Forecast, forecast

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
    refused: list[Refusal]
    left: int


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


def move_orders(orders: OrderQuerySet, status: OrderStatus) -> Moved:
    """Move those of the orders that can, each with its text: the oldest, and ``MOST_AT_ONCE``.

    Some hundreds at a time, so that no row is held for long: where one step fails, those before it
    stay done, and to ask again does the rest.
    """
    chosen = list(_movable(orders, status).values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    moved, refused = 0, list[Refusal]()
    for step in _steps(chosen[:MOST_AT_ONCE]):
        rows = Order.objects.filter(pk__in=step).order_by("created_at", "pk")
        done, refusals = change_statuses(rows, status)
        moved += done
        refused += refusals
    left = _movable(orders, status).count() if len(chosen) > MOST_AT_ONCE else 0
    return Moved(moved, refused, left)


def _movable(orders: OrderQuerySet, status: OrderStatus) -> OrderQuerySet:
    origins = [origin for origin, moves in Order.MOVES.items() if status in moves]
    return orders.filter(status__in=origins).order_by("created_at", "pk")


def _steps(chosen: list[UUID]) -> Iterable[list[UUID]]:
    return (chosen[start : start + _STEP] for start in range(0, len(chosen), _STEP))
