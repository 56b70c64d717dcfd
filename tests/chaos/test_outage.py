"""The gateway is gone now and then: out of service, or not to be reached at all.

What is in the air then may be in doubt. The line breaks at once, so that it is a handful, and the
rest waits until the gateway is there again.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sms.models import Attempt, Message
from tests.chaos.ledger import compare, figures
from tests.chaos.shop import place_orders, shop
from tests.sms.stand_in_control import Control

ORDERS = 300
PLACED_IN = 16.0  # seconds
MOST_IN_DOUBT = 0.02
OUTAGES = ("unavailable", "refused", "unavailable", "refused")


def test_an_outage_leaves_two_texts_in_a_hundred_in_doubt_at_most(
    folder: Path, seed: int, tell: Callable[[str], None]
) -> None:
    started = time.monotonic()
    with shop(folder, seed=seed) as opened:
        opened.gateway.post("faults", latency=(0.02, 0.2))
        opened.gateway.post("reports", delivery_url=opened.delivery_url)
        with outages(opened.gateway, random.Random(f"{seed} outages")):
            orders = place_orders(ORDERS, PLACED_IN, random.Random(seed))
        rested = opened.rest()
        books = compare(orders, opened.gateway)
    not_taken = Attempt.objects.filter(outcome=Attempt.Outcome.NOT_TAKEN)
    refused, unavailable = (not_taken.filter(word=word).count() for word in ("", "HTTP 503"))
    told = figures(
        books,
        unavailable=unavailable,
        refused=refused,
        rested=f"{rested:.0f} s",
        all=f"{time.monotonic() - started:.0f} s",
        seed=seed,
    )
    tell(told)
    assert not books.unexplained, "\n".join([told, *books.unexplained])
    assert books.counts[Message.Status.UNCONFIRMED] <= MOST_IN_DOUBT * ORDERS, told
    assert set(books.counts) <= {Message.Status.DELIVERED, Message.Status.UNCONFIRMED}, told
    assert min(refused, unavailable) > 0, f"{told}: an outage went by unnoticed"


@contextmanager
def outages(gateway: Control, chance: random.Random) -> Iterator[None]:
    """Let the gateway be gone for a while now and then; it is there again at the end."""

    def begin() -> None:
        for kind in OUTAGES:
            time.sleep(chance.uniform(1.0, 2.0))
            seconds = chance.uniform(1.0, 2.5)
            gateway.post("outage", kind=kind, seconds=seconds)
            time.sleep(seconds)

    beginner = threading.Thread(target=begin)
    beginner.start()
    try:
        yield
    finally:
        beginner.join()
