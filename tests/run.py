"""Which parts of the suite can run here, and did they all pass? ``make test`` runs this file.

The suite runs on SQLite; all of it that asks a database runs again on PostgreSQL, where
``TEST_DATABASE_URL`` names one or one answers on this machine; the browser tests run where there is
a Chromium (``CHROMIUM`` names one that is not on the ``PATH``), the clients of the API and of the
OpenID provider where there is Node.js, too. What is killed again and again (``tests/chaos``) runs
by itself, once on each database. A part that cannot run is left out with one line that says why;
with ``--require-all`` that is a failure. Other arguments go to pytest:
``make test ARGS="-k orders"``.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
BROWSER_TESTS = "tests/browser"
CLIENT_TESTS = "tests/clients"
CHAOS_TESTS = "tests/chaos"
OF_THEIR_OWN = (BROWSER_TESTS, CLIENT_TESTS, CHAOS_TESTS)  # folders that are a part each
SQLITE = "sqlite://:memory:"
# The run on SQLite has said all there is to say of these: they ask the database nothing, or only
# rows by their keys, for pages whose words, and who may open which door, are decided in Python.
SAID_ON_SQLITE = (
    "tests/crm/spreadsheets/test_columns.py",
    "tests/crm/spreadsheets/test_reading.py",
    "tests/crm/test_languages.py",
    "tests/identity/test_account.py",
    "tests/identity/test_connected_apps_admin.py",
    "tests/identity/test_languages.py",
    "tests/identity/test_role_matrix.py",
    "tests/identity/test_sealing.py",
    "tests/identity/test_technical.py",
    "tests/identity/test_upstream.py",
    "tests/project/test_backoffice.py",
    "tests/project/test_banners.py",
    "tests/project/test_compression.py",
    "tests/project/test_empty_lists.py",
    "tests/project/test_environment.py",
    "tests/project/test_grown_business.py",
    "tests/project/test_light_pages.py",
    "tests/project/test_messages.py",
    "tests/project/test_openapi.py",
    "tests/project/test_permissions.py",
    "tests/project/test_readme.py",
    "tests/project/test_request_bodies.py",
    "tests/project/test_supervisor.py",
    "tests/project/test_up.py",
    "tests/sms/test_africastalking.py",
    "tests/sms/test_keywords.py",
    "tests/sms/test_languages.py",
    "tests/sms/test_phone_numbers.py",
    "tests/sms/test_quiet_hours.py",
    "tests/sms/test_segments.py",
    "tests/sms/test_stand_in.py",
)
LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/test"
# The first has no windows, which nobody sees here, and takes three quarters of the time.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OLDEST_NODE = 18
COVERED_APPS = ("crm", "identity", "sms")
LEAST_COVERAGE = 95  # percent of the lines and branches of these apps together
NOTHING_COLLECTED = 5  # pytest's exit status
WORKERS = str(min(os.cpu_count() or 1, 4))  # each has a database of its own to make


@dataclass
class Part:
    """One run of pytest over a part of the suite."""

    name: str
    environment: dict[str, str]
    folder: str = ""  # one of those that are a part of their own
    workers: str = WORKERS
    ignored: tuple[str, ...] = ()
    why_not: str = ""  # the reason why it cannot run here
    is_wanted: bool = False  # somebody asked for it, so leaving it out is a failure
    is_measured: bool = False  # its coverage, which costs a third of its time
    side_by_side: str = ""  # the parts with the same word here leave each other enough of a machine

    def tests(self, arguments: list[str]) -> list[str]:
        """The paths to run: those of this part among the arguments, all where they name none."""
        named = [argument for argument in arguments if argument.startswith("tests")]
        if self.folder:
            return [path for path in named or [self.folder] if path.startswith(self.folder)]
        return [path for path in named or ["tests"] if not path.startswith(OF_THEIR_OWN)]

    def run(self, arguments: list[str], *, is_alone: bool) -> int:
        """Run it, say in one line how it went, and return pytest's exit status.

        What one of several parts side by side prints is shown when it has ended.
        """
        options = [argument for argument in arguments if not argument.startswith("tests")]
        pytest = ["-m", "pytest"]
        if self.is_measured:
            pytest = ["-m", "coverage", "run", "--parallel-mode", *pytest]
        if not self.folder:
            options += [f"--ignore={path}" for path in (*OF_THEIR_OWN, *self.ignored)]
        print(f"== {self.name}", flush=True)
        started = time.monotonic()
        options = ["-q", "-n", self.workers, *options]
        command = [sys.executable, *pytest, *options, *self.tests(arguments)]
        run = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            check=False,
            stdout=None if is_alone else subprocess.PIPE,
            stderr=None if is_alone else subprocess.STDOUT,
        )
        outcome = {0: "passed", NOTHING_COLLECTED: "no tests"}.get(run.returncode, "FAILED")
        seconds = time.monotonic() - started
        shown = (run.stdout or b"").decode(errors="replace")
        print(f"{shown}{self.name}: {outcome}, {seconds:.0f} s", flush=True)
        return run.returncode


def clean_environment(data_dir: str) -> dict[str, str]:
    """The environment with none of a developer's own settings, exported or in ``.env``."""
    settings = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    # The suite starts a hundred Pythons: each finds compiled what the one before it has read.
    left_out = {*settings, "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {
        "DATA_DIR": data_dir,
        "DEBUG": "off",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    }


def parts_of_the_suite(environment: dict[str, str]) -> list[Part]:
    named = os.environ.get("TEST_DATABASE_URL", "")
    postgres = named or LOCAL_POSTGRES
    chromium = find_chromium()
    why_no_chromium = "" if chromium else f"no {', '.join(CHROMIUMS)} on the PATH, no CHROMIUM"
    return [
        # The one that is measured: the others see the same code, and would only be slower.
        Part("SQLite", environment | {"DATABASE_URL": SQLITE}, is_measured=True),
        Part(
            "PostgreSQL",
            environment | {"DATABASE_URL": postgres},
            why_not=why_no_postgres(postgres),
            is_wanted=bool(named),
            ignored=SAID_ON_SQLITE,
        ),
        Part(
            "Browser",
            environment | {"DATABASE_URL": SQLITE, "CHROMIUM": chromium},
            folder=BROWSER_TESTS,
            why_not=why_no_chromium,
            side_by_side="browsers",
        ),
        Part(
            "Clients",
            # Their database is Karani's own, of another process.
            environment | {"DATABASE_URL": SQLITE, "CHROMIUM": chromium},
            folder=CLIENT_TESTS,
            workers="0",  # all of them ask one Karani
            why_not=why_no_clients() or why_no_chromium,
            side_by_side="browsers",  # these and the browser tests wait more than they compute
        ),
        # Each test has a Karani of its own. The first and the third, which share a worker, take as
        # long as the second, of the kills.
        Part(
            "Chaos on SQLite",
            environment | {"DATABASE_URL": SQLITE},
            folder=CHAOS_TESTS,
            workers="2",
        ),
        Part(
            "Chaos on PostgreSQL",
            environment | {"DATABASE_URL": postgres},
            folder=CHAOS_TESTS,
            workers="2",
            why_not=why_no_postgres(postgres),
            is_wanted=bool(named),
        ),
    ]


def why_no_postgres(url: str) -> str:
    try:
        psycopg2.connect(url, connect_timeout=3).close()
    except psycopg2.Error as error:
        return str(error).splitlines()[0]
    return ""


def find_chromium() -> str:
    """The path of a Chromium that starts, or nothing: Ubuntu's may be a stub that does not."""
    for name in (os.environ.get("CHROMIUM"), *CHROMIUMS):
        path = shutil.which(name or "")
        if path:
            asked = subprocess.run([path, "--version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return path
    return ""


def why_no_clients() -> str:
    missing = [name for name in ("node", "npm", "curl") if shutil.which(name) is None]
    if missing:
        return f"no {', no '.join(missing)} on the PATH"
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)", asked.stdout)
    if version is None or int(version[1]) < OLDEST_NODE:
        return f"node is {asked.stdout.strip() or 'broken'}, not {OLDEST_NODE} or newer"
    return ""


def coverage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False)


def is_covered() -> bool:
    """Print what the runs covered together, and say whether it is enough."""
    coverage("combine", "--quiet")
    print(coverage("report").stdout)
    gate = coverage(
        "report",
        f"--include={','.join(f'{app}/*' for app in COVERED_APPS)}",
        f"--fail-under={LEAST_COVERAGE}",
        "--precision=2",  # without it 94.5 counts as 95
        "--format=total",
    )
    total = gate.stdout.partition("\n")[0]
    print(f"Coverage of {', '.join(COVERED_APPS)}: {total} %, at least {LEAST_COVERAGE} % wanted")
    return gate.returncode == 0


def run_all(parts: Iterable[Part], arguments: list[str]) -> Iterator[tuple[Part, int]]:
    """Run them in their order, some side by side; each with its exit status."""
    for word, group in groupby(parts, key=lambda part: part.side_by_side or part.name):
        beside = list(group)
        with ThreadPoolExecutor(len(beside), thread_name_prefix=word) as threads:
            runs = [
                threads.submit(part.run, arguments, is_alone=len(beside) == 1) for part in beside
            ]
            yield from zip(beside, (run.result() for run in runs), strict=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--require-all", action="store_true", help="fail if a part is left out")
    options, arguments = parser.parse_known_args()

    started = time.monotonic()
    coverage("erase")  # an interrupted run leaves its data behind
    failed: list[str] = []
    statuses: list[int] = []
    with tempfile.TemporaryDirectory() as data_dir:
        parts: list[Part] = []
        for part in parts_of_the_suite(clean_environment(data_dir)):
            if not part.tests(arguments):
                continue
            if not part.why_not:
                parts.append(part)
                continue
            print(f"{part.name}: left out, {part.why_not}", flush=True)
            if options.require_all or part.is_wanted:
                failed.append(part.name)
        for part, status in run_all(parts, arguments):
            statuses.append(status)
            # Arguments may choose tests of one part only; without them, no tests is a mistake.
            if status != 0 and not (arguments and status == NOTHING_COLLECTED):
                failed.append(part.name)
    if 0 not in statuses and not failed:
        failed.append(f"no test for {' '.join(arguments)}")
    if failed or (arguments and not options.require_all):
        print("Coverage: left out,", "a part failed" if failed else "arguments chose the tests")
    elif not is_covered():
        failed.append("coverage")
    outcome = f"FAILED: {', '.join(failed)}" if failed else "All passed"
    print(f"{outcome}, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
