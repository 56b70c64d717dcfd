"""What is seen of a page whose scripts are still on their way, and on the way back to it."""

import re

from playwright.sync_api import Page, expect

ALPINE = re.compile(r"/alpine/alpine\.([0-9a-f]+\.)?js$")
EVENTS = """
window.events = [];
const { addEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (type, ...rest) {
  this === window && window.events.push(type);
  return addEventListener.call(this, type, ...rest);
};
"""
CHOSEN = {"adminTheme": '"dark"', "sidebarDesktopOpen": "0", "first-steps": "put away"}


def choose(page: Page) -> None:
    page.goto("/admin/")
    page.evaluate("chosen => Object.entries(chosen).map(e => localStorage.setItem(...e))", CHOSEN)


def test_a_page_is_shown_before_its_scripts_as_its_reader_has_chosen(page: Page) -> None:
    choose(page)
    page.route(ALPINE, lambda route: None)  # it never comes
    page.goto("/admin/crm/order/", wait_until="commit")
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_visible()
    expect(page.locator("html")).to_contain_class("dark")
    expect(page.locator("#changelist-filter")).to_be_hidden()
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    page.goto("/admin/", wait_until="commit")
    expect(page.get_by_role("heading", name="Sales")).to_be_visible()
    expect(page.locator("#first-steps")).to_be_hidden()


def test_the_colours_are_alpines_to_change_once_it_has_come(page: Page) -> None:
    choose(page)
    page.goto("/admin/crm/order/")
    expect(page.locator("html")).to_contain_class("dark")
    expect(page.locator("html")).not_to_contain_class("sidebar-closed")
    page.keyboard.press("Control+e")
    expect(page.locator("html")).to_contain_class("light")
    expect(page.locator("html")).not_to_contain_class("dark")


def test_no_page_waits_for_the_event_for_which_browsers_do_not_keep_it(page: Page) -> None:
    page.add_init_script(EVENTS)
    page.goto("/admin/crm/order/add/")
    events = page.evaluate("window.events")
    assert "pagehide" in events
    assert "unload" not in events
