"""``manage.py up`` for real: a newcomer's first start, a killed worker, Ctrl-C, a second start."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from project.environment import BASE_DIR

PATIENCE = 40  # seconds, for a busy machine; each step is over in a few


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A ``manage.py up`` in a data folder of its own."""

    def __init__(self, data: Path, port: int, **variables: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = data / f"{time.monotonic_ns()}.log"
        names = ("PATH", "HOME", "ENV_FILE")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        self.data, self.env = data, kept | {"DATA_DIR": str(data), "PORT": str(port)} | variables
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "up"],
                env=self.env,
                cwd=self.log.parent,  # it runs from whatever folder it is called in
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := condition():
                return found
            assert self.process.poll() is None, self.output()
            time.sleep(0.1)
        pytest.fail(f"{what} did not come about: {self.output()}")

    def wait_until_ready(self) -> None:
        self.wait_for(lambda: "Karani runs at" in self.output(), "the greeting")

    def stop(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def children(self, name: str) -> list[int]:
        """The process ids of the direct children whose command has this word."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                command = (status.parent / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if parent == self.process.pid and name in command:
                found.append(int(status.parent.name))
        return found

    def doctor(self) -> tuple[Any, int]:
        """What ``manage.py doctor`` finds of each thing beside it, and its exit code."""
        command = [sys.executable, str(BASE_DIR / "manage.py"), "doctor", "--json"]
        env = self.env | {"DEBUG": "on"}  # as ``up`` has it
        done = subprocess.run(command, env=env, capture_output=True, timeout=PATIENCE, check=False)
        assert done.stdout, done.stderr.decode()
        return json.loads(done.stdout), done.returncode

    def call(self, path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode() if body is not None else None
        )
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []
    port = free_port()

    def up(**variables: str) -> Running:
        started.append(Running(tmp_path, port, **variables))
        return started[-1]

    yield up
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(PATIENCE)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks at processes by Linux's /proc"
)


@needs_proc
def test_a_newcomer_starts_orders_loses_the_worker_stops_and_starts_again(
    start: Callable[..., Running],
) -> None:
    running = start()
    running.wait_until_ready()
    password = re.search(r"Password: +(\S+)", running.output())
    assert password is not None
    assert "Sign in as:  admin" in running.output()

    credentials = {"username": "admin", "password": password[1]}
    token = running.call("/api/token/", credentials)["access"]
    customers = running.call("/api/customers/", token=token)
    assert customers["count"] >= 24

    def place() -> str:
        code = customers["results"][0]["code"]
        body = {"customer_code": code, "item": "Tea", "amount": "10"}
        return str(running.call("/api/orders/", body, token)["id"])

    def is_delivered(order_id: str) -> bool:
        order = running.call(f"/api/orders/{order_id}/", token=token)
        return bool(order["sms_status"] == "delivered")

    first = place()
    running.wait_for(lambda: is_delivered(first), "the first text")
    found, code = running.doctor()
    assert (found["workers"]["figure"], code) == ("1 is at work.", 0)

    (worker,) = running.children("qcluster")
    os.kill(worker, signal.SIGKILL)
    # What the dying worker had fetched already would come back after the queue's retry time only.
    said = "The worker ended (signal 9); starting it again."
    running.wait_for(lambda: said in running.output(), "the restart")
    second = place()
    running.wait_for(lambda: is_delivered(second), "the text after the worker was killed")
    (successor,) = running.children("qcluster")
    assert successor != worker

    assert running.stop() == 0
    assert "Karani has stopped." in running.output()
    with pytest.raises(OSError, match="refused"):
        running.call("/healthz")

    # As if it had been stopped for longer.
    with closing(sqlite3.connect(running.data / "karani.sqlite3")) as database, database:
        database.execute("UPDATE project_worker SET seen_at = datetime('now', '-61 seconds')")
    found, code = running.doctor()
    assert found["workers"]["figure"] == "None: the last one was seen 1\xa0minute ago."
    assert (found["workers"]["state"], code) == ("broken", 1)

    again = start()
    again.wait_until_ready()
    again.wait_for(lambda: again.doctor()[1] == 0, "a sign of life")
    assert "Password" not in again.output()
    token = again.call("/api/token/", credentials)["access"]
    assert again.call("/api/customers/", token=token)["count"] == customers["count"]
    assert again.call(f"/api/orders/{first}/", token=token)["sms_status"] == "delivered"
    assert again.stop() == 0


def test_a_taken_port_is_one_clear_line(start: Callable[..., Running]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = start(PORT=str(port))
        assert running.process.wait(PATIENCE) == 1
    assert running.output() == (
        f"CommandError: Port {port} is taken. "
        f"Free it, or choose another: PORT={port + 1} make run\n"
    )


def test_the_administrator_can_be_named_beforehand(start: Callable[..., Running]) -> None:
    running = start(
        DJANGO_SUPERUSER_USERNAME="mama", DJANGO_SUPERUSER_PASSWORD="a long enough password"
    )
    running.wait_until_ready()
    assert "Sign in as mama with the password of DJANGO_SUPERUSER_PASSWORD." in running.output()
    assert "a long enough password" not in running.output()
    running.call("/api/token/", {"username": "mama", "password": "a long enough password"})
    assert running.stop() == 0
