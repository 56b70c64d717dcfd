"""A certified OpenID client, npm's openid-client, at every door of the provider."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.clients.app_home import AppHome
from tests.clients.newcomer import Karani, install, run

HERE = Path(__file__).parent / "openid"
SUBJECTS = sorted(path.name for path in HERE.glob("*.test.js"))


@pytest.fixture(scope="session")
def told(karani: Karani, home: AppHome, apps: dict[str, dict[str, Any]]) -> str:
    """What the tests in JavaScript know, as JSON."""
    return json.dumps(
        {
            "address": karani.address,
            "callback": home.callback,
            "goodbye": home.goodbye,
            "password": factories.PASSWORD,
            "apps": apps,
        }
    )


@pytest.fixture(scope="module")
def printed(told: str) -> Iterator[dict[str, "Future[str]"]]:
    """What each subject prints. They run at once: most of their time is waiting."""
    install(HERE)
    with ThreadPoolExecutor(len(SUBJECTS)) as pool:
        yield {
            subject: pool.submit(run, ["node", "--test", subject], HERE, KARANI=told)
            for subject in SUBJECTS
        }


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_client_finds_all_in_order(subject: str, printed: dict[str, "Future[str]"]) -> None:
    counts = dict(re.findall(r"^(?:#|\S) (\w+) (\d+)$", printed[subject].result(), re.MULTILINE))
    assert int(counts["pass"]) > 0
    assert [counts[other] for other in ("fail", "cancelled", "skipped", "todo")] == ["0"] * 4
