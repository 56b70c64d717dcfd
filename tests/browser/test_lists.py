"""The lists of orders and of customers, at a desk and on a phone."""

from itertools import product
from typing import Any

from playwright.sync_api import Page, expect

from crm import orders
from crm.models import Customer, Order, SavedView
from identity.models import User
from sms import incoming
from tests import factories
from tests.browser.screen import no_wider_than_the_screen

ORDERS, CUSTOMERS = "/admin/crm/order/", "/admin/crm/customer/"
TEXTS = [
    f"/admin/sms/{name}/" for name in ("message", "incomingtext", "consentchange", "broadcast")
]
COMPACT = [ORDERS, CUSTOMERS, *TEXTS]  # on a phone


def placed(count: int, **facts: Any) -> list[Order]:
    return [factories.order(amount="80405.00", **facts) for _ in range(count)]


def statuses() -> list[str]:
    return list(Order.objects.order_by("created_at").values_list("status", flat=True))


def test_three_orders_are_marked_done_by_one_action_and_a_yes(page: Page) -> None:
    factories.switch_on("order_completed")
    placed(4)
    page.goto(ORDERS)
    for number in range(3):
        page.locator("input.action-select").nth(number).check()
    expect(page.get_by_text("3 of 4 selected")).to_be_visible()
    page.get_by_role("button", name="Mark as completed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Complete 3 orders?")
    expect(page.get_by_text("3 texts will go.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Complete 3 orders").dblclick()
    expect(page.get_by_text("3 orders are completed now.").first).to_be_visible()
    expect(page.get_by_text("since you looked")).to_have_count(0)
    assert statuses() == ["PENDING"] + ["COMPLETED"] * 3


def test_all_that_match_are_marked_over_all_pages(page: Page) -> None:
    placed(30, item="Lamp")
    placed(1, item="Radio")
    page.goto(f"{ORDERS}?q=lamp")
    page.locator("#action-toggle").check()
    page.get_by_role("link", name="Select all 30 orders").click()
    page.get_by_role("button", name="Mark as processing").click()
    page.get_by_role("button", name="Mark 30 orders as processing").click()
    expect(page.get_by_text("30 orders are being processed now.")).to_be_visible()
    assert statuses() == ["PROCESSING"] * 30 + ["PENDING"]


def test_a_row_offers_its_next_steps_and_a_tab_its_orders(page: Page) -> None:
    [first, second] = placed(2)
    orders.change_status(first, "COMPLETED")
    page.goto(ORDERS)
    expect(page).to_have_title("Orders | Karani")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Orders")
    tabs = page.get_by_role("navigation", name="Orders by status")
    tabs.get_by_role("link", name="Pending 1").click()
    expect(tabs.locator("[aria-current]")).to_have_text("Pending 1")
    expect(page.locator("tr.data-row")).to_have_count(1)
    page.get_by_role("button", name=f"Cancel {second.order_number}").click()
    page.get_by_role("button", name="Cancel 1 order").click()
    expect(page.get_by_text("No orders match.")).to_be_visible()
    assert statuses() == ["COMPLETED", "CANCELLED"]
    page.get_by_role("link", name="Clear the search and filters").click()
    expect(page.locator("tr.data-row")).to_have_count(2)


def test_the_next_steps_of_a_row_stand_in_one_line(page: Page) -> None:
    placed(1)
    page.goto(ORDERS)
    page.wait_for_load_state("load")
    buttons = page.locator(".next-steps > button").all()
    boxes = [box for button in buttons if (box := button.bounding_box())]
    assert len({box["y"] for box in boxes}) == 1
    assert [box for box in boxes if min(box["width"], box["height"]) < 24] == []
    expect(
        page.get_by_role("button", name=f"Cancel {Order.objects.get().order_number}")
    ).to_be_visible()
    assert len(boxes) == 3


def test_a_view_is_saved_and_found_again_in_two_clicks(page: Page) -> None:
    placed(2, item="Lamp")
    placed(1, item="Radio")
    page.goto(f"{ORDERS}?q=lamp")
    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Save this list as").fill("Lamps")
    page.get_by_label("Share it with everybody").check()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text("The view “Lamps” is saved.")).to_be_visible()
    page.goto(ORDERS)
    expect(page.locator("tr.data-row")).to_have_count(3)
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name="Lamps").click()
    expect(page.locator("tr.data-row")).to_have_count(2)
    expect(page.get_by_text("View: Lamps")).to_be_visible()
    assert SavedView.objects.get().is_shared


def test_columns_are_chosen_and_put_in_order(page: Page) -> None:
    factories.customer(name="Wanjiku", email="w@example.com")
    page.goto(CUSTOMERS)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Email", exact=True).uncheck()
    page.get_by_label("Place of Code").fill("1")
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("tr.data-row")).to_contain_text("CUST001")
    expect(page.locator("tr.data-row")).not_to_contain_text("w@example.com")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("button", name="As it comes").click()
    expect(page.locator("tr.data-row")).to_contain_text("w@example.com")


def test_a_phone_shows_four_records_at_least_and_boxes_for_a_finger(page: Page) -> None:
    for number in range(6):
        placed(1, item="Kitchen stove with four plates")
        factories.broadcast(english=f"Dear {{customer_name}}, {'we are closed today. ' * 3}")
        phone = f"+25472200000{number}"
        incoming.receive_text(phone, f"When does it come? {'I am waiting. ' * 6}")
        incoming.receive_text(phone, "STOP")
    sizes = page.viewport_size
    assert sizes is not None
    if sizes["width"] > 1000:
        return
    for width, path in product((390, 320), COMPACT):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(path)
        assert no_wider_than_the_screen(page), (width, path)
        rows = page.locator("tr.data-row").evaluate_all(
            "rows => rows.filter(row => row.getBoundingClientRect().bottom <= innerHeight).length"
        )
        assert rows >= 4 or width < 390, (width, path)
        small = page.locator("#main a, #main button, #main input, #main summary").evaluate_all(
            """all => all.map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
                .filter(([_, box]) => box.width && (box.width < 24 || box.height < 24))
                .map(([html]) => html)"""
        )
        assert "\n".join(small) == "", (width, path)


def test_an_empty_list_leads_to_its_first_row(page: Page) -> None:
    page.goto(ORDERS)
    page.get_by_role("link", name="New order").click()
    page.wait_for_url("**/admin/crm/order/add/")
    assert (Order.objects.count(), Customer.objects.count(), User.objects.count()) == (0, 0, 1)
