"""Somebody is asked in at a desk, and comes in on a phone."""

import pytest
from playwright.sync_api import Page, expect

from identity.models import Invitation, User
from tests import factories
from tests.browser.screen import no_wider_than_the_screen


@pytest.mark.parametrize("size", [390, 320])
def test_somebody_is_invited_by_a_link_and_comes_in(page: Page, size: int) -> None:
    page.goto("/admin/identity/user/")
    page.get_by_role("link", name="Invite somebody by a link").click()
    page.fill("[name=name]", "Wanjiku")
    page.get_by_label("Clerk").check()
    assert no_wider_than_the_screen(page)
    page.click("[name=_save]")
    link = page.get_by_label("Copy it now").input_value()
    expect(page.get_by_text("Whoever has it can use it")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.reload()
    expect(page.get_by_text("is stored nowhere")).to_be_visible()

    browser = page.context.browser
    assert browser is not None
    phone = browser.new_context(viewport={"width": size, "height": 700}).new_page()
    phone.goto(link)
    expect(phone.get_by_role("heading", name="You are invited")).to_be_visible()
    expect(phone.get_by_label("Your name")).to_have_value("Wanjiku")
    assert no_wider_than_the_screen(phone)
    phone.get_by_label("Username").fill("wanjiku")
    phone.get_by_label("Password").fill("12345678")
    phone.get_by_role("button", name="Make my account").click()
    expect(phone.get_by_text("This password is too common.")).to_be_visible()
    assert no_wider_than_the_screen(phone)
    phone.get_by_label("Password").fill(factories.PASSWORD)
    phone.get_by_role("button", name="Make my account").click()
    phone.wait_for_url("**/admin/")
    assert User.objects.get(username="wanjiku").groups.get().name == "Clerk"
    phone.goto(link)
    expect(phone.get_by_text("This invitation was used.")).to_be_visible()
    phone.context.close()

    page.goto("/admin/identity/invitation/")
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
    assert no_wider_than_the_screen(page)
    assert Invitation.objects.get().state == "accepted"
