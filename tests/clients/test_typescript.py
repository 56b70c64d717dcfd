"""The TypeScript client: made from the document as the README says, compiled, and used."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.clients.newcomer import STEPS, Karani, Readme, run

HERE = Path(__file__).parent / "typescript"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tour's project in a folder of its own, with what its lock names."""
    lock = (HERE / "package-lock.json").read_text()
    modules = HERE / "node_modules"
    installed = modules / "installed-lock.json"
    if not installed.exists() or installed.read_text() != lock:
        run(["npm", "ci", "--ignore-scripts"], HERE)
        installed.write_text(lock)
    for name in ("package.json", "tsconfig.json", "tour.ts"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    return tmp_path


def test_the_client_compiles_and_completes_a_tour(
    karani: Karani, readme: Readme, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_offline", "true")  # npx runs what is installed or nothing
    run(readme.command("Typed clients", "npx openapi-typescript", karani.address), project)
    run(["node_modules/.bin/tsc"], project)
    printed = run(["node", "build/tour.js", *karani], project)
    assert printed.split() == STEPS


def test_the_tour_trusts_the_types() -> None:
    code = re.sub(r"//.*|/\*.*?\*/", "", (HERE / "tour.ts").read_text())
    assert re.findall(r"\bany\b|\bas\b|\bsatisfies\b|\w!|@ts-", code) == []


def test_the_lock_names_hashes_and_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert "://" not in json.dumps(lock)
