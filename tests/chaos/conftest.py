"""What these runs have in common: a seed that can be given again, and figures that are printed."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from tests import factories


@pytest.fixture
def seed() -> int:
    """Of all that is left to chance; ``CHAOS_SEED`` names one that has failed before."""
    return int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))


@pytest.fixture
def folder(tmp_path: Path, transactional_db: None, settings: Settings) -> Path:
    """Where a shop keeps what is not in its database, which is empty but for the wording."""
    factories.templates()
    settings.SMS_GATEWAY = "africastalking"
    return tmp_path


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a line of figures printed at the end of all."""
    return lambda line: record_property("figures", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for report in reports:
        for name, line in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {line}")
