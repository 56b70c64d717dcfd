"""The first page of the back office, at a desk and on a phone."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from sms import line
from tests import factories
from tests.browser.screen import no_wider_than_the_screen


def test_a_figure_leads_to_the_orders_behind_it(page: Page) -> None:
    for days in (0, 3, 20, 40):
        moment = timezone.now() - timedelta(days=days)
        factories.order(order_time=moment, amount="80405.00")
    page.goto("/admin/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(page).to_have_title("Home | Karani")
    month = page.get_by_role("link", name="30 days").filter(has_text="on average")
    expect(month).to_contain_text("KES 241,215.00")
    expect(month).to_contain_text("3 orders, KES 80,405.00 on average")
    page.get_by_text("Day by day").click()
    expect(page.locator(".home tbody tr")).to_have_count(30)
    assert no_wider_than_the_screen(page)
    month.click()
    expect(page.locator("#result_list tbody tr")).to_have_count(3)


def test_what_wants_attention_leads_to_where_it_is_mended(page: Page) -> None:
    factories.message()
    line.stop(factories.superuser())
    page.goto("/admin/")
    page.get_by_role("link", name="No texts are sent.").click()
    page.get_by_role("button", name="Resume texts").click()
    expect(page.get_by_text("Texts go on: one is tried first.")).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_text("Needs attention")).to_have_count(0)


def test_the_first_steps_are_put_away_for_good(page: Page) -> None:
    page.goto("/admin/")
    steps = page.get_by_role("region", name="First steps")
    expect(steps.get_by_role("link", name="Take the first order")).to_be_visible()
    expect(page.get_by_text("Nothing was sold in the last 30 days.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    steps.get_by_role("button", name="Put away").click()
    expect(steps).to_be_hidden()
    page.reload()
    expect(page.get_by_role("heading", name="Sales")).to_be_visible()
    expect(steps).to_be_hidden()
