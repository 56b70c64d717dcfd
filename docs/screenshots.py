"""Take the pictures of the README: the demo business at a desk and on a phone.

``make screenshots``: into ``docs/screenshots``, with the Chromium that the tests drive.
"""

from pathlib import Path

from playwright.sync_api import Browser, Page

from bench.pages import server
from tests import chromium

FOLDER = Path(__file__).parent / "screenshots"
SCREENS = {"desk": (1280, 800), "phone": (390, 844)}  # px
PAGES = {
    "home": "/admin/",
    "orders": "/admin/crm/order/",
    "order": "/admin/crm/order/",  # its first one
    "new-order": "/admin/crm/order/add/",
    "customers": "/admin/crm/customer/",
    "customer": "/admin/crm/customer/?q=0711000101",  # its first one
    "texts": "/admin/sms/message/",
}
_OF_ONE = {"order", "customer"}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with server() as (address, cookie), chromium.started() as browser:
        for screen in SCREENS:
            take(browser, screen, address, cookie)
    print(f"{len(PAGES) * len(SCREENS)} pictures in {FOLDER}")


def take(browser: Browser, screen: str, address: str, cookie: str) -> None:
    """One picture of each page on this screen."""
    width, height = SCREENS[screen]
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=address)
    name, _, value = cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": address}])
    page = context.new_page()
    page.goto("/admin/")
    put_away_first_steps(page)
    for title, path in PAGES.items():
        page.goto(path)
        if title in _OF_ONE:
            page.locator("#result_list tbody th a").first.click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{title}-{screen}.png")
    context.close()


def put_away_first_steps(page: Page) -> None:
    page.get_by_role("button", name="Put away").click()


if __name__ == "__main__":
    main()
