"""What is seen of a page whose scripts are still on their way, and on the way back to it."""

import re

from playwright.sync_api import Page, Route, expect

from sms.models import MessageTemplate
from tests import factories

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


def hold(page: Page, script: str) -> list[Route]:
    """Keep a script from coming until each of these is continued."""
    held: list[Route] = []
    page.route(f"**/{script}", lambda route: held.append(route))  # it takes no built-in
    return held


def test_what_is_typed_before_a_script_has_come_is_not_missed(page: Page) -> None:
    factories.order(customer=factories.customer(name="Akinyi"))
    wording = MessageTemplate.objects.get(event="order_placed", language="en")
    held = hold(page, "sms/wording.js")
    page.goto(f"/admin/sms/messagetemplate/{wording.pk}/change/", wait_until="commit")
    page.fill("[name=body]", "Dear {customer_name}")
    expect(page.locator(".wording-bubble")).not_to_have_text("Dear Akinyi")
    for script in held:
        script.continue_()
    expect(page.locator(".wording-bubble")).to_have_text("Dear Akinyi")


def test_the_focus_is_not_taken_from_who_has_begun_to_type(page: Page) -> None:
    held = hold(page, "crm/take_order.js")
    page.goto("/admin/crm/order/add/", wait_until="commit")
    page.fill("[name=amount]", "500")
    for script in held:
        script.continue_()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.activeElement?.name") == "amount"


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


def test_who_comes_back_to_a_form_that_was_sent_finds_another_one(page: Page) -> None:
    page.goto("/admin/crm/order/add/")
    key = page.input_value("[name=form_key]")
    # Chromium keeps no page for the way back while it is driven; this is what it would tell.
    with page.expect_navigation():
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert page.input_value("[name=form_key]") not in ("", key)
