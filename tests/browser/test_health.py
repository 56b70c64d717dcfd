"""What is above each page, and the health page, at a desk and on a phone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from project import banners
from project.models import Worker
from tests.browser.screen import no_wider_than_the_screen


def seen(ago: timedelta) -> None:
    """The worker was last seen so long ago."""
    now = timezone.now()
    facts = {"version": "1", "started_at": now - timedelta(days=1), "seen_at": now - ago}
    Worker.objects.update_or_create(name="shop, process 7", defaults=facts)


def test_a_worker_that_is_gone_is_told_of_until_it_is_back(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banners, "_STARTED_AT", timezone.now() - timedelta(hours=1))
    seen(timedelta(minutes=3, seconds=5))
    page.goto("/admin/crm/order/")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("No texts are sent: the worker was last seen 3 minutes ago.")
    alert.get_by_role("link", name="What to do").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Health")
    workers = page.locator("#workers")
    expect(workers).to_be_in_viewport()
    expect(workers).to_contain_text("Broken")
    expect(workers).to_contain_text("Start one: “python manage.py qcluster”")
    seen(timedelta())
    page.get_by_role("link", name="Look again").click()
    expect(workers).to_contain_text("1 is at work.")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_no_page_is_wider_than_the_screen_for_what_is_above_it(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banners, "_STARTED_AT", timezone.now() - timedelta(hours=1))
    seen(timedelta(hours=2, minutes=1))
    if page.viewport_size == {"width": 390, "height": 800}:
        page.set_viewport_size({"width": 320, "height": 800})
    for path in ("/admin/", "/admin/crm/order/", "/admin/health/"):
        page.goto(path)
        assert no_wider_than_the_screen(page), path
        for link in page.locator(".banner a, .health a").all():
            box = link.bounding_box()
            assert box is not None
            assert box["height"] >= 24, (path, link.inner_text())


def test_the_simulator_leads_to_its_phones_and_to_how_real_texts_are_sent(page: Page) -> None:
    page.goto("/admin/")
    banner = page.locator(".banner")
    expect(banner).to_contain_text("Simulator: no customer gets a text.")
    banner.get_by_role("link", name="Simulated phones").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Simulated phones")
    page.go_back()
    banner.get_by_role("link", name="Send real texts").click()
    gateway = page.locator("#gateway")
    expect(gateway).to_be_in_viewport()
    expect(gateway).to_contain_text("set SMS_GATEWAY=africastalking")
    expect(page).to_have_title("Health | Karani")
