"""Every page of the back office, as everybody who may open it, on every screen."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from tests.browser.axe import grave_faults
from tests.browser.screen import no_wider_than_the_screen
from tests.project.test_permissions import (  # the fixtures by their names
    DOORS,
    RANKS,
    Addresses,
    addresses,
    may,
    staff,
    world,
)

__all__ = ["addresses", "world"]

DESK, PHONE, NARROW = 1280, 390, 320  # px
AREAS, REST = ("crm", "sms", "identity"), "the rest"  # a test each, to walk side by side
_NOT_PAGES = {"crm_order_find_customer"}  # JSON
# What differs where nothing on the page does.
_CHANCE = re.compile(r'name="(csrfmiddlewaretoken|form_key)" value="[\w-]+"|select2-data-[\w-]+')


def faults_of(page: Page) -> Iterator[str]:
    """What is wrong with a page at each width and in each of the two themes."""
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 844})
        for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
            for fault in grave_faults(page, *rules):
                yield f"{width} px, {scheme}: {fault}"
        if not no_wider_than_the_screen(page):
            yield f"wider than {width} px"
    page.set_viewport_size({"width": NARROW, "height": 844})
    if not no_wider_than_the_screen(page):
        yield f"wider than {NARROW} px"


def _elsewhere(url: str, home: str) -> list[str]:
    return [] if url.startswith((f"{home}/", "data:")) else [f"asks for {url}"]


def area_of(door: str) -> str:
    """The app whose page it is, as its name begins; the rest have no name of their own."""
    return next((app for app in AREAS if door.startswith(f"{app}_")), REST)


def walk(
    pages: Addresses, rank: str, browser: Browser, server: LiveServer, seen: set[str]
) -> Iterator[str]:
    """What is wrong with the pages of a rank, but for those that look as another one's did."""
    session = staff(rank).cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(base_url=server.url)
    context.add_cookies([{"name": session.key, "value": session.value, "url": server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda sent: errors.extend(_elsewhere(sent.url, server.url)))
    for name, address in pages.items():
        page.set_viewport_size({"width": DESK, "height": 844})
        page.emulate_media(color_scheme="light")
        page.goto(address)
        if (language := page.locator("html").get_attribute("lang")) != "en":
            yield f"{rank}, {name}: in {language}"
        headings = page.locator("h1").all_inner_texts()
        if len(headings) != 1 or not page.title().startswith(headings[0]):
            yield f"{rank}, {name}: {page.title()}, of which the headings say {headings}"
        part = "#main" if name != "home" and page.locator("#main").count() else "body"
        shown = _CHANCE.sub("", page.locator(part).inner_html())
        if shown not in seen:
            seen.add(shown)
            errors += faults_of(page)
        yield from (f"{rank}, {name}: {fault}" for fault in errors)
        errors.clear()
    context.close()


@pytest.mark.parametrize("area", [*AREAS, REST])
def test_every_page_is_for_everybody(
    browser: Browser,
    live_server: LiveServer,
    transactional_db: None,
    addresses: Addresses,
    area: str,
) -> None:
    """No grave fault at a desk and on a phone, in light and in dark; nothing wider than the screen
    down to the narrowest phone; one heading, which the title begins with; the language of who reads
    it; no error in the console; and nothing asked of another host.
    """
    settings.PUBLIC_URL = live_server.url
    seen: set[str] = set()
    found: list[str] = []
    for rank in RANKS:
        if rank == "superuser":  # who sees what an Administrator does
            continue
        pages = {
            name: addresses[name]
            for name, (least, _) in DOORS.items()
            if may(rank, least) and name not in _NOT_PAGES and area_of(name) == area
        }
        if area == REST:
            pages["home"] = "/admin/"  # with the sidebar, which is the same on all others
        found += walk(pages, rank, browser, live_server, seen)
    assert not found, "\n".join(found)
