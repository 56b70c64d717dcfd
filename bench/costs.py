"""The cost of pages, counts and searches of orders: as the API answers, and in the database."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import customers, orders
from crm.models import Customer, Order
from identity.models import User
from identity.session_tokens import issue_tokens
from project.pagination import Position

PATH = "/api/orders/"


def report(runs: int) -> None:
    """Print what each costs, in milliseconds: the median of so many runs."""
    caller = Caller(runs)
    print(f"{Order.objects.count():,} orders, PostgreSQL {server_version()}")
    caller.tell("Pages of 10", {"the first": {}, **caller.deep_pages()})
    caller.tell("Filters", filters())
    caller.tell("Searches", searches())
    with without_index():
        caller.tell("Searches, without the index", searches())
    caller.tell_writes("Writes")
    with without_index():
        caller.tell_writes("Writes, without the index")


def filters() -> dict[str, dict[str, str]]:
    newest = Order.objects.values_list("order_time", flat=True)[0]
    return {
        "a status that 1 in 20 has": {"status": "PENDING"},
        "the newest month": {"start_date": f"{newest:%Y-%m}-01"},
        "one customer's": {"customer_code": "CUST000007"},
    }


def searches() -> dict[str, dict[str, str]]:
    newest = Order.objects.select_related("customer")[0]
    texts = {
        "an order number": newest.order_number,
        "a rare item": "CLOCK",
        "a customer's name": newest.customer.name,
        "an item of 1 in 9": "LAPTOP",
        "two letters": "sk",
        "what all have": "+254",
        "what none has": "xyzzy",
    }
    return {name: {"q": text} for name, text in texts.items()}


def server_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


@contextmanager
def without_index() -> Iterator[None]:
    """The index is back afterwards, as it was."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP INDEX crm_order_search")
        yield
        transaction.set_rollback(True)


class Caller:
    """Asks the API with a token, through all that stands before it."""

    def __init__(self, runs: int) -> None:
        user, _ = User.objects.get_or_create(username="bench", is_superuser=True)
        self.headers = {"Authorization": f"Bearer {issue_tokens(user).access}"}
        self.client, self.runs = Client(), runs
        self.first_page = 0.0  # ms, to compare with

    def get(self, query: dict[str, Any]) -> Any:
        response = self.client.get(PATH, query, headers=self.headers)
        if response.status_code != 200:
            sys.exit(f"{query}: {response.status_code} {response.content.decode()}")
        return response.json()

    def deep_pages(self) -> dict[str, dict[str, str]]:
        """Pages far from the first: the cursor of the second, with other rows in it."""
        (cursor,) = parse_qs(urlsplit(self.get({})["next"]).query)["cursor"]
        second, count = Position.read(cursor), Order.objects.count()
        pages = {}
        for name, depth in {
            "1,000 rows on": 1000,
            "half way": count // 2,
            "last": count - 6,
        }.items():
            row = Order.objects.all()[depth]
            facts = {"value": row.created_at.isoformat(), "pk": str(row.pk)}
            pages[name] = {"cursor": second.model_copy(update=facts).signed()}
        return pages

    def tell(self, title: str, queries: dict[str, dict[str, str]]) -> None:
        """A table: each query with its count asked for, then remembered; its own SQL, bare."""
        print(f"\n| {title} | rows | API | with the count remembered | SQL: page | SQL: count |")
        print("| --- | --: | --: | --: | --: | --: |")
        for name, query in queries.items():
            count = self.get(query)["count"]
            ask = partial(self.get, query)
            asked, remembered = self.median(ask, before=cache.clear), self.median(ask)
            bare = [self.median(partial(run, sql)) for sql in self.asked(query)]
            self.first_page = self.first_page or asked
            cells = [f"{count:,}", self.compared(asked), self.compared(remembered)]
            cells += [f"{cost:.1f}" for cost in bare] + [""] * (2 - len(bare))
            print(f"| {name} | {' | '.join(cells)} |", flush=True)

    def tell_writes(self, title: str) -> None:
        buyer = Customer.objects.get(code="CUST000007")
        written = {
            "an order is placed": lambda: orders.place_order(
                Order(customer=buyer, item="Laptop Computer", amount="1299.99"),
                text_customer=False,
            ),
            f"a customer of {buyer.orders.count()} orders is renamed": lambda: (
                customers.update_customer(buyer, {"name": f"Bench {time.monotonic()}"})
            ),
        }
        print(f"\n| {title} | ms |\n| --- | --: |")
        with transaction.atomic():
            for name, write in written.items():
                print(f"| {name} | {self.median(write):.1f} |", flush=True)
            transaction.set_rollback(True)

    def asked(self, query: dict[str, str]) -> list[str]:
        """What the database is asked for the page and its count."""
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            self.get(query)
        return [each["sql"] for each in captured if 'FROM "crm_order"' in each["sql"]]

    def compared(self, cost: float) -> str:
        return f"{cost:.1f} ({cost / self.first_page:.1f})"

    def median(
        self, work: Callable[[], object], before: Callable[[], object] = lambda: None
    ) -> float:
        """Milliseconds of the work; the first run, which warms up, is left out."""
        taken = []
        for _ in range(self.runs + 1):
            before()
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
        return 1000 * statistics.median(taken[1:])


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%", "%%"), [])
        cursor.fetchall()
