"""Taking an order as a clerk does it, with the keyboard alone, and by a finger too quick."""

from playwright.sync_api import Page, expect

from crm.models import Customer, Order
from sms.models import Message
from tests import factories
from tests.browser.axe import grave_faults
from tests.browser.screen import no_wider_than_the_screen

ADD = "/admin/crm/order/add/"
TAKEN = "**/admin/crm/order/*/change/"


def has_focus(page: Page, name: str) -> bool:
    return bool(page.evaluate("name => document.activeElement?.name === name", name))


def open_form(page: Page, query: str = "") -> None:
    page.goto(ADD + query)
    page.wait_for_load_state("networkidle")


def test_an_order_is_taken_with_the_keyboard_alone(page: Page) -> None:
    customer = factories.customer(name="Wanjiku Kamau", phone_number="+254722000000")
    open_form(page)
    assert grave_faults(page) == []
    page.keyboard.type("0722 000000")
    expect(page.locator(".select2-results__option--highlighted")).to_contain_text("Wanjiku Kamau")
    assert grave_faults(page) == []
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement?.name === 'item'")
    page.keyboard.type("Laptop Computer")
    page.keyboard.press("Tab")
    assert has_focus(page, "amount")
    page.keyboard.type("KES 1,299.99")
    page.keyboard.press("Enter")
    page.wait_for_url(TAKEN)
    order = Order.objects.get()
    assert (order.customer, str(order.amount)) == (customer, "1299.99")
    expect(page.locator("#main")).to_contain_text(
        f"Order {order.order_number} is taken. A text goes to 0722 000000."
    )
    page.click("text=Take another")
    page.wait_for_url(f"**{ADD}")


def test_a_customer_who_is_not_found_is_written_down_on_the_same_form(page: Page) -> None:
    open_form(page)
    page.keyboard.type("0722 000001")
    expect(page.locator(".select2-results__option--highlighted")).to_contain_text("New customer")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement?.name === 'customer_name'")
    assert page.input_value("[name=customer_phone]") == "0722 000001"
    assert no_wider_than_the_screen(page)
    shown = page.locator("#order_form :is(input, select):visible").evaluate_all(
        "fields => fields.map(field => field.name)"
    )
    assert shown == ["customer_name", "customer_phone", "item", "amount"]
    page.keyboard.type("Jane Doe")
    page.fill("[name=item]", "Lamp")
    page.fill("[name=amount]", "500")
    page.keyboard.press("Enter")
    page.wait_for_url(TAKEN)
    customer = Order.objects.get().customer
    assert (customer.name, customer.phone_number) == ("Jane Doe", "+254722000001")


def test_the_phone_of_a_known_customer_is_no_dead_end(page: Page) -> None:
    customer = factories.customer(name="Wanjiku Kamau", phone_number="+254722000000")
    open_form(page)
    page.click("summary:has-text('New customer')")
    page.fill("[name=customer_name]", "Wanjiku")
    page.fill("[name=customer_phone]", "0722000000")
    page.fill("[name=item]", "Lamp")
    page.fill("[name=amount]", "500")
    page.keyboard.press("Enter")
    expect(page.locator("#order_form")).to_contain_text("is the phone of Wanjiku Kamau")
    page.wait_for_load_state("networkidle")
    page.click("[name=_save]")
    page.wait_for_url(TAKEN)
    assert Order.objects.get().customer == customer
    assert Customer.objects.count() == 1


def test_the_first_field_that_is_wrong_has_the_focus(page: Page) -> None:
    open_form(page, f"?customer={factories.customer().pk}")
    assert has_focus(page, "item")
    page.keyboard.type("Lamp")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement?.name === 'amount'")
    assert grave_faults(page) == []
    assert not Order.objects.exists()
    assert no_wider_than_the_screen(page)


def test_an_order_that_is_sent_twice_is_one_order(page: Page) -> None:
    open_form(page, f"?customer={factories.customer().pk}")
    page.fill("[name=item]", "Lamp")
    page.fill("[name=amount]", "500")
    save = page.locator("[name=_save]")
    with page.expect_request(lambda sent: sent.method == "POST"):
        save.dispatch_event("click")
    save.dispatch_event("click")  # the answer is on its way
    page.wait_for_url(TAKEN)
    page.wait_for_load_state("networkidle")
    assert (Order.objects.count(), Message.objects.count()) == (1, 1)
