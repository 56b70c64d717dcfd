"""Has the font of the icons each that is named? Else its name is read where it should stand."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from project.management.commands import icons
from tests import factories

_SHOWN = re.compile(r"""class="[^"]*material-symbols-outlined[^>]*>([^<]*)<""")
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_GIVEN = re.compile(r"""\bicon["']?\s*[=:]\s*["']([a-z0-9_]+)["']""")
_STYLED = re.compile(r"""\bcontent:\s*["']([a-z][a-z0-9_]+)["']""")
AGAIN = "Run: manage.py icons"


def in_the_font() -> set[str]:
    lines = icons.LIST.read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_the_list_of_icons_tells_of_this_font() -> None:
    assert f"# {icons.digest()}" in icons.LIST.read_text().splitlines(), AGAIN


def test_each_icon_that_a_file_names_is_in_the_font() -> None:
    named = set()
    for source in icons.sources():
        text = source.read_text()
        named |= set(_GIVEN.findall(text))
        if source.suffix == ".css":
            named |= set(_STYLED.findall(text))
        if source.suffix == ".html":
            for shown in _SHOWN.findall(text):
                named |= set(re.findall(r"[a-z0-9_]+", _TAG.sub(" ", shown)))
    assert {"add", "close", "search", "unfold_more"} <= named
    assert {"calendar_today", "navigate_before", "navigate_next"} <= named  # of the calendar
    assert named - in_the_font() == set(), AGAIN
    assert settings.UNFOLD["SITE_SYMBOL"] in in_the_font(), AGAIN


@pytest.mark.django_db
def test_each_icon_that_a_page_shows_is_in_the_font(client: Client) -> None:
    client.force_login(factories.superuser())
    addresses = [reverse("admin:index"), reverse("admin:search"), reverse("admin:health")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
    shown = set()
    for address in addresses:
        page = client.get(address).content.decode()
        shown |= {icon.strip() for icon in _SHOWN.findall(page)}
    assert {"receipt_long", "monitor_heart", "storefront"} <= shown
    assert shown - {""} - in_the_font() == set(), AGAIN


def test_nothing_is_drawn_without_fonttools(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(icons, "import_module", missing)
    before = icons.FONT.stat().st_mtime_ns, icons.LIST.stat().st_mtime_ns
    with pytest.raises(CommandError, match="make developers-lock"):
        call_command("icons")
    assert (icons.FONT.stat().st_mtime_ns, icons.LIST.stat().st_mtime_ns) == before
