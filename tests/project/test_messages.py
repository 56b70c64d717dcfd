"""Is every word of ours said in Swahili? That the catalog has all of them, `make check` says."""

import gettext
import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from project.management.commands.messages import CATALOG

_LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[[01]\])? (".*")')
_PLACEHOLDER = re.compile(r"%\([a-z_]+\)[a-z]|\{[a-z_]*\}|%[sd]")
_TAG = re.compile(r"<[^>]+>")


def entries() -> Iterator[dict[str, Any]]:
    """Each entry of the catalog but its head: its context, words, translations and flags."""
    for block in CATALOG.read_text().split("\n\n")[1:]:
        entry: dict[str, Any] = {"msgstr": [], "flags": "", "msgctxt": ""}
        field = ""
        for line in block.strip().split("\n"):
            if line.startswith("#"):
                entry["flags"] += line
            elif found := _LINE.fullmatch(line):
                field, words = found[1], literal_eval(found[2])
                if field == "msgstr":
                    entry[field].append(words)
                else:
                    entry[field] = words
            elif field == "msgstr":
                entry[field][-1] += literal_eval(line)
            else:
                entry[field] += literal_eval(line)
        yield entry


ENTRIES = list(entries())


def test_every_word_has_its_translation() -> None:
    assert len(ENTRIES) > 600
    assert [entry["msgid"] for entry in ENTRIES if not all(entry["msgstr"])] == []
    wanted = [2 if "msgid_plural" in entry else 1 for entry in ENTRIES]
    assert [len(entry["msgstr"]) for entry in ENTRIES] == wanted


def test_no_translation_is_a_guess() -> None:
    assert [entry["msgid"] for entry in ENTRIES if "fuzzy" in entry["flags"]] == []


@pytest.mark.parametrize("part", [_PLACEHOLDER, _TAG], ids=["placeholders", "tags"])
def test_a_translation_keeps_what_is_filled_in(part: re.Pattern[str]) -> None:
    """A singular may leave out its number, and so may its translation."""
    wrong = []
    for entry in ENTRIES:
        wanted = sorted(part.findall(entry.get("msgid_plural", entry["msgid"])))
        wrong += [
            (entry["msgid"], told)
            for told in entry["msgstr"]
            if sorted(part.findall(told)) != wanted
        ]
    assert wrong == []


def test_what_the_app_reads_is_what_the_catalog_says() -> None:
    with CATALOG.with_suffix(".mo").open("rb") as file:
        compiled: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # it shows its entries nowhere else
    written: dict[Any, str] = {}
    for entry in ENTRIES:
        context = f"{entry['msgctxt']}\x04" if entry["msgctxt"] else ""
        words = context + entry["msgid"]
        if "msgid_plural" in entry:
            written |= {(words, form): told for form, told in enumerate(entry["msgstr"])}
        else:
            written[words] = entry["msgstr"][0]
    del compiled[""]
    assert compiled == written


def test_a_word_is_read_from_it() -> None:
    with translation.override("sw"):
        assert translation.gettext("Customers") == "Wateja"
        assert translation.ngettext("{count} order", "{count} orders", 2) == "oda {count}"
        assert translation.gettext("Apply Filters") == "Tumia vichujio"  # Unfold's


def test_without_gettext_the_check_says_what_it_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    before = CATALOG.read_bytes()
    call_command("messages", check=True)
    assert capsys.readouterr().out == (
        "Left out, whether the catalog has all words of the code: "
        "gettext is not installed (on Debian and Ubuntu: apt install gettext).\n"
    )
    for options in ({"check": True, "required": True}, {}):
        with pytest.raises(CommandError, match="apt install gettext"):
            call_command("messages", **options)
    assert CATALOG.read_bytes() == before
