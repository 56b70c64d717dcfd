"""How long does the list of orders take in the back office when the business has grown?

Through the whole of Django, signed in as somebody of the staff, in this process: each page as it
is, and without the counts above it; then a move of as many orders as go at once.
"""

import argparse
import statistics
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from bench.home import fill
from bench.installation import installation, open_to_the_test_client

_PAGES = {
    "all orders": "",
    "one status": "?status__exact=PROCESSING",
    "a month": "?order_time_from_0={month}",
    "a search of few": "?q=lamp+12345",
    "a search of many": "?q=lamp",
    "a search of none": "?q=nothing",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.order_list", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=365, help="in which they were placed")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with installation(options.database):
        report(options)


def report(options: argparse.Namespace) -> None:
    """Print the medians, with a pair for each page: by turns, so that both meet the same load."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone
    from unfold.views import ChangeList

    from crm.admin import OrderAdmin
    from tests import factories

    open_to_the_test_client()
    factories.roles()
    factories.templates()
    factories.switch_on("order_completed")
    client = Client()
    client.force_login(factories.user("Manager"))
    fill(options.orders, options.days)
    without = patch.multiple(
        OrderAdmin,
        get_changelist=lambda *args, **kwargs: ChangeList,  # noqa: ARG005  # as it is called
        list_before_template=None,
    )
    month = timezone.localdate() - timedelta(days=30)
    print(f"{options.orders:,} orders, ms: the list, without its counts, the ratio; its queries")
    for name, query in _PAGES.items():
        path = "/admin/crm/order/" + query.format(month=month)
        as_it_is, bare = [], []
        for _ in range(options.runs + 1):  # the first one compiles the templates
            as_it_is.append(_ms(client, path))
            with without:
                bare.append(_ms(client, path))
        mine, other = statistics.median(as_it_is[1:]), statistics.median(bare[1:])
        with CaptureQueriesContext(connection) as queries:
            _ms(client, path)
        print(f"  {name:<18} {mine:7.0f} {other:7.0f} {mine / other:6.2f} {len(queries):4}")
    _moves()


def _ms(client: Any, path: str) -> float:
    started = time.perf_counter()
    page = client.get(path)
    if page.status_code != 200:
        raise RuntimeError(f"HTTP {page.status_code}")
    return 1000 * (time.perf_counter() - started)


def _moves() -> None:
    from crm import moving
    from crm.models import Order, OrderStatus
    from tests import factories

    started = time.perf_counter()
    preview = moving.preview_moves(Order.objects.all(), OrderStatus.COMPLETED)
    looked = time.perf_counter()
    moved = moving.move_orders(
        Order.objects.all(), OrderStatus.COMPLETED, by=factories.user("Manager"), form_key="bench"
    )
    done = time.perf_counter()
    print(
        f"To say what a move of {preview.moving:,} does: {looked - started:.1f} s; "
        f"to move {moved.moved:,}, with {preview.forecast.texts:,} texts: {done - looked:.1f} s"
    )


if __name__ == "__main__":
    main()
