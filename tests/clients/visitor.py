"""What a person does at Karani's pages, in Chromium, when an app sends them there."""

from playwright.sync_api import Page

from tests import factories


def go_through(
    page: Page, back_to: str, username: str = "wanjiku", answer: str = "allow"
) -> list[str]:
    """Sign in and say yes where that is asked, until the app has them back: the pages' headings."""
    seen = []
    while not page.url.startswith(back_to):
        seen.append(page.locator("h1").inner_text())
        if page.locator("[name=password]").count():
            page.fill("[name=username]", username)
            page.fill("[name=password]", factories.PASSWORD)
            button = "form:has([name=password]) button[type=submit]"
        else:
            button = f"button[value={answer}]"
        with page.expect_navigation():
            page.click(button)
    return seen
