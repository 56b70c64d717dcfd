"""What do lists and searches cost when the business has grown? The README beside this says more.

python -m bench.lists postgres://postgres@127.0.0.1:5432/karani_bench
"""

import argparse
import os
import sys

import django
from django.core.management import call_command


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.lists", description=__doc__.splitlines()[0]
    )
    parser.add_argument("database", help="the address of a PostgreSQL database of its own, empty")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=15, help="of which the median is told")
    parser.add_argument("--again", action="store_true", help="measure the rows that are there")
    options = parser.parse_args()
    if not options.database.startswith("postgres"):
        parser.error("The database must be a PostgreSQL: on SQLite searches have no index.")

    os.environ.update(
        ALLOWED_HOSTS="testserver",
        API_RATE="0",  # requests here come faster than anybody may send them
        CACHE_URL="",
        DATABASE_URL=options.database,
        DEBUG="off",
        DJANGO_SETTINGS_MODULE="project.settings",
        ENV_FILE=os.devnull,
        SECRET_KEY="only-for-the-bench-0123456789-abcdefghijklmnopqrstuvwxyz",  # noqa: S106  # guards made-up rows
    )
    django.setup()
    # These ask for Django's settings as they are imported.
    from bench import costs, rows

    call_command("migrate", verbosity=0)
    if not options.again:
        if rows.has_rows():
            sys.exit(
                "The database has rows. Name an empty one, or measure these rows with --again."
            )
        rows.fill(options.orders, options.customers)
    costs.report(options.runs)


if __name__ == "__main__":
    main()
