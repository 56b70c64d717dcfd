"""The gateway fails in every way it can, and the workers are killed again and again.

Afterwards every order has its text or a row that says why not, and nobody was texted twice but for
those whose text is marked as one that may come twice.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from identity.models import User
from sms import decisions
from sms.errors import MessageCannotBeRetried
from sms.models import Message
from tests import factories
from tests.chaos.ledger import compare, figures
from tests.chaos.shop import Process, Shop, place_orders, shop

ORDERS = 300
PLACED_IN = 40.0  # seconds
LIFE = (0.0, 3.0)  # seconds for which a worker works until it is killed: the least and the most
FAULTS = {
    "reset_before_taking": 0.03,
    "reset_after_taking": 0.03,
    "close_after_taking": 0.02,
    "cut_short": 0.02,
    "malformed": 0.03,
    "timeout": 0.02,
    "server_error": 0.04,
    "unavailable": 0.04,
    "too_many": 0.03,
    "turned_away": 0.04,
    "refused": 0.03,
    "no_balance": 0.01,
    "latency": (0.02, 0.3),
    "stall": 3.0,
    "spell": 1.0,
}
REPORTS = {
    "lost": 0.1,
    "late": 0.2,
    "doubled": 0.2,
    "disordered": 0.2,
    "early": 0.2,
    "unknown": 0.1,
    "undelivered": 0.1,
    "contradicted": 0.05,
}


def test_no_text_is_lost_and_none_doubled_unmarked_whatever_fails_and_dies(
    folder: Path, seed: int, tell: Callable[[str], None]
) -> None:
    started, boss = time.monotonic(), factories.superuser()
    with shop(folder, seed=seed, clusters=2) as opened:
        opened.gateway.post("faults", **FAULTS)
        opened.gateway.post("reports", delivery_url=opened.delivery_url, **REPORTS)
        with killing(opened, seed) as kills:
            orders = place_orders(
                ORDERS, PLACED_IN, random.Random(seed), lambda number: look_after(number, boss)
            )
        rested = opened.rest()
        books = compare(orders, opened.gateway)
        complaints = opened.complaints()
    told = figures(
        books,
        kills=len(kills),
        errors=complaints,
        rested=f"{rested:.0f} s",
        all=f"{time.monotonic() - started:.0f} s",
        seed=seed,
    )
    tell(told)
    assert not books.unexplained, "\n".join([told, *books.unexplained])
    assert complaints == 0, f"{told}: see the logs in {folder}"


def look_after(number: int, by: User) -> None:
    """Now and then, send a text again that failed, and one that is in doubt."""
    if number % 15 != 14:
        return
    for status in (Message.Status.FAILED, Message.Status.UNCONFIRMED):
        oldest = Message.objects.filter(status=status).order_by("queued_at").first()
        if oldest is not None:
            with suppress(MessageCannotBeRetried):  # a report was quicker
                decisions.queue_again(oldest, by)


@contextmanager
def killing(opened: Shop, seed: int) -> Iterator[list[float]]:
    """Kill each worker again and again, and start it again at once; when they were killed."""
    is_over = threading.Event()
    kills: list[float] = []

    def kill(worker: Process, chance: random.Random) -> None:
        while not is_over.wait(opened.boot + chance.uniform(*LIFE)):
            worker.kill()
            kills.append(time.monotonic())
            worker.start()

    killers = [
        threading.Thread(target=kill, args=(worker, random.Random(f"{seed} {number}")))
        for number, worker in enumerate(opened.workers)
    ]
    for killer in killers:
        killer.start()
    try:
        yield kills
    finally:
        is_over.set()
        for killer in killers:
            killer.join()
