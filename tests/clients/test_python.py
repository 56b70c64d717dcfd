"""The Python client: made from the document as the README says, type-checked, and used."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from project.environment import BASE_DIR
from tests.clients.newcomer import STEPS, Karani, Readme, run

HERE = Path(__file__).parent / "python"
TYPE_CACHE = BASE_DIR / ".mypy_cache" / "clients"


def test_the_client_compiles_and_completes_a_tour(
    karani: Karani, readme: Readme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mypy.ini", "tour.py"):
        shutil.copy(HERE / name, tmp_path)
    generate = readme.command("Typed clients", "openapi-python-client", karani.address)
    package = tmp_path / "karani-client"
    assert run(generate, tmp_path).split() == ["Generating", str(package)]  # and warns of nothing
    monkeypatch.setenv("MYPYPATH", str(package))
    monkeypatch.setenv("PYTHONPATH", str(package))
    run(["mypy", f"--cache-dir={TYPE_CACHE}", "tour.py", str(package / "karani_client")], tmp_path)
    tour = [sys.executable, "tour.py", karani.address, karani.password]
    printed = run(tour, tmp_path)
    assert printed.split() == STEPS


def test_the_tour_trusts_the_types() -> None:
    code = (HERE / "tour.py").read_text()
    assert re.findall(r"\bAny\b|\bcast\b|type: ignore|\.json\(", code) == []
