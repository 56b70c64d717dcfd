"""A whole Karani in processes of its own, whose texts go to the stand-in: to be watched or killed.

Its database is the one of the test, which looks at the same rows.
"""

import os
import random
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django_q.models import OrmQ
from django_q.tasks import async_task

from crm.models import Order
from project.environment import BASE_DIR
from project.management.commands.up import COMMANDS
from sms import sweeping
from sms.models import Message, MessageStatus
from tests import factories
from tests.clients.newcomer import free_port
from tests.sms.stand_in_control import Control
from tests.sms.stand_in_process import RunningStandIn, stand_in_process

SECRET = "only-for-the-stand-in-0123456789"
SWEEP_EVERY = 2.0  # seconds; the schedule's minute
PATIENCE = 90.0  # seconds, for a busy machine
UNDER_WAY = [
    MessageStatus.QUEUED,
    MessageStatus.CLAIMED,
    MessageStatus.SENDING,
    MessageStatus.HELD,
]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy knows our ports


class Process:
    """A process with all those that it starts, which can be killed at once."""

    def __init__(self, name: str, env: dict[str, str], log: Path) -> None:
        self._name, self._env, self.log = name, env, log
        self.start()

    def start(self) -> None:
        with self.log.open("a") as log:
            self._child = subprocess.Popen(
                COMMANDS[self._name],
                cwd=BASE_DIR,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a machine ends that loses its power: none of them has time for a last word."""
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()


@dataclass
class Shop:
    """A web server and some workers, and the gateway that they know."""

    gateway: Control
    delivery_url: str
    incoming_url: str
    workers: list[Process]
    boot: float  # seconds from the start of a worker to its first request

    def at_rest(self) -> bool:
        """Is nothing under way any more, and all told that there is to tell?"""
        is_under_way = Message.objects.filter(status__in=UNDER_WAY).exists()
        return not is_under_way and self.gateway.get("state")["waiting"] == 0

    def rest(self, patience: float = PATIENCE) -> float:
        """Wait until all is at rest, and a sweep has looked behind it; how many seconds it took.

        What is not at rest by then is for the caller to find.
        """
        started = time.monotonic()
        wait_until(self.at_rest, patience)
        sweeping.sweep()
        return time.monotonic() - started

    def complaints(self) -> int:
        """How many errors the workers have logged that no code of theirs expected."""
        return sum(worker.log.read_text().count("Traceback") for worker in self.workers)


@contextmanager
def shop(folder: Path, *, seed: int, clusters: int = 1) -> Iterator[Shop]:
    """Open one with so many clusters of workers; it closes at the end of the block."""
    processes: list[Process] = []
    with stand_in_process(seed) as gateway, _sweeps():
        try:
            env = environment_of(gateway, folder)
            processes.append(Process("web server", env, folder / "web.log"))
            wait_until(lambda: _answers(env["PORT"]), PATIENCE)
            workers, boot = _start_workers(clusters, env, folder, gateway)
            processes += workers
            callbacks = f"http://127.0.0.1:{env['PORT']}/sms/callbacks/{SECRET}"
            yield Shop(
                gateway.control, f"{callbacks}/delivery/", f"{callbacks}/incoming/", workers, boot
            )
        finally:
            for process in processes:
                process.kill()


def _start_workers(
    clusters: int, env: dict[str, str], folder: Path, gateway: RunningStandIn
) -> tuple[list[Process], float]:
    """The workers, and how long one takes to begin."""
    started = time.monotonic()
    workers = [
        Process("worker", env, folder / f"worker-{number}.log") for number in range(clusters)
    ]
    wait_until(_is_worked, PATIENCE)
    return workers, time.monotonic() - started


def _is_worked() -> bool:
    return not OrmQ.objects.exists()


def environment_of(gateway: RunningStandIn, folder: Path) -> dict[str, str]:
    """What the processes are told: where the database of this one is, and that gateway."""
    return os.environ | {
        "AFRICASTALKING_API_KEY": "only-for-the-stand-in",
        "AFRICASTALKING_BASE_URL": gateway.base_url,
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "NO_PROXY": "127.0.0.1",
        "PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": settings.SECRET_KEY,
        "SMS_CALLBACK_SECRET": SECRET,
        "SMS_GATEWAY": "africastalking",
        "WEB_CONCURRENCY": "1",
        "no_proxy": "127.0.0.1",
    }


def database_url() -> str:
    """Where the database of this test is, as another process is told."""
    known: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(known['NAME']))}"
    who = quote(known["USER"]) + (f":{quote(known['PASSWORD'])}" if known["PASSWORD"] else "")
    return f"postgres://{who}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"


def _answers(port: str) -> bool:
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def _sweeps() -> Iterator[None]:
    """Have a worker sweep every few seconds, as the schedule does each minute."""
    is_over = threading.Event()

    def call() -> None:
        while not is_over.wait(SWEEP_EVERY):
            async_task(sweeping.SWEEP_TASK, ack_failure=True)
        connection.close()

    async_task(sweeping.SWEEP_TASK, ack_failure=True)
    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield
    finally:
        is_over.set()
        caller.join()


def place_orders(
    count: int,
    seconds: float,
    chance: random.Random,
    then: Callable[[int], None] = lambda _: None,
    *,
    customers: int = 120,
) -> list[Order]:
    """Place so many orders by chance in about so many seconds; each has a text like no other's.

    After each something may be done that is told its number.
    """
    buyers = [factories.customer() for _ in range(customers)]
    orders = []
    for number in range(count):
        orders.append(factories.order(customer=chance.choice(buyers), item=f"Lamp {number}"))
        then(number)
        time.sleep(chance.expovariate(count / seconds))
    return orders


def wait_until(is_so: Callable[[], bool], patience: float) -> bool:
    """Look again and again, for so many seconds at most; whether it came to be so."""
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
