"""The pages on which people serve themselves, at a desk and on a phone."""

import json
import shlex
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from playwright.sync_api import Page, expect

from crm.models import Order
from identity.models import PersonalAccessToken, User
from tests import factories
from tests.browser.screen import no_wider_than_the_screen
from tests.browser.test_main_job import work


def run_curl(line: str) -> tuple[int, dict[str, Any]]:
    """What the line answers, which has one header and an address."""
    command, flag, header, address = shlex.split(line)
    assert (command, flag) == ("curl", "-H")
    name, value = header.split(": ")
    try:
        with urlopen(Request(address, headers={name: value})) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def test_a_person_makes_a_token_tries_its_line_and_revokes_it(page: Page) -> None:
    boss = User.objects.get()
    page.goto("/")
    page.click("main >> text=Account")
    page.click("text=Make a token")
    page.fill("[name=name]", "Till")
    page.check("text=See your orders")
    assert no_wider_than_the_screen(page)
    page.click("text=Make the token")
    expect(page.locator("h1")).to_have_text("Till")
    line = page.locator("#curl").inner_text()
    assert no_wider_than_the_screen(page)
    status, me = run_curl(line)
    assert (status, me["username"], me["scopes"]) == (200, boss.username, ["orders:read"])

    page.reload()
    expect(page.locator("main")).to_contain_text("This token was shown once")
    assert PersonalAccessToken.objects.count() == 1
    page.click("text=Back to your account")
    assert no_wider_than_the_screen(page)
    page.click("summary:has-text('Revoke')")
    page.click("text=Yes, revoke the token")
    expect(page.locator(".messages")).to_have_text("Till was revoked. It gives no access any more.")
    status, problem = run_curl(line)
    assert (status, problem["detail"]) == (401, "The personal access token was revoked.")


def test_a_customer_places_an_order_reads_its_text_and_cancels_it(page: Page) -> None:
    factories.customer(name="Juma", phone_number="+254722000000", user=User.objects.get())
    page.goto("/my-orders/")
    page.fill("[name=item]", "Laptop Computer")
    page.fill("[name=amount]", "1299.99")
    page.click("text=Place the order")
    order = Order.objects.get()
    expect(page.locator(".messages")).to_have_text(f"Your order {order.order_number} is placed.")

    work()
    page.reload()
    expect(page.locator(".text")).to_contain_text(
        "Hello Juma! Your order for Laptop Computer worth KES 1,299.99 has been received. "
        "Thank you!"
    )
    expect(page.locator(".text .help")).to_contain_text("Delivered")
    assert no_wider_than_the_screen(page)

    page.click("text=Cancel this order")
    page.click("text=Yes, cancel the order")
    expect(page.locator(".pill")).to_have_text("Cancelled")
    assert no_wider_than_the_screen(page)


def test_each_page_fits_the_narrowest_screen(page: Page) -> None:
    factories.customer(user=User.objects.get())
    factories.order(customer=User.objects.get().customer, item="W" * 200)
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", "/account/", "/account/tokens/new/", "/my-orders/"):
        page.goto(path)
        assert no_wider_than_the_screen(page), path
        assert page.evaluate(TOO_LOW) == [], path


# WCAG 2.2, 2.5.8, of what does not stand in a sentence.
TOO_LOW = """
() => [...document.querySelectorAll('button, .button, .small > a, nav a, summary, input, select')]
    .filter(each => each.type !== 'hidden' && each.checkVisibility())
    .filter(each => {
        const {width, height} = each.getBoundingClientRect()
        return width < 24 || height < 24
    })
    .map(each => each.outerHTML)
"""
