"""The wording as a manager writes it, at a desk and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from sms.models import Message, MessageTemplate
from tests import factories
from tests.browser.screen import no_wider_than_the_screen

JAVASCRIPT = "text/javascript"
LONG = "Hello {customer_name}! Your order for {item} is ready, and you can fetch it until noon."


@pytest.fixture
def form(page: Page) -> Page:
    """The page of the English text about a new order, in a shop with two customers."""
    factories.order(customer=factories.customer(name="Otieno"), item="Mouse")
    factories.order(customer=factories.customer(name="Akinyi"), item="Laptop")
    template = MessageTemplate.objects.get(event="order_placed", language="en")
    page.goto(f"/admin/sms/messagetemplate/{template.pk}/change/")
    expect(page.locator(".wording-words button")).to_have_count(5)
    return page


def tell(page: Page, **facts: str) -> None:
    """Wait until the preview tells these."""
    for name, value in facts.items():
        expect(page.locator(f"[data-fact={name}]")).to_have_text(value)


def press(page: Page, words: str) -> None:
    """Press a button as a finger does on a phone: in view, and not under another thing."""
    page.get_by_role("button", name=words, exact=True).click()


def test_a_curly_quote_doubles_the_price_and_one_press_halves_it(form: Page) -> None:
    form.fill("[name=body]", LONG)
    expect(form.locator(".wording-bubble")).to_contain_text("Hello Akinyi! Your order for Laptop")
    tell(form, segments="1", price="KES 0.80", encoding="GSM-7")

    form.locator("[name=body]").focus()
    form.keyboard.press("Control+End")
    form.keyboard.type(" It’s yours.")
    tell(form, segments="2", price="KES 1.60", encoding="UCS-2")
    expect(form.locator(".wording-said")).to_have_text("2 messages, KES 1.60")
    assert no_wider_than_the_screen(form)

    press(form, "Replace what loses nothing: then 1 message, KES 0.80")
    expect(form.locator("[name=body]")).to_have_value(f"{LONG} It's yours.")
    tell(form, segments="1", price="KES 0.80", encoding="GSM-7")
    expect(form.locator(".wording-dear")).to_have_count(0)


def test_a_letter_that_would_be_another_is_replaced_only_where_one_says_so(form: Page) -> None:
    form.fill("[name=body]", "Wanjirũ’s ũ")
    press(form, "Replace what loses nothing")
    expect(form.locator("[name=body]")).to_have_value("Wanjirũ's ũ")
    expect(form.locator(".wording-fix")).to_have_count(0)
    press(form, "Write u all the same")
    expect(form.locator("[name=body]")).to_have_value("Wanjiru's u")
    tell(form, encoding="GSM-7")


@pytest.mark.parametrize("by", ["keyboard", "pointer"])
def test_a_chip_goes_where_the_cursor_is(form: Page, by: str) -> None:
    form.fill("[name=body]", "Dear , thank you.")
    form.locator("[name=body]").evaluate("area => area.setSelectionRange(5, 5)")
    chip = form.get_by_role("button", name="{customer_name}", exact=True)
    if by == "keyboard":
        chip.press("Enter")
    else:
        chip.click()
    expect(form.locator("[name=body]")).to_have_value("Dear {customer_name}, thank you.")
    expect(form.locator("[name=body]")).to_be_focused()
    form.keyboard.type("!")
    expect(form.locator("[name=body]")).to_have_value("Dear {customer_name}!, thank you.")
    expect(form.locator(".wording-bubble")).to_have_text("Dear Akinyi!, thank you.")


def test_another_customer_is_chosen_by_a_press_or_a_search(form: Page) -> None:
    bubble = form.locator(".wording-bubble")
    form.fill("[name=body]", "Dear {customer_name}")
    expect(bubble).to_have_text("Dear Akinyi")
    press(form, "Otieno, Mouse")
    expect(bubble).to_have_text("Dear Otieno")
    form.fill("#wording-search", "akin")
    expect(bubble).to_have_text("Dear Akinyi")
    form.press("#wording-search", "Enter")  # saves nothing
    form.fill("#wording-search", "nobody at all")
    expect(form.locator(".wording-about")).to_have_text("Nobody was found; this is an example.")
    assert not MessageTemplate.objects.filter(body="Dear {customer_name}").exists()


def test_an_unknown_variable_is_refused_and_what_is_saved_is_in_the_next_text(form: Page) -> None:
    refusal = (
        "There is no {name} to fill in here. You can use: {customer_name}, {item}, {currency}, "
        "{amount}, {order_number}."
    )
    form.fill("[name=body]", "Asante {name}!")
    expect(form.locator(".wording-problem")).to_have_text(refusal)
    form.click("[name=_save]")
    expect(form.locator("#messagetemplate_form")).to_contain_text(refusal)
    assert not MessageTemplate.objects.filter(body__contains="Asante {").exists()
    queued = list(Message.objects.values_list("text", flat=True))

    form.fill("[name=body]", "Asante {customer_name}!")
    expect(form.locator(".wording-problem")).to_have_count(0)
    form.click("[name=_save]")
    form.wait_for_url("**/admin/sms/messagetemplate/")
    order = factories.order(customer=factories.customer(name="Neema"))
    assert Message.objects.get(about_id=order.pk).text == "Asante Neema!"
    others = Message.objects.exclude(about_id=order.pk)
    assert list(others.values_list("text", flat=True)) == queued


def test_a_text_is_switched_on_on_the_list(page: Page) -> None:
    page.goto("/admin/sms/messagetemplate/")
    row = page.locator("#result_list tr", has_text="Order completed").filter(has_text="English")
    row.locator("[type=checkbox]").check()
    page.click("[name=_save]")
    expect(page.locator("body")).to_contain_text("1 message template was changed successfully.")
    on = MessageTemplate.objects.filter(is_active=True).values_list("event", "language")
    assert ("order_completed", "en") in set(on)
    assert no_wider_than_the_screen(page)


def test_without_our_script_the_form_saves_and_shows_how_that_reads(page: Page) -> None:
    factories.order(customer=factories.customer(name="Akinyi"))
    page.route("**/sms/wording.js", lambda route: route.fulfill(body="", content_type=JAVASCRIPT))
    template = MessageTemplate.objects.get(event="order_placed", language="en")
    page.goto(f"/admin/sms/messagetemplate/{template.pk}/change/")
    page.fill("[name=body]", "Dear {customer_name}, it’s ready")
    page.click("[name=_continue]")
    expect(page.locator(".wording-bubble")).to_have_text("Dear Akinyi, it’s ready")
    tell(page, price="KES 0.80", encoding="UCS-2")
    expect(page.locator(".wording-words li").first).to_have_text("{customer_name}")
    expect(page.locator(".wording button:visible")).to_have_count(0)
