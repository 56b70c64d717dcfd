"""The palette, by the keyboard alone and by a thumb alone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from crm.models import Customer
from tests import factories
from tests.browser.axe import grave_faults
from tests.browser.screen import no_wider_than_the_screen


@pytest.fixture
def wanjiku(page: Page) -> Customer:
    factories.order(customer=factories.customer(name="John Doe"), item="Radio")
    customer = factories.customer(name="Wanjiku Kamau", phone_number="+254712345678")
    factories.order(customer=customer, item="Green tea")
    return customer


def chosen(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("option", selected=True)


def test_the_keyboard_alone_leads_to_a_customer_and_to_their_order(
    page: Page, wanjiku: Customer
) -> None:
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    expect(chosen(page)).to_contain_text("New order")
    page.keyboard.type("0712 345 678")
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("3 results")
    expect(chosen(page)).to_contain_text("Wanjiku Kamau")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("Green tea")
    expect(box).to_have_attribute("aria-activedescendant", "palette-2-1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/crm/customer/{wanjiku.pk}/change/")
    page.keyboard.press("Control+k")
    page.keyboard.type("green")
    expect(chosen(page)).to_contain_text("Green tea")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/crm/order/{wanjiku.orders.get().pk}/change/")


def test_a_thumb_alone_leads_to_a_customer(page: Page, wanjiku: Customer) -> None:
    page.goto("/admin/crm/order/")
    page.set_viewport_size({"width": 320, "height": 640})
    page.locator("#header-inner").get_by_role("link", name="Search").click()
    page.get_by_role("combobox", name="Search").fill("0712345678")
    line = page.get_by_role("group", name="Customers").get_by_role("option")
    expect(line).to_be_visible()
    assert no_wider_than_the_screen(page)
    for touched in (line, page.get_by_role("button", name="Close")):
        size = touched.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 24
    line.click()
    page.wait_for_url(f"**/admin/crm/customer/{wanjiku.pk}/change/")


def test_a_late_answer_to_what_was_typed_before_is_not_taken_for_one_to_what_is_typed_now(
    page: Page, wanjiku: Customer
) -> None:
    page.goto("/admin/")
    with page.expect_request("**/admin/search/**"):  # for all there is, before a word is typed
        page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("wanjiku")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/crm/customer/{wanjiku.pk}/change/")


def test_enter_before_the_answer_opens_the_first_line_of_the_answer(
    page: Page, wanjiku: Customer
) -> None:
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    expect(chosen(page)).to_contain_text("New order")
    page.keyboard.type("wanjiku")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/crm/customer/{wanjiku.pk}/change/")


def test_it_opens_from_a_field_keeps_the_focus_and_gives_it_back(page: Page) -> None:
    page.goto("/admin/crm/customer/add/")
    name = page.locator("[name=name]")
    name.fill("Jane")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search")
    expect(box).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(name).to_be_focused()
    expect(name).to_have_value("Jane")


def test_where_nothing_is_found_the_customer_is_added_with_what_was_typed(page: Page) -> None:
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    page.keyboard.type("0799 123 456")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text(
        "Nothing is found for “0799 123 456”."
    )
    expect(chosen(page)).to_contain_text("New customer: 0799 123456")
    page.keyboard.press("Enter")
    expect(page.locator("[name=phone_number]")).to_have_value("+254799123456")


@pytest.mark.parametrize("text", ["", "0712 345 678", "nobody at all"])
def test_axe_finds_nothing_grave_in_it_nor_on_its_page(
    page: Page, wanjiku: Customer, text: str
) -> None:
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    expect(chosen(page)).to_contain_text("New order")
    page.get_by_role("combobox", name="Search").fill(text)
    if text:
        expect(chosen(page)).not_to_contain_text("New order")
    assert grave_faults(page) == []
    page.goto(f"/admin/search/?s={text}")
    assert grave_faults(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert no_wider_than_the_screen(page)
