"""How fast do texts leave, how soon does one when nothing else is to do, and what does it cost to
queue one? The gateway is the tests' stand-in, which takes its time over each answer.

The worker is a process of its own, with the settings of any installation; its database is of the
tests' kind, and goes at the end.
"""

import argparse
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench.installation import installation

_IDLE = (0.3, 0.9)  # seconds between two texts when the worker is idle: the least and the most
_PATIENCE = 120.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sms_throughput", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    parser.add_argument("--texts", type=int, default=800)
    parser.add_argument("--runs", type=int, default=40, help="texts sent by an idle worker")
    parser.add_argument("--answer", type=float, default=0.2, help="seconds the gateway takes")
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight")
    options = parser.parse_args()
    places = {"QUEUE_WORKERS": "1", "SMS_CONCURRENCY": str(options.concurrency)}
    with installation(options.database, **places) as folder:
        report(folder, options)


def report(folder: Path, options: argparse.Namespace) -> None:
    """Print the figures of all three."""
    from tests import factories
    from tests.chaos.shop import Process, environment_of
    from tests.sms.stand_in_process import stand_in_process

    factories.templates()
    print(f"Queries that a text adds to placing an order: {queries_of_a_text()}")
    with stand_in_process() as gateway:
        gateway.control.post("faults", latency=(options.answer, options.answer))
        env = environment_of(gateway, folder) | {"DJANGO_SETTINGS_MODULE": "project.settings"}
        worker = Process("worker", env, folder / "worker.log")
        try:
            bench = Bench(gateway.control, options.answer)
            bench.warm_up()
            waits = bench.waits_when_idle(options.runs)
            print(
                f"From the queue to the wire when idle, median of {len(waits)}: "
                f"{statistics.median(waits):.0f} ms (9 in 10 within {ninth_decile(waits):.0f} ms)"
            )
            rate, most = bench.rate_of(options.texts), options.concurrency / options.answer
            print(
                f"Texts a second, {options.texts} texts at {options.answer * 1000:.0f} ms each, "
                f"{options.concurrency} in flight: {rate:.1f} ({100 * rate / most:.0f} % of "
                f"{most:.0f})"
            )
        finally:
            worker.kill()


def queries_of_a_text() -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from sms.models import Message
    from tests import factories

    def queries(*, text_customer: bool) -> int:
        customer = factories.customer()
        with CaptureQueriesContext(connection) as captured:
            factories.order(customer=customer, text_customer=text_customer)
        return len(captured)

    added = queries(text_customer=True) - queries(text_customer=False)
    if not Message.objects.exists():
        sys.exit("No text was queued.")
    return added


def ninth_decile(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=10)[-1]


class Bench:
    """Places orders, and asks the gateway when their texts came."""

    def __init__(self, gateway: Any, answer: float) -> None:
        self._gateway, self._answer = gateway, answer
        self._chance = random.Random(1)  # noqa: S311  # the same pauses each time, and no secret

    def warm_up(self) -> None:
        """Wait for what is queued already: the worker has started then."""
        self._wait_for(1)
        self.waits_when_idle(3)

    def waits_when_idle(self, runs: int) -> list[float]:
        """Milliseconds between the end of placing an order and the request with its text."""
        from tests import factories

        waits = []
        for _ in range(runs):
            time.sleep(self._chance.uniform(*_IDLE))
            known = len(self._came())
            factories.order()
            queued_at = time.time()
            came = self._wait_for(known + 1)
            waits.append(1000 * (came[-1] - queued_at))
        return waits

    def rate_of(self, texts: int) -> float:
        """Texts a second, from the first request to the last answer, of so many queued at once."""
        from crm.models import Order
        from crm.orders import place_orders
        from tests import factories

        known = len(self._came())
        customers = [factories.customer() for _ in range(100)]
        place_orders(
            [
                Order(customer=customers[number % 100], item=f"Lamp {number}", amount="1299.99")
                for number in range(texts)
            ]
        )
        self._wait_for(known + texts)
        came = self._came()[known:]
        return texts / (came[-1] + self._answer - came[0])

    def _came(self) -> list[float]:
        return sorted(request["came_at"] for request in self._gateway.get("requests"))

    def _wait_for(self, count: int) -> list[float]:
        deadline = time.monotonic() + _PATIENCE
        while len(came := self._came()) < count:
            if time.monotonic() > deadline:
                sys.exit(f"Of {count} texts {len(came)} came.")
            time.sleep(0.1)
        return came


if __name__ == "__main__":
    main()
