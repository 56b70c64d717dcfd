"""What does an export of many orders cost in time and in memory?

    python -m bench.exports [--rows 200000]

Makes a test database beside the one of DATABASE_URL, fills it, asks the API for each format, and
drops it. Each export runs in a process of its own, which tells the most memory that it ever used:
after a small export, when all code is loaded, and after the large one.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection
from django.test import Client

CUSTOMERS, BATCH = 100, 5_000


@contextmanager
def filled_database(rows: int) -> Iterator[str]:
    """The address of a database with so many orders."""
    known = connection.settings_dict["NAME"]
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / "bench.sqlite3")
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = file
        name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            fill(rows)
            url = urlsplit(os.environ.get("DATABASE_URL", ""))
            yield (
                f"sqlite:///{file}"
                if connection.vendor == "sqlite"
                else str(url._replace(path=f"/{name}").geturl())
            )
        finally:
            connection.creation.destroy_test_db(known, verbosity=0)


def fill(rows: int) -> None:
    """Straight into the tables: the operations would take their time, and are not what is asked."""
    from django.utils import timezone

    from crm.customers import register_customer
    from crm.models import Customer, Order

    customers = [
        register_customer(Customer(name=f"Customer {each}", phone_number=f"+2547{each:08d}"))
        for each in range(CUSTOMERS)
    ]
    now = timezone.now()
    for start in range(0, rows, BATCH):
        batch = [
            Order(
                customer=customers[each % CUSTOMERS],
                order_number=f"LA20260921123000-{each}",
                item=f"Laptop Computer {each}",
                amount="1299.99",
                order_time=now - timedelta(seconds=each),
            )
            for each in range(start, min(start + BATCH, rows))
        ]
        for order in batch:
            order.fill_search_text()
        Order.objects.bulk_create(batch)


def measure(file_format: str) -> None:
    """Export in this process, and say what it took."""
    from identity.models import User
    from identity.session_tokens import issue_tokens

    settings.ALLOWED_HOSTS = ["testserver"]
    boss = User.objects.create_superuser(file_format, f"{file_format}@example.com", "x")
    client = Client(headers={"Authorization": f"Bearer {issue_tokens(boss).access}"})
    path = f"/api/orders/export/?file_format={file_format}"
    sum(map(len, client.get(f"{path}&q=Computer+123")))
    memory = peak()
    start = time.perf_counter()
    response = client.get(path)
    waited = time.perf_counter() - start
    size = sum(map(len, response))
    seconds = time.perf_counter() - start
    print(
        f"{connection.vendor:10} {file_format:4} {size / 1e6:5.1f} MB in {seconds:5.1f} s "
        f"({time.process_time():.1f} s of this process), first byte after {waited:.1f} s; "
        f"memory {memory:.1f} MB, at most {peak():.1f} MB: {peak() - memory:.1f} MB more"
    )


def peak() -> float:
    """The most memory that this process ever used, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--export", choices=["csv", "xlsx"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    if chosen.export:
        measure(chosen.export)
        return
    with filled_database(chosen.rows) as address:
        for file_format in ("csv", "xlsx"):
            command = [sys.executable, "-m", "bench.exports", "--export", file_format]
            subprocess.run(command, env=os.environ | {"DATABASE_URL": address}, check=True)  # noqa: S603  # our own command


if __name__ == "__main__":
    main()
