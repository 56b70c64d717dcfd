"""Does the running server keep to its OpenAPI document? ``make fuzz`` runs this file.

Starts the web server and the worker as users do, on SQLite and on PostgreSQL side by side, and has
schemathesis send them what the document allows and what it forbids: as somebody who serves herself,
then as the administrator. It is the same run each time; ``--seed`` takes another one, and
``make fuzz EXAMPLES=100`` sends more to each operation, for which ``--minutes`` gives the time.
Other arguments go to schemathesis: ``make fuzz ARGS="--include-path-regex ^/api/orders/"``.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from tests.run import LOCAL_POSTGRES, ROOT, clean_environment, why_no_postgres

MANAGE = str(ROOT / "manage.py")
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CONFIG = ROOT / "tests/fuzz/schemathesis.toml"
# Ann comes first, as the administrator deletes what is hers. What the coverage phase sends is the
# same for everybody, and most of it is refused before it matters who has sent it.
PHASES = {"ann": "fuzzing,stateful", "boss": "examples,coverage,fuzzing,stateful"}
FAULT = re.compile(r"^(ERROR|CRITICAL) |^Traceback |^The .* ended \(", re.MULTILINE)  # in the log
START = 120.0  # seconds that the server has


class ServerDoesNotStart(Exception):
    pass


@contextmanager
def new_postgres(url: str) -> Iterator[str]:
    """The address of a database of our own, beside the one at this address."""
    name = f"fuzz_{os.getpid()}"
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.close()


@contextmanager
def server(environment: dict[str, str], log: Path) -> Iterator[None]:
    """The web server and the worker, until the end of the block."""
    with log.open("w") as output:
        up = subprocess.Popen(
            [sys.executable, MANAGE, "up", "--no-demo"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START
        while not is_ready(environment["PUBLIC_URL"]):
            if up.poll() is not None or time.monotonic() > deadline:
                raise ServerDoesNotStart(log.read_text())
            time.sleep(0.2)
        yield
    finally:
        up.terminate()
        up.wait()


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5):
            return True
    except OSError:
        return False


def environment_of(database_url: str, folder: str) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return clean_environment(folder) | {
        "API_RATE": "0",
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.fuzz.settings",
        "LOG_FORMAT": "text",
        "LOG_LEVEL": "ERROR",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
    }


def fuzz(name: str, database_url: str, options: argparse.Namespace, rest: list[str]) -> bool:
    """Whether nothing was found on this database; prints what was, and in one line how it went."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_of(database_url, folder)
        for command in ([MANAGE, "prepare"], ["-m", "tests.fuzz.rows"]):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)
        log = Path(folder, "log")
        with server(environment, log):
            told = [send_as(person, environment, options, rest) for person in PHASES]
        if FAULT.search(log.read_text()):
            told.append((0, log.read_text()))
    reports = [report for _, report in told if report]
    sent = sum(count for count, _ in told)
    outcome = "FAILED" if reports else "passed"
    seconds = time.monotonic() - started
    print(*reports, f"{name}: {outcome}, {sent:,} requests, {seconds:.0f} s", sep="\n", flush=True)
    return not reports


def send_as(
    person: str, environment: dict[str, str], options: argparse.Namespace, rest: list[str]
) -> tuple[int, str]:
    """How many requests were sent, and schemathesis's report where it found something."""
    command = [
        *(SCHEMATHESIS, "--config-file", options.config, "run"),
        f"{environment['PUBLIC_URL']}/api/openapi.json",
        *("--auth-wfc-user", person, "--phases", PHASES[person], "--checks", "all"),
        *("--seed", options.seed),
        *rest,
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "FUZZ_SEED": options.seed}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment | hooks,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60 * options.minutes,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 0, f"Not done as {person} in {options.minutes} minutes: see --minutes"
    count = re.search(r"^  (\d+) generated", done.stdout, re.MULTILINE)
    return int(count[1]) if count else 0, done.stdout if done.returncode else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--examples", help="for each operation, and of requests in a row")
    parser.set_defaults(config=str(CONFIG))
    parser.add_argument("--minutes", type=float, default=5, help="at most, for each of the people")
    parser.add_argument("--only", choices=["SQLite", "PostgreSQL"])
    parser.add_argument("--require-all", action="store_true", help="fail without PostgreSQL")
    options, rest = parser.parse_known_args()

    postgres = os.environ.get("TEST_DATABASE_URL") or LOCAL_POSTGRES
    why_not = why_no_postgres(postgres)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if options.examples:  # the phases of the file go before --max-examples
            options.config = f"{folder}/schemathesis.toml"
            text = re.sub(r"(?<=max-examples = )\d+", options.examples, CONFIG.read_text())
            Path(options.config).write_text(text)
        databases = {"SQLite": f"sqlite:///{folder}/fuzz.sqlite3"}
        if why_not:
            print(f"PostgreSQL: left out, {why_not}")
        else:
            databases["PostgreSQL"] = stack.enter_context(new_postgres(postgres))
        chosen = [name for name in databases if options.only in (None, name)]
        pool = stack.enter_context(ThreadPoolExecutor())
        outcomes = list(pool.map(lambda name: fuzz(name, databases[name], options, rest), chosen))
    return 0 if all(outcomes) and not (why_not and options.require_all) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
