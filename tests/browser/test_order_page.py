"""The page of an order: its buttons, a save that comes too late, and its receipt on paper."""

import pytest
from playwright.sync_api import Page, expect

from crm import orders
from crm.models import Order
from sms.models import MessageTemplate
from tests import factories
from tests.browser.axe import grave_faults
from tests.browser.screen import no_wider_than_the_screen

LONG = "Refrigerator-with-a-very-long-name-without-a-single-space " * 3


@pytest.fixture
def order(page: Page) -> Order:
    customer = factories.customer(name="Wanjiku Kamau", phone_number="+254722000000")
    return factories.order(customer=customer, item=LONG.strip(), amount="80405.00")


def open_page(page: Page, order: Order) -> None:
    page.goto(f"/admin/crm/order/{order.pk}/change/")
    page.wait_for_load_state("networkidle")


def test_an_order_is_completed_by_one_button(page: Page, order: Order) -> None:
    open_page(page, order)
    expect(page.locator("#order-total")).to_have_text("KES 80,405.00")
    assert no_wider_than_the_screen(page)
    assert grave_faults(page) == []
    page.dblclick("button:has-text('Mark as completed')")
    expect(page.locator("#main")).to_contain_text(f"Order {order.order_number} is completed now.")
    expect(page.locator("#main")).not_to_contain_text("already")
    order.refresh_from_db()
    assert order.status == "COMPLETED"


def test_to_cancel_asks_first(page: Page, order: Order) -> None:
    MessageTemplate.objects.filter(event="order_cancelled").update(is_active=True)
    open_page(page, order)
    page.click("summary:has-text('Cancel this order')")
    expect(page.locator(".ask-first")).to_contain_text("a text goes to 0722 000000")
    assert no_wider_than_the_screen(page)
    assert Order.objects.get().status == "PENDING"
    page.click("button:has-text('Yes, cancel it')")
    expect(page.locator("#main")).to_contain_text("is cancelled now. A text goes to 0722 000000.")
    expect(page.locator(".order-rows li")).to_have_count(2)


def show_all_of(page: Page) -> None:
    """On a screen so high that the bar of buttons at its end covers nothing that can be touched."""
    size = page.viewport_size or {"width": 0}
    page.set_viewport_size({"width": size["width"], "height": 4000})


def test_a_save_that_comes_too_late_says_who_was_quicker(page: Page, order: Order) -> None:
    open_page(page, order)
    orders.revise_order(order, {"amount": "9.00"})
    page.fill("[name=amount]", "7")
    page.click("[name=_save]")
    expect(page.locator("#order_form")).to_contain_text(
        "changed this from “80,405.00” to “9.00” (just now)"
    )
    assert page.input_value("[name=amount]") == "7"
    page.wait_for_function("document.activeElement?.name === 'amount'")
    show_all_of(page)
    assert grave_faults(page) == []
    assert no_wider_than_the_screen(page)
    page.click("[name=_save]")
    page.wait_for_url("**/admin/crm/order/")
    order.refresh_from_db()
    assert str(order.amount) == "7.00"


@pytest.mark.parametrize("width", [794, 302], ids=["A4", "till"])  # 210 and 80 mm
def test_a_receipt_is_black_on_white_and_no_wider_than_its_paper(
    page: Page, order: Order, width: int
) -> None:
    orders.change_status(order, "COMPLETED")
    open_page(page, order)
    page.click(".order-doings a:has-text('Receipt')")
    expect(page.locator("h1")).to_have_text("Receipt")
    expect(page.locator("#print")).to_be_visible()
    assert grave_faults(page) == []
    assert no_wider_than_the_screen(page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": width, "height": 1000})
    expect(page.locator("nav")).to_be_hidden()
    assert no_wider_than_the_screen(page)
    colours = page.evaluate(
        "[getComputedStyle(document.body), getComputedStyle(document.querySelector('main'))]"
        ".map(style => [style.backgroundColor, style.color])"
    )
    assert colours == [["rgb(255, 255, 255)", "rgb(0, 0, 0)"]] * 2
