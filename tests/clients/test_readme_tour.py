"""The README's tour of the API, run as it is printed."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.newcomer import PATIENCE, Karani, Readme, Shell

TOUR = "A five-minute tour"
PASSWORD = "P='...'\n"  # the one thing to fill in


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def is_as_shown(shown: Any, real: Any) -> bool:
    """Is this the answer? Its dots stand for whatever there is."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return all(name in real and is_as_shown(shown[name], real[name]) for name in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(is_as_shown, shown, real))
    if isinstance(shown, str) and isinstance(real, str):
        return re.fullmatch(re.escape(shown).replace(r"\.\.\.", ".*"), real) is not None
    return bool(shown == real)


def test_the_tour_answers_as_it_is_printed(karani: Karani, readme: Readme, shell: Shell) -> None:
    def paste(block: str) -> tuple[str, list[str]]:
        block = block.replace(PASSWORD, f"P='{karani.password}'\n")
        return shell.paste(block.replace(Readme.ADDRESS, karani.address))

    block, statuses = "", list[str]()
    for language, text in readme.blocks(TOUR):
        if language == "sh":
            block = text
            printed, told = paste(block)
            statuses += told
            continue
        shown = json.loads(re.sub(r",\s*\.\.\.(?=[}\]])", "", text))
        deadline = time.monotonic() + PATIENCE
        # A text is on its way for a moment: a reader looks again.
        while not is_as_shown(shown, json.loads(printed)):
            assert " -d " not in block, printed
            assert time.monotonic() < deadline, printed
            time.sleep(0.2)
            printed, told = paste(block)
            assert told == statuses[-1:]
    assert statuses == ["200", "201", "201", "200", "200", "400"]


def test_the_tour_is_six_calls_at_most_and_leaves_one_thing_to_fill_in(readme: Readme) -> None:
    commands = "".join(text for language, text in readme.blocks(TOUR) if language == "sh")
    assert len(re.findall(r"\bcurl\b", commands)) <= 6
    assert commands.startswith(PASSWORD)
    assert commands.count("...") == 1
    assert commands.count(Readme.ADDRESS) == 1


def test_an_answer_that_is_not_as_shown_is_told_apart() -> None:
    assert is_as_shown({"code": "LA...", "rows": [1]}, {"code": "LA2026", "rows": [1], "more": 1})
    assert not is_as_shown({"code": "LA..."}, {"code": "MO2026"})
    assert not is_as_shown({"code": "LA..."}, {})
    assert not is_as_shown([1], [1, 2])
    assert not is_as_shown({"next": None}, {"next": "..."})
