"""An app that is all in the browser, with npm's oidc-client-ts, in Chromium: what the browser lets
pages of other origins do, and what not."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.clients.app_home import AppHome, app_home
from tests.clients.newcomer import Karani, install
from tests.clients.visitor import go_through

HERE = Path(__file__).parent / "openid"
BLOCKED = "TypeError: Failed to fetch"
FOR_PAGES_OF_OTHERS = [
    ("GET", "/o/.well-known/openid-configuration"),
    ("GET", "/.well-known/oauth-authorization-server/o"),
    ("GET", "/o/jwks/"),
    ("POST", "/o/token/"),
    ("GET", "/o/userinfo/"),
    ("POST", "/o/revoke_token/"),
    ("GET", "/api/me/"),
    ("POST", "/api/orders/"),
]
FOR_OUR_PAGES_ONLY = [
    ("GET", "/"),
    ("GET", "/sign-in/"),
    ("GET", "/account/"),
    ("GET", "/admin/login/"),
    ("GET", "/admin/"),
    ("GET", "/o/authorize/"),
    ("POST", "/o/consent/"),
    ("GET", "/o/device/"),
    ("GET", "/o/logout/"),
    ("POST", "/o/introspect/"),
    ("POST", "/o/device_authorization/"),
]


@pytest.fixture
def window(apps: dict[str, dict[str, Any]], home: AppHome, page: Page) -> "Window":
    install(HERE)
    return Window(page, home.address)


class Window:
    """The page of the app, and what it tells."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def open(self) -> Any:
        self.page.goto(f"{self.address}/")
        return self.told()

    def press(self, button: str) -> Any:
        self.page.evaluate("document.querySelector('output').textContent = ''")
        self.page.click(f"#{button}")
        return self.told()

    def sign_in(self) -> Any:
        with self.page.expect_navigation(url=lambda url: not url.startswith(self.address)):
            self.page.click("#sign-in")
        go_through(self.page, self.address)
        return self.told()

    def told(self) -> Any:
        output = self.page.locator("output")
        expect(output).not_to_be_empty()
        return json.loads(output.inner_text())


def test_a_person_signs_in_calls_the_api_renews_and_signs_out(window: Window) -> None:
    assert window.open() == {"arrived": None}
    assert window.sign_in() == {"arrived": "wanjiku"}
    assert window.press("userinfo")["email"] == "wanjiku@example.com"
    assert window.press("me")["username"] == "wanjiku"
    placed = window.press("order")
    assert (placed["amount"], placed["status"]) == ("1500.00", "PENDING")
    assert window.press("renew") == {"same_person": True, "same_token": False}
    assert window.press("me")["username"] == "wanjiku"

    with window.page.expect_navigation(url=f"{window.address}/"):
        window.page.click("#sign-out")
    assert window.told() == {"arrived": None}
    assert "401" in window.press("me")["error"]
    with window.page.expect_navigation(url=f"{window.address}/**"):
        window.page.click("#silently")
    assert "login_required" in window.told()["error"]


def test_who_is_signed_in_and_let_it_in_passes_without_a_page(window: Window) -> None:
    window.open()
    window.sign_in()
    window.page.evaluate("sessionStorage.clear()")
    assert window.open() == {"arrived": None}
    with window.page.expect_navigation(url=f"{window.address}/**"):
        window.page.click("#silently")
    assert window.told() == {"arrived": "wanjiku"}


def test_a_frame_is_enough_where_nobody_is_asked(window: Window) -> None:
    window.open()
    window.sign_in()
    window.page.evaluate("sessionStorage.clear()")
    assert window.open() == {"arrived": None}
    assert window.press("in-frame") == {"arrived": "wanjiku"}


def test_a_popup_asks_and_the_page_under_it_stays(window: Window) -> None:
    window.open()
    window.sign_in()
    window.page.evaluate("sessionStorage.clear()")
    window.open()
    window.page.evaluate("document.querySelector('output').textContent = ''")
    with window.page.expect_popup() as opened:
        window.page.click("#popup")
    opened.value.click("button[value=allow]", no_wait_after=True)
    assert window.told() == {"arrived": "wanjiku"}


def test_the_browser_keeps_what_is_ours_from_an_origin_that_nobody_registered(
    karani: Karani, window: Window
) -> None:
    with app_home() as elsewhere:
        elsewhere.settings = {"authority": f"{karani.address}/o", "client_id": "stranger"}
        window.address = elsewhere.address
        window.open()
        assert BLOCKED in window.press("sign-in")["error"]
        assert BLOCKED in window.press("me")["error"]


def answer(karani: Karani, method: str, path: str, origin: str, **headers: str) -> Any:
    return requests.request(
        method,
        f"{karani.address}{path}",
        headers={"Origin": origin, **headers},
        allow_redirects=False,
        timeout=60,
        proxies={"http": ""},
    )


def cors_of(response: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize(("method", "path"), FOR_PAGES_OF_OTHERS)
def test_pages_of_a_registered_origin_may_read_it_without_cookies(
    karani: Karani, home: AppHome, apps: dict[str, Any], method: str, path: str
) -> None:
    asked = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    preflight = answer(karani, "OPTIONS", path, home.address, **asked)
    assert preflight.status_code == 200
    for response in (preflight, answer(karani, method, path, home.address)):
        told = cors_of(response)
        assert told["access-control-allow-origin"] == home.address
        assert "access-control-allow-credentials" not in told
        assert "origin" in response.headers["Vary"].lower()
    allowed = cors_of(preflight)
    assert method in allowed["access-control-allow-methods"]
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        allowed["access-control-allow-headers"].split(", ")
    )


@pytest.mark.parametrize(("method", "path"), FOR_PAGES_OF_OTHERS)
def test_pages_of_other_origins_may_not(
    karani: Karani, home: AppHome, apps: dict[str, Any], method: str, path: str
) -> None:
    port = urlsplit(home.address).port
    strangers = ["https://else.example.com", f"{home.address}0", f"http://localhost:{port}", "null"]
    for origin in strangers:
        asked = {"Access-Control-Request-Method": method}
        assert cors_of(answer(karani, "OPTIONS", path, origin, **asked)) == {}
        assert cors_of(answer(karani, method, path, origin)) == {}


@pytest.mark.parametrize(("method", "path"), FOR_OUR_PAGES_ONLY)
def test_no_page_of_others_may_read_our_pages(
    karani: Karani, home: AppHome, apps: dict[str, Any], method: str, path: str
) -> None:
    asked = {"Access-Control-Request-Method": method}
    assert cors_of(answer(karani, "OPTIONS", path, home.address, **asked)) == {}
    assert cors_of(answer(karani, method, path, home.address)) == {}
