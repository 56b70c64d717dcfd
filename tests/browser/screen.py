"""How a page looks on the screen that the browser pretends to have."""

from playwright.sync_api import Page


def no_wider_than_the_screen(page: Page) -> bool:
    """Is it, once its styles are there? Words can be read before."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
