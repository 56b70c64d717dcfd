"""Runs the processes that make up Karani, and sees to it that none outlives the others."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

_POLL = 0.2  # seconds
_GRACE = 15.0  # seconds that a process has to finish what it does
_QUICK = 5.0  # seconds: a process that ends sooner did not really start
_QUICK_ENDS = 3  # that many times in a row, and starting it again is no use


class Process:
    """One child, in a process group of its own so that Ctrl-C reaches us alone."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name, self.command, self.env = name, command, env
        self.quick_ends = 0
        self.start()

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.child = subprocess.Popen(self.command, env=self.env, start_new_session=True)  # noqa: S603  # our own commands

    def poll(self) -> int | None:
        """The exit status of a child that has ended; counts the ends that came too soon."""
        status = self.child.poll()
        if status is not None:
            is_quick = time.monotonic() - self.started_at < _QUICK
            self.quick_ends = self.quick_ends + 1 if is_quick else 0
        return status

    def restart(self) -> None:
        """Start again after an end; what the old one left running is ended first."""
        self._kill_group()
        self.start()

    def stop(self, deadline: float) -> None:
        """Wait for the end that was asked for, then end what is left of the group."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # then the hard way, below
            self.child.wait(max(0, deadline - time.monotonic()))
        self._kill_group()
        self.child.wait()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # nobody is left in it
            os.killpg(self.child.pid, signal.SIGKILL)


def run(
    commands: Mapping[str, Sequence[str]],
    env: Mapping[str, str],
    *,
    is_ready: Callable[[], bool],
    on_ready: Callable[[], None],
) -> int:
    """Run the commands until a signal comes; an exit code, 0 where they all ended in good order.

    One that ends by itself is started again.
    """
    is_stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    processes: list[Process] = []
    code, was_ready = 0, False
    try:
        for name, command in commands.items():
            processes.append(Process(name, command, env))
        while not is_stopping and code == 0:
            if not was_ready and is_ready():
                was_ready = True
                on_ready()
            code = _revive(processes)
            time.sleep(_POLL)
    finally:
        deadline = time.monotonic() + _GRACE
        for process in processes:
            process.child.terminate()
        for process in processes:
            process.stop(deadline)
    return code


def _revive(processes: Sequence[Process]) -> int:
    for process in processes:
        status = process.poll()
        if status is None:
            continue
        if process.quick_ends >= _QUICK_ENDS:
            print(f"The {process.name} does not start; see above.", file=sys.stderr, flush=True)
            return 1
        ended = f"signal {-status}" if status < 0 else f"exit code {status}"
        print(f"The {process.name} ended ({ended}); starting it again.", flush=True)
        process.restart()
    return 0
