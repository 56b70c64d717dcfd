"""Which version of Karani is this?"""

import tomllib
from functools import cache

from project.environment import BASE_DIR


@cache
def version() -> str:
    """As ``pyproject.toml`` says."""
    facts = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
    return str(facts["project"]["version"])
