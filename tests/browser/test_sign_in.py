"""People sign in with what they have: a password, a code, a passkey; and without a script."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from identity.models import SignIn, User
from tests import factories

SCREENS = [(1280, "light"), (390, "dark"), (320, "light")]


def of_people(browser: Browser, live_server: LiveServer, **facts: Any) -> BrowserContext:
    context = browser.new_context(base_url=live_server.url, **facts)
    context.on(
        "request",
        lambda sent: (
            None
            if sent.url.startswith((live_server.url, "data:"))
            else pytest.fail(f"asked another host: {sent.url}")
        ),
    )
    return context


@pytest.fixture
def wanjiku(transactional_db: None, live_server: LiveServer) -> User:
    settings.PUBLIC_URL = live_server.url
    return factories.user("Clerk", username="wanjiku", email="wanjiku@example.com")


@pytest.fixture(params=SCREENS, ids=["desk", "phone", "small phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, wanjiku: User
) -> Iterator[Page]:
    """Nobody is signed in; nothing may be wider than the screen, and no error is told of."""
    width, scheme = request.param
    viewport = {"width": width, "height": 800}
    context = of_people(browser, live_server, viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def is_at(page: Page, heading: str) -> None:
    """The page has this heading, and fits the screen and the fingers."""
    expect(page.locator("h1")).to_have_text(heading)
    faults = page.evaluate(
        """() => {
            const faults = []
            if (document.documentElement.scrollWidth > window.innerWidth) faults.push('too wide')
            if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1')
            for (const each of document.querySelectorAll('input:not([type=hidden]), select')) {
                if (!each.labels.length) faults.push('no label: ' + each.name)
                if (each.placeholder) faults.push('said twice: ' + each.name)
            }
            const targets = 'button:not(.link), .button, input:not([type=hidden], [type=checkbox])'
            for (const each of document.querySelectorAll(targets)) {
                if (each.offsetParent && each.getBoundingClientRect().height < 44) {
                    faults.push('too low: ' + each.outerHTML)
                }
            }
            // Links in a sentence are as high as its lines; those that stand alone are not.
            for (const each of document.querySelectorAll('.small > a, .help > a')) {
                if (each.getBoundingClientRect().height < 24) {
                    faults.push('too low: ' + each.outerHTML)
                }
            }
            return faults
        }"""
    )
    assert faults == [], page.url


def with_password(page: Page, target: str = "/account/two-factor/") -> None:
    page.goto(f"/sign-in/?next={target}")
    page.get_by_label("Username or email address").fill("wanjiku")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_clerk_signs_in_and_out(page: Page) -> None:
    with_password(page, "/sign-out/")
    is_at(page, "Sign out?")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/email/")
    is_at(page, "Sign in")


def test_a_wrong_password_is_said_above_the_fields(page: Page) -> None:
    page.goto("/sign-in/")
    page.get_by_label("Username or email address").fill("wanjiku")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").first).to_have_text(
        "Wrong username, email address or password."
    )
    expect(page.get_by_label("Username or email address")).to_have_value("wanjiku")


def test_an_app_is_set_up_and_then_asked_for(page: Page) -> None:
    with_password(page)
    is_at(page, "Two-factor authentication")
    page.get_by_role("link", name="Set it up").click()
    is_at(page, "Set up an authenticator app")
    secret = page.locator("#secret").inner_text()
    page.get_by_label("The code that the app shows now").fill(factories.code_of(secret))
    page.get_by_role("button", name="Turn it on").click()
    is_at(page, "Recovery codes")
    assert page.locator(".codes li").count() == 10

    page.context.clear_cookies()
    with_password(page)
    is_at(page, "Show that it is you")
    page.get_by_label("Code").fill(factories.code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_at(page, "Two-factor authentication")
    assert SignIn.objects.latest("at").method == "password and code"


def with_authenticator(page: Page) -> None:
    """A device of the browser's own, whose owner always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_added_and_signs_in_alone_and_as_second_factor(page: Page) -> None:
    with_authenticator(page)
    with_password(page)
    page.get_by_role("link", name="Add a passkey").click()
    is_at(page, "Add a passkey")
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Add it").click()
    is_at(page, "Recovery codes")
    page.get_by_role("link", name="Done").click()
    expect(page.locator(".row strong")).to_have_text("My phone")

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/account/two-factor/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_at(page, "Two-factor authentication")
    assert SignIn.objects.latest("at").method == "passkey"

    page.context.clear_cookies()
    with_password(page)
    page.get_by_role("button", name="Use your passkey").click()
    is_at(page, "Two-factor authentication")
    assert SignIn.objects.latest("at").method == "password and passkey"

    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("Old phone")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".row strong")).to_have_text("Old phone")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator(".row")).to_have_count(0)


def test_a_browser_without_the_passkey_says_so_and_the_password_still_does(page: Page) -> None:
    with_authenticator(page)
    page.goto("/sign-in/?next=/account/two-factor/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-problem]")).to_contain_text("No passkey was used.")
    with_password(page)
    is_at(page, "Two-factor authentication")


OTHERS = {
    "/account/email/": "Email address",
    "/account/password/": "Change your password",
    "/account/two-factor/recovery-codes/new/": "Make new recovery codes?",
    "/account/two-factor/app/off/": "Turn the authenticator app off?",
    "/password/forgotten/": "Forgotten your password?",
    "/password/new/0-x/": "This link is used up",
    "/account/email/confirm/x/": "This link is used up",
}


def test_the_other_pages_fit_as_well(page: Page, wanjiku: User) -> None:
    with_password(page)
    is_at(page, "Two-factor authentication")
    factories.authenticator_app(wanjiku)
    for address, heading in OTHERS.items():
        page.goto(address)
        is_at(page, heading)


def test_a_customer_signs_up(page: Page) -> None:
    page.goto("/sign-up/")
    is_at(page, "Sign up")
    for label, value in {
        "Name": "Jane Doe",
        "Phone number": "0722 000 000",
        "Email address": "jane@example.com",
        "Username": "jane",
        "Password": factories.PASSWORD,
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Sign up").click()
    is_at(page, "Read your mail")
    [link] = re.findall(r"\S+(/sign-up/\S+)", str(mail.outbox[0].body))
    page.goto(link)
    is_at(page, "Complete your account")
    page.get_by_role("button", name="Yes, make the account").click()
    is_at(page, "Karani")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert User.objects.get(username="jane").customer.name == "Jane Doe"


def test_without_a_script_a_password_and_a_code_do(
    browser: Browser, live_server: LiveServer, wanjiku: User
) -> None:
    secret = factories.authenticator_app(wanjiku)
    context = of_people(browser, live_server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/sign-in/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    with_password(page)
    page.get_by_label("Code").fill(factories.code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_at(page, "Two-factor authentication")
    context.close()
