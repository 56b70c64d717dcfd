"""Somebody chooses their language, and reads on in it."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.screen import no_wider_than_the_screen

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_back_office_speaks_the_language_that_its_reader_chooses(page: Page) -> None:
    factories.order(amount="80405.00")
    page.goto("/admin/")
    if page.viewport_size and page.viewport_size["width"] < 1280:
        page.get_by_role("button", name="Menu", exact=True).click()
    page.locator("button[aria-controls=user-menu]").click()
    page.get_by_role("button", name="Kiswahili").click()
    expect(page.locator("html")).to_have_attribute("lang", "sw")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mwanzo")
    expect(page.get_by_role("heading", name="Mauzo")).to_be_visible()
    expect(page.locator(".home")).to_contain_text("KES 80,405.00")
    assert no_wider_than_the_screen(page)
    page.goto("/admin/sms/message/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jumbe")
    page.goto("/account/")
    expect(page.get_by_role("button", name="Kiswahili")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_url("/account/")


def test_a_stranger_chooses_it_before_they_sign_in(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_role("button", name="Kiswahili").click()
    expect(page.get_by_role("link", name="Fungua akaunti")).to_be_visible()
    page.goto("/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", "sw")
