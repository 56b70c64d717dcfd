"""What became of a text, and what staff do about it, at a desk and on a phone."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from sms import incoming, tasks
from sms.models import Attempt, Message
from tests import factories
from tests.browser.screen import no_wider_than_the_screen

REASON = "The gateway did not answer; the text may have gone out [ReadTimeout]."


@pytest.fixture
def in_doubt(page: Page) -> Message:
    """A text of which nobody knows whether it went out."""
    message = factories.message("+254722000000", "Your order has been received.")
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(status="unconfirmed", failure_reason=REASON)
    Attempt.objects.create(
        message=message,
        gateway="africastalking",
        claimed_at=now,
        started_at=now,
        finished_at=now,
        outcome=Attempt.Outcome.UNCLEAR,
        detail=REASON,
    )
    return message


def test_did_my_text_arrive_is_answered_and_acted_on(page: Page, in_doubt: Message) -> None:
    page.goto("/admin/sms/message/")
    page.get_by_role("link", name="0722 000000").click()
    story = page.get_by_label("What became of this text")
    expect(story).to_contain_text("Nobody knows whether it went out: the gateway did not answer")
    steps = story.locator(".step strong")
    handed = "Handed to Africa's Talking"
    expect(steps).to_have_text(["Queued", "Claimed by the worker", handed, "No clear answer"])
    assert no_wider_than_the_screen(page)

    page.get_by_role("link", name="Send again …").click()
    expect(page.get_by_text("the phone gets it twice")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Send it again all the same").click()
    expect(page.get_by_text("The text is queued once more.")).to_be_visible()
    tasks.drain()
    page.reload()
    expect(story).to_contain_text("May come twice")
    expect(steps.last).to_have_text("Sent")


def test_all_texts_are_stopped_one_is_cancelled_and_the_rest_goes_on(page: Page) -> None:
    page.goto("/admin/sms/message/")
    page.get_by_text("Stop all texts …").click()
    page.get_by_role("button", name="Stop them").click()
    expect(page.get_by_text("No texts are sent.", exact=True)).to_be_visible()
    unwanted, wanted = factories.message(), factories.message()
    tasks.drain()
    page.reload()
    expect(page.get_by_label("The line to the gateway")).to_contain_text("2 texts wait.")
    assert no_wider_than_the_screen(page)

    page.goto(f"/admin/sms/message/{unwanted.pk}/change/")
    page.get_by_text("Cancel this text …").click()
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("It was cancelled, and never sent.")).to_be_visible()

    page.goto("/admin/sms/message/")
    page.get_by_role("button", name="Resume texts").click()
    expect(page.get_by_text("Texts go on: one is tried first.")).to_be_visible()
    tasks.drain()
    wanted.refresh_from_db()
    unwanted.refresh_from_db()
    assert (wanted.status, unwanted.status) == ("sent", "cancelled")


def test_what_a_text_is_about_stands_apart(page: Page) -> None:
    order = factories.order()
    text = Message.objects.get(about_id=order.pk)
    page.goto(f"/admin/sms/message/{text.pk}/change/")
    first, second = page.locator(".subjects > li").all()
    expect(first).to_have_text(f"Order: {order.order_number}")
    expect(second).to_have_text(f"Customer: {order.customer}")
    page.wait_for_load_state("load")
    one, other = first.bounding_box(), second.bounding_box()
    assert one is not None
    assert other is not None
    is_beside = other["x"] >= one["x"] + one["width"] + 8
    assert is_beside or other["y"] >= one["y"] + one["height"]


def test_what_a_day_cost_leads_to_its_texts(page: Page) -> None:
    factories.message()
    tasks.drain()
    Message.objects.update(cost="0.80", currency="KES")
    page.goto("/admin/sms/message/spend/")
    expect(page.get_by_text("KES 0.80").first).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.locator(".spend tbody a").click()
    expect(page.locator("#result_list")).to_contain_text("0722 000000")


def test_a_word_on_texts_is_read_where_it_came_and_at_its_customer(page: Page) -> None:
    customer = factories.customer(phone_number="+254722000000")
    incoming.receive_text("+254722000000", "ACHA")
    page.goto("/admin/sms/incomingtext/")
    expect(page.locator("#result_list")).to_contain_text("ACHA")
    assert no_wider_than_the_screen(page)
    page.goto(f"/admin/crm/customer/{customer.pk}/change/")
    expect(page.get_by_text("No texts wanted: by text (“ACHA”)")).to_be_visible()
    assert no_wider_than_the_screen(page)
