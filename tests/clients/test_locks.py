"""What the locks of the clients say: hashes, and no registry."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("folder", ["openid", "typescript"])
def test_the_lock_names_hashes_and_no_registry(folder: str) -> None:
    lock = json.loads((HERE / folder / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    assert all(facts["integrity"].startswith("sha512-") for facts in packages.values())
    assert "://" not in json.dumps(lock)
