"""The TypeScript client: made from the document as the README says, compiled, and used."""

import re
import shutil
from pathlib import Path

import pytest

from tests.clients.newcomer import STEPS, Karani, Readme, install, run

HERE = Path(__file__).parent / "typescript"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tour's project in a folder of its own, with what its lock names."""
    for name in ("package.json", "tsconfig.json", "tour.ts"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(install(HERE))
    return tmp_path


def test_the_client_compiles_and_completes_a_tour(
    karani: Karani, readme: Readme, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_offline", "true")  # npx runs what is installed or nothing
    run(readme.command("Typed clients", "npx openapi-typescript", karani.address), project)
    run(["node_modules/.bin/tsc"], project)
    printed = run(["node", "build/tour.js", karani.address, karani.password], project)
    assert printed.split() == STEPS


def test_the_tour_trusts_the_types() -> None:
    code = re.sub(r"//.*|/\*.*?\*/", "", (HERE / "tour.ts").read_text())
    assert re.findall(r"\bany\b|\bas\b|\bsatisfies\b|\w!|@ts-", code) == []
