"""What a newcomer has: the README, a shell, and Karani as ``make run`` starts it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest

from project.environment import BASE_DIR

PATIENCE = 120  # seconds, for a busy machine; a start is over in a few
# What a tour prints, one after the other.
STEPS = ["token", "customer", "order", "bulk", "list", "version", "error"]
OWN_TOOLS = Path(sys.executable).parent  # such as ruff, which the Python generator asks for


class Karani(NamedTuple):
    """A whole one, with its worker and the demo business."""

    address: str
    password: str  # of its administrator, whose name is admin
    environment: dict[str, str]  # that it runs in


@contextmanager
def running(data: Path, **settings: str) -> Iterator[Karani]:
    """Karani on a free port of this machine alone, with its data in this folder."""
    names = ("PATH", "HOME", "ENV_FILE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    settings = {"HOST": "127.0.0.1", "PORT": str(free_port())} | settings
    environment = kept | {"DATA_DIR": str(data)} | settings
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=BASE_DIR,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        password = _printed_password(process, data / "log")
        address = settings.get("PUBLIC_URL", f"http://127.0.0.1:{settings['PORT']}")
        yield Karani(address, password, environment)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def let_in(
    karani: Karani, people: dict[str, dict[str, Any]], apps: dict[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """Make people and connected apps as in ``guests``: what the apps' makers need, by name."""
    code = "from tests.clients.guests import let_in; let_in()"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", code],
        cwd=BASE_DIR,
        env=karani.environment,
        input=json.dumps({"people": people, "apps": apps}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"Nobody was let in:\n{done.stderr}", pytrace=False)
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


def _printed_password(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        printed = re.search(r"Password: +(\S+) .*\n", log.read_text())
        if printed:
            return printed[1]
        time.sleep(0.1)
    pytest.fail(f"Karani did not start: {log.read_text()}")


class Readme:
    """What is printed in the README, and which of it is commands."""

    ADDRESS = "http://127.0.0.1:8000"

    def __init__(self) -> None:
        text = (BASE_DIR / "README.md").read_text()
        parts = re.split(r"^##+ (.+)\n", text, flags=re.MULTILINE)
        self.sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def blocks(self, section: str) -> list[tuple[str, str]]:
        """The fenced blocks of a section: the language and the text of each."""
        return re.findall(
            r"^```(\w*)\n(.*?)^```$", self.sections[section], re.DOTALL | re.MULTILINE
        )

    def command(self, section: str, program: str, address: str) -> str:
        """The command of this program that is in a section, for a Karani at this address."""
        commands = "".join(text for _, text in self.blocks(section))
        [command] = re.findall(rf"^{program} (?:.*\\\n)*.*\n", commands, re.MULTILINE)
        assert command.count(self.ADDRESS) == 1
        return str(command.replace(self.ADDRESS, address))


def install(folder: Path) -> Path:
    """What the lock of this folder names, once: the folder that it is in."""
    lock = (folder / "package-lock.json").read_text()
    modules = folder / "node_modules"
    installed = modules / "installed-lock.json"
    if not installed.exists() or installed.read_text() != lock:
        run(["npm", "ci", "--ignore-scripts"], folder)
        installed.write_text(lock)
    return modules


def run(command: str | list[str], folder: Path, **environment: str) -> str:
    """Run a command, or a line for the shell, in this folder: what it printed.

    Its failure is the test's, with all that was printed.
    """
    unproxied = f"{os.environ.get('no_proxy', os.environ.get('NO_PROXY', ''))},127.0.0.1"
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=os.environ
        | {"PATH": f"{OWN_TOOLS}:{os.environ['PATH']}"}
        | {"no_proxy": unproxied, "NO_PROXY": unproxied}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{command} failed:\n{done.stdout}", pytrace=False)
    return done.stdout


class Shell:
    """A fresh shell, into which block after block is pasted."""

    END = "=== the end of the answer"

    def __init__(self, home: Path) -> None:
        # What is asked of curl beside what is printed: the status of each answer, and an end.
        (home / ".curlrc").write_text('write-out = "%{stderr}%{http_code}\\n"\nmax-time = 60\n')
        self.statuses = home / "statuses"
        with self.statuses.open("w") as statuses:
            self.bash = subprocess.Popen(
                ["bash"],
                cwd=home,
                env={"HOME": str(home), "PATH": os.environ["PATH"]},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=statuses,
                text=True,
            )

    def paste(self, block: str) -> tuple[str, list[str]]:
        """What is printed, and the status of each call."""
        before = len(self.statuses.read_text())
        commands, printed = self._pipes()
        commands.write(f"{block}\nprintf '\\n{self.END}\\n'\n")
        commands.flush()
        lines = list(iter(printed.readline, f"{self.END}\n"))
        return "".join(lines).strip(), self.statuses.read_text()[before:].splitlines()

    def close(self) -> None:
        self.bash.communicate(timeout=PATIENCE)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        return self.bash.stdin, self.bash.stdout
