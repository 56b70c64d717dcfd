"""A business that has grown: made-up customers and their orders, copied into PostgreSQL."""

import csv
import io
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import connection

from crm.models import Customer, Order, OrderStatus

RARE_ITEM, RARE_EVERY = "Grandfather clock", 50_000

_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "si", "to", "wa", "zé")
_COLOURS = ("black", "blue", "green", "red", "white", "yellow")
_THINGS = ("Bag", "Chair", "Desk", "Kettle", "Lamp", "Laptop", "Phone", "Radio", "Solar panel")
_STATUSES = {
    OrderStatus.COMPLETED: 85,  # percent
    OrderStatus.CANCELLED: 5,
    OrderStatus.PROCESSING: 5,
    OrderStatus.PENDING: 5,
}
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FIRST_DAY, _SPAN = datetime(2025, 1, 1, tzinfo=UTC), timedelta(days=700)
_BATCH = 10_000  # rows of one COPY


def has_rows() -> bool:
    return Customer.objects.exists() or Order.objects.exists()


def fill(orders: int, customers: int) -> None:
    """Make so many rows, the same ones each time; no history of them, and no texts."""
    chance = random.Random(1)  # noqa: S311  # the same rows each time, and no secret
    made = [customer(number, chance) for number in range(customers)]
    _copy(Customer, made)
    _copy(Order, (order(number, orders, made, chance) for number in range(orders)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) crm_customer, crm_order")


def customer(number: int, chance: random.Random) -> Customer:
    name = " ".join("".join(chance.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2))
    made = Customer(
        code=f"CUST{number:06d}",
        name=name,
        phone_number=f"+2547{number:08d}",
        email=f"{number}@example.com",
        created_at=_FIRST_DAY,
        updated_at=_FIRST_DAY,
    )
    made.fill_search_text()
    return made


def order(number: int, count: int, customers: list[Customer], chance: random.Random) -> Order:
    moment = _FIRST_DAY + _SPAN * (number / count)
    item = f"{chance.choice(_THINGS)}, {chance.choice(_COLOURS)}"
    if number % RARE_EVERY == RARE_EVERY // 2:
        item = RARE_ITEM
    suffix = "".join(_DIGITS[number >> shift & 31] for shift in (15, 10, 5, 0))
    made = Order(
        order_number=f"{item[:2].upper()}{moment:%Y%m%d%H%M%S}-{suffix}",
        customer=chance.choice(customers),
        item=item,
        amount=Decimal(chance.randrange(100, 10_000_000)) / 100,
        status=chance.choices(list(_STATUSES), list(_STATUSES.values()))[0],
        order_time=moment,
        created_at=moment,
        updated_at=moment,
    )
    made.fill_search_text()
    return made


def _copy(model: type[Customer | Order], rows: Iterable[Customer | Order]) -> None:
    names = [field.attname for field in model._meta.concrete_fields]
    columns = ", ".join(names)
    # An empty text is an empty text, and only where nothing else is allowed a null.
    nulls = ", FORCE_NULL (user_id, erased_at)" if model is Customer else ""
    command = f"COPY {model._meta.db_table} ({columns}) FROM STDIN (FORMAT csv{nulls})"
    for batch in _batches(rows):
        sheet = io.StringIO()
        csv.writer(sheet, quoting=csv.QUOTE_ALL).writerows(
            [getattr(row, name) for name in names] for row in batch
        )
        sheet.seek(0)
        with connection.cursor() as cursor:
            cursor.copy_expert(command, sheet)


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
