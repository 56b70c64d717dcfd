"""What pages do without, so that they open on a slow line: see ``light_pages.py``."""

import re
from importlib.resources import files

import pytest
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.test import Client

from identity.models import Consent
from project.environment import BASE_DIR
from project.templatetags.light_pages import light
from tests import factories

ADDRESSES = [
    "/admin/",
    "/admin/crm/order/",
    "/admin/crm/order/add/",
    "/admin/crm/order/import/",
    "/admin/identity/role/add/",
]
HEAVY = [
    "unfold/fonts/",
    "unfold/js/chart/",
    "unfold/js/alpine/alpine.sort",
    "unfold/js/htmx/",
]


@pytest.fixture
def boss(db: None, client: Client) -> Client:
    client.force_login(factories.superuser())
    return client


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_waits_for_one_script_of_a_few_bytes(boss: Client, address: str) -> None:
    scripts = re.findall(r"<script\b[^>]*>", boss.get(address).content.decode())
    waited_for = [each for each in scripts if not re.search(r"\s(async|defer)\b", each)]
    assert len(scripts) > 5
    assert [re.findall(r"[\w.]+\.js", each) for each in waited_for] == [["before_paint.js"]]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_a_page_is_painted_for_runs_before_what_reads_it(boss: Client, address: str) -> None:
    page = boss.get(address).content.decode()
    names = ["before_paint.js", "unfold/js/app.js", "alpine/alpine.persist.js", "alpine/alpine.js"]
    places = [page.index(name) for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_asks_for_nothing_heavy_that_it_does_not_use(boss: Client, address: str) -> None:
    page = boss.get(address).content.decode()
    assert [each for each in HEAVY if each in page] == []
    assert [each for each in ("x-sort", "hx-get", "hx-post") if each in page] == []


def test_the_pages_of_an_inline_are_turned_by_the_script_for_them(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _ = factories.app()
    for _ in range(2):
        Consent.objects.create(user=factories.user(), application=app, scope="orders:read")
    address = f"/admin/identity/application/{app.pk}/change/"
    assert "unfold/js/htmx/htmx.js" not in boss.get(address).content.decode()
    monkeypatch.setattr("identity.provider.admin.ConsentInline.per_page", 1)
    assert "unfold/js/htmx/htmx.js" in boss.get(address).content.decode()


def script(name: str, how: str = "") -> str:
    return f'<script src="/static/{name}.js"{how}></script>'


def test_scripts_come_beside_the_page_and_run_in_the_order_in_which_they_did() -> None:
    head = script("alpine", " defer") + script("a") + script("map", " async") + "</head>"
    body = f"<body>{script('b')}<script id='x' type='application/json'>[]</script></body>"
    expected = script("map", " async") + "".join(
        f'<script defer src="/static/{name}.js"></script>' for name in "ab"
    )
    expected += script("alpine", " defer") + "</head>"
    expected += "<body><script id='x' type='application/json'>[]</script></body>"
    assert light(head + body) == expected


def test_our_own_file_stands_in_place_of_the_heavy_one() -> None:
    path = "admin/js/vendor/xregexp/xregexp.min.js"
    assert finders.find(path) == str(BASE_DIR / "project" / "static" / path)
    # Else there is nothing to replace.
    assert (files("django.contrib.admin") / "static" / path).is_file()


def test_no_screen_asks_for_what_is_left_out() -> None:
    screens = admin.site._registry.values()
    assert [str(screen) for screen in screens if screen.prepopulated_fields] == []
    parts = [*screens, *(inline for screen in screens for inline in screen.inlines)]
    assert [str(part) for part in parts if getattr(part, "ordering_field", None)] == []
