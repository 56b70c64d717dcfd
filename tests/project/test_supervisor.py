"""The processes that make up Karani, as real processes: started again, and ended together."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from project.environment import BASE_DIR

PATIENCE = 20.0  # seconds until something that does not happen counts as a failure

# A supervisor of the shell commands it is given, {name: command}, with other times where told.
PROGRAM = """
import json, os, sys
from project import supervisor

commands, times, shells = map(json.loads, sys.argv[1:])
vars(supervisor).update(times)
sys.exit(
    supervisor.run(
        {name: [shells.get(name, "/bin/sh"), "-c", command] for name, command in commands.items()},
        os.environ,
        is_ready=lambda: os.path.exists("ready"),
        on_ready=lambda: print("It is ready.", flush=True),
    )
)
"""


class Supervisor:
    """A running supervisor, and what its children wrote into the folder they share."""

    def __init__(self, folder: Path, *arguments: dict[str, Any]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(json.dumps(each) for each in arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(BASE_DIR)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pids(self, name: str) -> list[int]:
        """The process ids in a file, one a line."""
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, "it never came to be"
            time.sleep(0.02)

    def end(self, signum: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; then the exit code, and what was printed."""
        self.process.send_signal(signum)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def is_alive(pid: int) -> bool:
    """A process that has ended, and that nobody has asked how, still has its number."""
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
    return state != "" and not state.startswith("Z")


Supervise = Callable[..., Supervisor]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Start a supervisor of these commands; whatever the test finds, all of it ends with it."""
    started: list[Supervisor] = []

    def start(
        commands: dict[str, str], shells: dict[str, str] | None = None, **times: float
    ) -> Supervisor:
        started.append(Supervisor(tmp_path, commands, {"_POLL": 0.05} | times, shells or {}))
        return started[-1]

    yield start
    for run in started:
        run.process.terminate()
        run.process.wait(PATIENCE)
        for file in tmp_path.glob("*.pids"):
            for pid in filter(is_alive, run.pids(file.name)):
                os.kill(pid, signal.SIGKILL)
        run.process.communicate()  # whoever held the other end is gone by now


def test_one_that_ends_is_started_again(supervise: Supervise) -> None:
    run = supervise(
        {"worker": "echo $$ >> w.pids; [ $(wc -l < w.pids) -gt 1 ] || exit 3; exec sleep 60"}
    )
    run.wait_for(lambda: len(run.pids("w.pids")) == 2)
    code, out, err = run.end()
    assert (code, out, err) == (0, "The worker ended (exit code 3); starting it again.\n", "")
    assert not any(is_alive(pid) for pid in run.pids("w.pids"))


def test_one_that_is_killed_is_started_again_and_the_others_go_on(supervise: Supervise) -> None:
    run = supervise(
        {
            "web server": "echo $$ >> s.pids; exec sleep 60",
            "worker": "echo $$ >> w.pids; exec sleep 60",
        }
    )
    run.wait_for(lambda: bool(run.pids("s.pids") and run.pids("w.pids")))
    os.kill(run.pids("w.pids")[0], signal.SIGKILL)
    run.wait_for(lambda: len(run.pids("w.pids")) == 2)
    assert len(run.pids("s.pids")) == 1
    code, out, _ = run.end()
    assert (code, out) == (0, "The worker ended (signal 9); starting it again.\n")


def test_what_one_that_ended_left_running_is_ended_before_it_starts_again(
    supervise: Supervise,
) -> None:
    run = supervise({"worker": "sleep 60 & echo $! >> left.pids; echo $$ >> w.pids; exit 1"})
    run.wait_for(lambda: len(run.pids("w.pids")) > 1)
    assert not is_alive(run.pids("left.pids")[0])
    run.wait()
    assert not any(is_alive(pid) for pid in run.pids("left.pids"))


def test_after_three_quick_ends_in_a_row_it_gives_up_and_ends_the_others(
    supervise: Supervise,
) -> None:
    run = supervise(
        {
            "web server": "echo $$ >> s.pids; exec sleep 60",
            "worker": "echo $$ >> w.pids; echo no table >&2; exit 1",
        }
    )
    code, out, err = run.wait()
    assert code == 1
    assert len(run.pids("w.pids")) == 3
    assert out == 2 * "The worker ended (exit code 1); starting it again.\n"
    assert err == 3 * "no table\n" + "The worker does not start; see above.\n"
    assert not is_alive(run.pids("s.pids")[0])


def test_quick_ends_that_are_not_in_a_row_are_no_reason_to_give_up(supervise: Supervise) -> None:
    # The third lives longer than what counts as quick here.
    life = "case $(wc -l < w.pids) in 3) sleep 1;; 6) exec sleep 60;; esac; exit 1"
    run = supervise({"worker": f"echo $$ >> w.pids; {life}"}, _QUICK=0.6)
    run.wait_for(lambda: len(run.pids("w.pids")) == 6)
    code, _, err = run.end()
    assert (code, err) == (0, "")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_children_and_grandchildren_in_good_order(
    supervise: Supervise, signum: int
) -> None:
    family = "sleep 60 & echo $! >> {0}.pids; echo $$ >> {0}.pids; wait"
    run = supervise({"web server": family.format("s"), "worker": family.format("w")})
    run.wait_for(lambda: len(run.pids("s.pids")) == len(run.pids("w.pids")) == 2)
    family_pids = run.pids("s.pids") + run.pids("w.pids")
    assert all(is_alive(pid) for pid in family_pids)
    assert run.end(signum) == (0, "", "")
    assert not any(is_alive(pid) for pid in family_pids)


def test_a_child_may_finish_what_it_does(supervise: Supervise) -> None:
    run = supervise(
        {
            "worker": "trap 'sleep 0.5; echo done > result; exit 0' TERM; "
            "echo $$ >> w.pids; while :; do sleep 0.05; done"
        }
    )
    run.wait_for(lambda: bool(run.pids("w.pids")))
    assert run.end() == (0, "", "")
    assert (run.folder / "result").read_text() == "done\n"


def test_a_child_that_does_not_end_is_ended(supervise: Supervise) -> None:
    run = supervise(
        {"worker": "trap '' TERM; echo $$ >> w.pids; while :; do sleep 0.05; done"}, _GRACE=0.5
    )
    run.wait_for(lambda: bool(run.pids("w.pids")))
    assert run.end() == (0, "", "")
    assert not is_alive(run.pids("w.pids")[0])


def test_it_tells_once_when_all_is_ready(supervise: Supervise) -> None:
    run = supervise({"worker": "echo $$ >> w.pids; exec sleep 60"})
    run.wait_for(lambda: bool(run.pids("w.pids")))
    (run.folder / "ready").touch()
    assert run.process.stdout
    assert run.process.stdout.readline() == "It is ready.\n"
    time.sleep(0.2)  # four more looks
    assert run.end() == (0, "", "")


def test_where_one_cannot_be_started_the_others_are_ended(supervise: Supervise) -> None:
    run = supervise(
        {"web server": "echo $$ >> s.pids; exec sleep 60", "worker": ""},
        shells={"worker": "/nonexistent/sh"},
    )
    assert run.process.wait(PATIENCE) == 1
    time.sleep(0.2)  # for the first to come as far as its first word
    assert not any(is_alive(pid) for pid in run.pids("s.pids"))
