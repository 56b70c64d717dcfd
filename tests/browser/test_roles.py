"""What each role may do, read at a desk and on a small phone, and chosen in plain words."""

from playwright.sync_api import Page, expect

from identity.models import Role
from tests.browser.screen import no_wider_than_the_screen


def test_the_matrix_fits_the_smallest_screen_and_scrolls_with_the_keyboard(page: Page) -> None:
    page.goto("/admin/identity/role/")
    page.get_by_role("link", name="Compare what each may do").click()
    expect(page.get_by_role("row", name="Take orders")).to_contain_text("Yes")
    assert no_wider_than_the_screen(page)
    page.set_viewport_size({"width": 320, "height": 640})
    assert no_wider_than_the_screen(page)
    region = page.get_by_role("region", name="What each role may do")
    region.focus()
    before = region.evaluate("it => it.scrollLeft")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.matrix').scrollLeft > before", arg=before
    )
    right = page.get_by_role("rowheader", name="Take orders")
    assert right.evaluate("it => it.getBoundingClientRect().left >= 0"), "it stays in sight"


def test_a_role_is_made_in_plain_words(page: Page) -> None:
    page.goto("/admin/identity/role/add/")
    page.fill("[name=name]", "Packer")
    page.get_by_label("See orders").check()
    page.get_by_label("Change orders, and move them on").check()
    assert no_wider_than_the_screen(page)
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.set_viewport_size({"width": 320, "height": 640})
    assert no_wider_than_the_screen(page)
    page.set_viewport_size({"width": width, "height": 800})
    page.click("[name=_save]")
    page.wait_for_url("**/admin/identity/role/")
    held = Role.objects.get(name="Packer").permissions.values_list("codename", flat=True)
    assert sorted(held) == ["change_order", "view_order"]
