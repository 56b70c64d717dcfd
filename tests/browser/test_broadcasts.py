"""A text to many, from the list of customers to the last of them, at a desk and on a phone."""

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from sms import tasks
from sms.models import Broadcast, Message
from tests import factories
from tests.browser.screen import no_wider_than_the_screen


@pytest.fixture(autouse=True)
def by_day(settings: Settings) -> None:
    """At whichever hour the test runs, nobody sleeps."""
    settings.SMS_QUIET_HOURS = None


@pytest.fixture
def customers() -> None:
    factories.customer(name="Akinyi", phone_number="+254722000001")
    factories.customer(name="Baraka", phone_number="+254722000002", language="sw")
    factories.customer(name="Chebet", phone_number="+254722000003", sms_opted_out=True)
    factories.customer(name="Daudi", phone_number="+254202222222")


def test_customers_are_chosen_and_texted_after_who_and_what_it_costs_were_seen(
    page: Page, customers: None
) -> None:
    page.goto("/admin/crm/customer/")
    for box in page.locator("[name=_selected_action]").all():
        box.check()
    page.get_by_role("button", name="Text them").click()

    expect(page.get_by_text("4 people")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.fill("[name=english]", "Dear , we open at noon on Saturday.")
    page.locator("[name=english]").evaluate("area => area.setSelectionRange(5, 5)")
    page.get_by_role("button", name="{customer_name}").click()
    expect(page.locator("#examples")).to_contain_text("we open at noon on Saturday.")
    page.get_by_role("button", name="See who gets it, and the price").click()

    expect(page.locator("#price")).to_contain_text("2 texts, 2 messages, about KES 1.60")
    left_out = page.locator("#left-out tbody tr")
    expect(left_out).to_have_count(2)
    expect(left_out.filter(has_text="Chebet")).to_contain_text("Opted out of texts")
    expect(left_out.filter(has_text="Daudi")).to_contain_text("Not a mobile number")
    assert no_wider_than_the_screen(page)
    assert not Message.objects.exists()

    page.get_by_role("button", name="Send 2 texts").click()
    expect(page.get_by_text("The broadcast is on its way.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state")).to_have_text("Paused")
    page.get_by_role("button", name="Go on").click()
    broadcast = Broadcast.objects.get()
    tasks.feed_broadcast(str(broadcast.pk))
    tasks.drain()
    Broadcast.objects.update(next_feed_at=timezone.now())  # it would look again in a second
    tasks.feed_broadcast(str(broadcast.pk))
    page.reload()
    expect(page.locator("#state")).to_have_text("Done")
    texts = {message.phone_number: message.text for message in Message.objects.all()}
    assert texts.keys() == {"+254722000001", "+254722000002"}
    assert texts["+254722000001"].startswith("Dear Akinyi, we open at noon on Saturday.\n")


def test_one_that_nobody_wants_any_more_is_discarded(page: Page, customers: None) -> None:
    broadcast = factories.broadcast()
    page.goto(f"/admin/sms/broadcast/{broadcast.pk}/review/")
    page.get_by_text("Discard …").click()
    page.get_by_role("button", name="Discard it").click()
    page.wait_for_url("**/admin/sms/broadcast/")
    assert not Broadcast.objects.exists()


def test_a_preview_that_does_not_come_leaves_what_was_there_and_says_so(
    page: Page, customers: None
) -> None:
    broadcast = factories.broadcast(english="Open on Saturday.")
    another = page.context.new_page()  # in whose console an answer that fails is no fault
    another.goto(f"/admin/sms/broadcast/{broadcast.pk}/words/")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)  # the session has ended
    another.fill("[name=english]", "Open on Sunday.")
    expect(another.get_by_role("alert")).to_contain_text("is what you wrote before")
    expect(another.locator("#examples")).to_contain_text("Open on Saturday.")
    expect(another.locator("[type=password]")).to_have_count(0)


def test_a_quote_that_makes_it_dear_is_replaced_with_one_click(page: Page, customers: None) -> None:
    broadcast = factories.broadcast()
    page.goto(f"/admin/sms/broadcast/{broadcast.pk}/words/")
    page.fill("[name=english]", "\u201cBig\u201d sale \u2013 " + "today " * 14)
    fix = page.get_by_role("button", name="which loses nothing")
    expect(fix).to_contain_text("then 1 message")
    assert no_wider_than_the_screen(page)
    fix.click()
    expect(page.locator("[name=english]")).to_have_value('"Big" sale - ' + "today " * 14)
    expect(page.locator("#examples")).to_contain_text("GSM-7")
    expect(fix).to_have_count(0)


def test_to_stop_one_for_good_takes_a_second_look(page: Page, customers: None) -> None:
    broadcast = factories.confirmed()
    page.goto(f"/admin/sms/broadcast/{broadcast.pk}/change/")
    page.get_by_role("link", name="Stop for good …").click()
    expect(page.get_by_text("1 person will not get the text")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Stop for good").click()
    expect(page.locator("#state")).to_have_text("Stopped")
