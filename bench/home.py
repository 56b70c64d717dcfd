"""How long does the first page of the back office take when the business has grown?

Through the whole of Django, signed in as somebody of the staff, in this process: the page, its
queries, and how much of the time these take.
"""

import argparse
import statistics
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bench.installation import installation, open_to_the_test_client

_BATCH = 5_000
_CUSTOMERS = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.home", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365, help="in which they were placed")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with installation(options.database):
        report(options)


def report(options: argparse.Namespace) -> None:
    """Print the medians, without rows and with all of them."""
    from django.test import Client

    from tests import factories

    open_to_the_test_client()
    factories.roles()
    factories.templates()
    client = Client()
    client.force_login(factories.user("Manager"))
    print(f"Empty: {_figures(client, options.runs)}")
    fill(options.orders, options.days)
    print(f"{options.orders:,} orders of {options.days} days: {_figures(client, options.runs)}")


def fill(orders: int, days: int) -> None:
    """So many orders spread evenly over so many days until now, each with a text that was sent."""
    from django.utils import timezone

    from crm.models import Customer, Order, OrderStatus
    from sms.models import Message
    from sms.segments import Encoding

    customers = [
        Customer(code=f"C{number}", name=f"Customer {number}", phone_number=f"+2547{number:08d}")
        for number in range(_CUSTOMERS)
    ]
    for customer in customers:
        customer.fill_search_text()
    Customer.objects.bulk_create(customers)
    now, statuses = timezone.now(), list(OrderStatus)
    for first in range(0, orders, _BATCH):
        made = []
        for number in range(first, min(first + _BATCH, orders)):
            order = Order(
                order_number=f"N{number}",
                customer=customers[number % _CUSTOMERS],
                item=f"Lamp {number}",
                amount=Decimal(number % 9_000 + 100),
                status=statuses[number % len(statuses)] if number % 10 == 0 else "COMPLETED",
                order_time=now - timedelta(days=days) * number / orders,
            )
            order.fill_search_text()
            made.append(order)
        Order.objects.bulk_create(made)
        Message.objects.bulk_create(
            Message(
                phone_number=order.customer.phone_number,
                text="Hello",
                status="failed" if number % 50 == 0 else "delivered",
                encoding=Encoding.GSM_7,
                segments=1,
                about_id=order.pk,
                sent_at=order.order_time,
                cost=Decimal("0.8"),
                currency="KES",
            )
            for number, order in enumerate(made)
        )


def _figures(client: Any, runs: int) -> str:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took, asked = [], []
    for _ in range(runs + 1):  # the first one compiles the templates
        with CaptureQueriesContext(connection) as queries:
            started = time.perf_counter()
            page = client.get("/admin/")
            took.append(1000 * (time.perf_counter() - started))
        if page.status_code != 200:
            raise RuntimeError(f"HTTP {page.status_code}")
        asked.append(1000 * sum(float(query["time"]) for query in queries))
    return (
        f"{statistics.median(took[1:]):.0f} ms, "
        f"of which {statistics.median(asked[1:]):.0f} ms for {len(queries)} queries"
    )


if __name__ == "__main__":
    main()
