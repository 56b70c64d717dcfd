"""How soon does the palette answer when the business has grown?

Through the whole of Django, signed in as a Manager, in this process: what is listed for each of the
things that people type, and which of its queries takes the longest.
"""

import argparse
import random
import statistics
import time
from dataclasses import dataclass
from typing import Any

from bench.installation import installation, open_to_the_test_client

_BATCH = 5_000


@dataclass(frozen=True)
class Measured:
    """In milliseconds."""

    answers: list[float]
    slowest_query: float
    slowest_sql: str
    rows: int


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.palette", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=20, help="of each thing typed")
    parser.add_argument("--plans", action="store_true", help="tell the plans of the slow queries")
    options = parser.parse_args()
    with installation(options.database):
        report(options)


def report(options: argparse.Namespace) -> None:
    """Print the median and what 19 in 20 stay within, for each and for all."""
    from django.test import Client

    from crm.models import Order
    from tests import factories

    open_to_the_test_client()
    factories.roles()
    client = Client()
    client.force_login(factories.user("Manager"))
    fill(options.orders, options.customers)
    order = Order.objects.select_related("customer").order_by("created_at")[options.orders // 3]
    print("| typed | median | 19 in 20 within | slowest query |\n| --- | --: | --: | --: |")
    everything: list[float] = []
    for what, text in typed(order).items():
        found = _measure(client, text, options.runs)
        everything += found.answers
        print(f"| {what} | {_figures(found.answers)} | {found.slowest_query:.0f} |", flush=True)
        if options.plans:
            print(_plan(found.slowest_sql))
    print(f"| all of them | {_figures(everything)} | |")


def typed(order: Any) -> dict[str, str]:
    """What people look for by typing."""
    customer = order.customer
    phone = customer.phone_number
    return {
        "nothing yet": "",
        "an order number": order.order_number,
        "a phone, as at home": f"0{phone[4:7]} {phone[7:10]} {phone[10:]}",
        "a phone, with the country's code": phone.removeprefix("+"),
        "half of a phone": f"0{phone[4:7]} {phone[7:10]}",
        "a phone that nobody has": "0799 999 999",
        "a customer's name": customer.name,
        "a part of a name": customer.name[:4],
        "a customer's code": customer.code,
        "an item of 1 in 9": "laptop",
        "an item that few have": "grandfather",
        "a part that none has": "typewriter",
        "a part that all have": "cust",
        "one letter": "a",
        "one letter that none has": "ö",
        "two letters": "la",
        "two letters that none has": "öö",
        "something to do": "new order",
    }


def fill(orders: int, customers: int) -> None:
    """The rows of ``bench.rows``, on any database, and a text for each order."""
    from django.db import connection

    from bench import rows
    from crm.models import Customer, Order
    from sms.models import Message
    from sms.segments import Encoding

    chance = random.Random(1)  # noqa: S311  # the same rows each time, and no secret
    people = [rows.customer(number, chance) for number in range(customers)]
    Customer.objects.bulk_create(people, batch_size=_BATCH)
    for first in range(0, orders, _BATCH):
        numbers = range(first, min(first + _BATCH, orders))
        made = [rows.order(number, orders, people, chance) for number in numbers]
        Order.objects.bulk_create(made)
        Message.objects.bulk_create(
            Message(
                phone_number=order.customer.phone_number,
                text=f"Hello {order.customer.name}! Your order for {order.item} has been received.",
                status="delivered",
                encoding=Encoding.GSM_7,
                segments=1,
                about_id=order.pk,
            )
            for order in made
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _measure(client: Any, text: str, runs: int) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took = []
    for _ in range(runs + 1):  # the first one compiles the templates
        started = time.perf_counter()
        page = client.get("/admin/search/", {"fragment": "1", "s": text})
        took.append(1000 * (time.perf_counter() - started))
        if page.status_code != 200:
            raise RuntimeError(f"HTTP {page.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/search/", {"fragment": "1", "s": text})
    slowest = max(queries, key=lambda query: float(query["time"]))
    return Measured(took[1:], 1000 * float(slowest["time"]), slowest["sql"], len(queries))


def _figures(answers: list[float]) -> str:
    return f"{statistics.median(answers):.0f} | {statistics.quantiles(answers, n=20)[-1]:.0f}"


def _plan(sql: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        how = (
            "EXPLAIN (ANALYZE, BUFFERS)"
            if connection.vendor == "postgresql"
            else "EXPLAIN QUERY PLAN"
        )
        cursor.execute(f"{how} {sql}".replace("%", "%%"))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


if __name__ == "__main__":
    main()
