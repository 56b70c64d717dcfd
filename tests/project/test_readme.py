"""What is written about the settings, held to what they are."""

import re
from pathlib import Path

import pytest

from project.environment import BASE_DIR, Environment

README = (BASE_DIR / "README.md").read_text()
EXAMPLE = (BASE_DIR / ".env.example").read_text()
COMPOSE = (BASE_DIR / "docker-compose.yml").read_text()

VARIABLES = {name.upper() for name in Environment.model_fields}
# Rows of the settings table: | `NAME` | default | meaning |
ROWS = re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \|", README, re.MULTILINE)
DEFAULTS = dict(ROWS)
SIMPLE = {
    name.upper(): "off" if field.default is False else field.default
    for name, field in Environment.model_fields.items()
    if isinstance(field.default, str | int) and field.default != ""
}


def test_the_readme_lists_each_variable_once() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(VARIABLES)


@pytest.mark.parametrize("name", SIMPLE)
def test_the_readme_shows_the_default(name: str) -> None:
    assert DEFAULTS[name] == f"`{SIMPLE[name]}`"


def test_what_the_readme_calls_empty_is_empty() -> None:
    empty = [name for name, default in ROWS if default.startswith("empty")]
    assert empty
    for name in empty:
        assert not Environment.model_fields[name.lower()].default, name


def test_the_data_folder_is_where_the_readme_says() -> None:
    assert DEFAULTS["DATA_DIR"] == "`data` beside `manage.py`"
    assert Environment.model_fields["data_dir"].default == BASE_DIR / "data"
    assert (BASE_DIR / "manage.py").exists()


def test_the_example_lists_each_variable_once_and_what_compose_alone_reads() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)
    assert sorted(listed) == sorted(VARIABLES | {"POSTGRES_PASSWORD"})
    assert "${POSTGRES_PASSWORD" in COMPOSE


def test_the_example_with_nothing_but_the_signs_taken_away_is_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^#([A-Z][A-Z0-9_]*=)", r"\1", EXAMPLE, flags=re.MULTILINE))
    found, defaults = (Environment(_env_file=each).model_dump() for each in (file, None))
    assert BASE_DIR / found.pop("data_dir") == defaults.pop("data_dir")
    assert found == defaults
