"""A Clerk's day: each step takes two clicks at the most, beside what is typed or ticked."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import Customer, Order
from identity.models import User
from tests import factories
from tests.browser.screen import no_wider_than_the_screen
from tests.browser.test_main_job import work

MOST = 2  # clicks of a step


class Hand:
    """Clicks, and counts."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def clicks_of_step(self) -> int:
        """How many since this was asked last."""
        clicks, self.clicks = self.clicks, 0
        return clicks


@pytest.fixture
def clerk(transactional_db: None) -> User:
    factories.roles()
    factories.templates()
    factories.switch_on("order_completed")
    return factories.user("Clerk", username="achieng")


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, clerk: User
) -> Iterator[Page]:
    """A page in which the Clerk is signed in."""
    width, scheme = request.param
    settings.PUBLIC_URL = live_server.url
    client = Client()
    client.force_login(clerk)
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
    )
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    yield context.new_page()
    context.close()


def find(page: Page, hand: Hand, words: str) -> Locator:
    """Open the palette and type; its lines."""
    page.wait_for_load_state()  # before its script has come, the link leads to a page for it
    hand.click(page.locator("#header-inner").get_by_role("link", name="Search"))
    page.get_by_role("combobox", name="Search").fill(words)
    return page.get_by_role("dialog").get_by_role("option")


def test_a_clerks_day(page: Page, clerk: User) -> None:
    customer = factories.customer(name="Wanjiku Kamau", phone_number="+254712345678")
    others = [factories.order(text_customer=False) for _ in range(3)]
    hand = Hand()
    page.goto("/admin/")

    # Find a customer by phone.
    hand.click(find(page, hand, "0712 345 678").filter(has_text="Wanjiku Kamau"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wanjiku Kamau")
    assert hand.clicks_of_step() <= MOST

    # Take an order.
    hand.click(page.get_by_role("link", name="New order").first)
    page.get_by_label("Item").fill("Maize flour, 10 kg")
    page.get_by_label("Amount").fill("1,250")
    hand.click(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("Maize flour, 10 kg").first).to_be_visible()
    assert hand.clicks_of_step() <= MOST
    order = Order.objects.get(customer=customer)
    assert str(order.amount) == "1250.00"
    work()

    # Go to the orders.
    hand.click(find(page, hand, "orders").get_by_text("Orders", exact=True))
    page.wait_for_url("**/admin/crm/order/")
    assert hand.clicks_of_step() <= MOST

    # Mark three done: they are ticked, which is choosing them.
    rows = page.locator("tr.data-row").filter(has_text="Laptop Computer")
    expect(rows).to_have_count(3)
    for row in rows.all():
        row.locator("input.action-select").check()
    hand.click(page.get_by_role("button", name="Mark as completed"))
    hand.click(page.get_by_role("button", name="Complete 3 orders"))
    expect(page.get_by_text("3 orders are completed now.")).to_be_visible()
    assert hand.clicks_of_step() <= MOST
    done = Order.objects.filter(pk__in=[each.pk for each in others], status="COMPLETED")
    assert done.count() == 3

    # "Did my text arrive?"
    hand.click(find(page, hand, "0712345678").filter(has_text="CUST001").first)
    texts = page.get_by_role("region", name="Texts")
    expect(texts).to_contain_text("Delivered")
    assert no_wider_than_the_screen(page)
    assert hand.clicks_of_step() <= MOST

    # Import yesterday's sheet; to choose the file is the typing here.
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("import customers")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/crm/customer/import/")
    sheet = b"Code,Name,Phone\nNEW1,Baraka Omar,0722000123\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "yesterday.csv", "mimeType": "text/csv", "buffer": sheet}
    )
    hand.click(page.get_by_role("button", name="Check the sheet"))
    hand.click(page.get_by_role("button", name="Import 1 row"))
    expect(page.get_by_text("1 created")).to_be_visible()
    assert hand.clicks_of_step() <= MOST
    assert Customer.objects.get(code="NEW1").phone_number == "+254722000123"
