"""The pages that document the API, in a browser that reaches nothing but our own server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import Customer
from identity.models import AccessToken, User
from project import docs
from tests import factories
from tests.browser.screen import no_wider_than_the_screen

pytestmark = pytest.mark.usefixtures("boss")

DESK, PHONE = (1280, "light"), (390, "dark")
only_at_a_desk = pytest.mark.parametrize("context", [DESK], ids=["desk"], indirect=True)
PATIENCE = 30_000  # milliseconds, for a page with a megabyte of script on a busy machine


@pytest.fixture
def boss(transactional_db: None) -> User:
    return factories.superuser()


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def context(
    request: pytest.FixtureRequest,
    browser: Browser,
    live_server: LiveServer,
    boss: User,
    settings: Any,
) -> Iterator[BrowserContext]:
    """A browser in which nobody is signed in; its pages must stay at home and without errors."""
    width, scheme = request.param
    settings.PUBLIC_URL = live_server.url
    docs.register_app()
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    faults: list[str] = []

    def keep_home(route: Route) -> None:
        if route.request.url.startswith((live_server.url, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(route.request.url)
            route.abort()

    def listen(page: Page) -> None:
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))

    context.route("**/*", keep_home)
    context.on("page", listen)
    yield context
    context.close()
    assert faults == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, user: User) -> None:
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("button[type=submit]")


def try_out(page: Page, operation: str) -> Locator:
    """Open the form of an operation."""
    block = page.locator(f"[id$=-{operation}]")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    return block


def execute(block: Locator) -> str:
    """Send what the form says, and tell the status of the answer."""
    block.locator("button.execute").click()
    status = block.locator(".live-responses-table .response-col_status").last
    expect(status).to_contain_text(re.compile(r"\d{3}"), timeout=PATIENCE)
    return status.inner_text()[:3]


def ask_to_be_let_in(page: Page) -> Page:
    """Press the button of Swagger UI, and go on in the window that it opens."""
    page.click(".btn.authorize")
    form = page.locator(".auth-container", has_text="authorizationCode with PKCE")
    with page.expect_popup() as opened:
        form.locator("button.authorize").click()
    return opened.value


def test_swagger_ui_shows_the_operations(page: Page) -> None:
    page.goto("/api/docs")
    operation = page.locator("[id$=-create_order] .opblock-summary-path")
    expect(operation).to_contain_text("orders", timeout=PATIENCE)
    page.wait_for_load_state("networkidle")
    expect(page).to_have_title("Karani API")
    assert no_wider_than_the_screen(page)


@only_at_a_desk
def test_swagger_ui_wears_the_colours_that_the_person_has_chosen(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/api/docs")
    expect(page.locator("html")).to_have_class("dark-mode")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark-mode")


def test_redoc_shows_the_operations(page: Page) -> None:
    page.goto("/api/redoc")
    operation = page.locator("[id$='operation/create_order']").first
    expect(operation).to_be_attached(timeout=PATIENCE)
    page.wait_for_load_state("networkidle")
    expect(page).to_have_title("Karani API")
    assert no_wider_than_the_screen(page)


def test_the_button_signs_in_asks_and_comes_back_with_a_token(page: Page, boss: User) -> None:
    page.goto("/api/docs")
    window = ask_to_be_let_in(page)
    sign_in(window, boss)
    expect(window.locator("h1")).to_have_text("Let Karani API docs act for you?")
    expect(window.locator("li")).to_have_text(
        ["See your customers", "See your orders", "See the texts sent to customers"]
    )
    assert no_wider_than_the_screen(window)
    with window.expect_event("close"):
        window.click("text=Allow")
    form = page.locator(".auth-container", has_text="authorizationCode with PKCE")
    expect(form).to_contain_text("Authorized", timeout=PATIENCE)
    assert AccessToken.objects.get().user == boss

    page.click(".close-modal")
    block = try_out(page, "read_me")
    assert execute(block) == "200"
    expect(block.locator(".curl-command")).to_contain_text("Authorization: Bearer kat_")
    answer = block.locator(".live-responses-table .highlight-code")
    expect(answer).to_contain_text(boss.username)
    expect(answer).to_contain_text("messages:read")
    expect(answer).not_to_contain_text("messages:send")


@only_at_a_desk
def test_a_no_comes_back_too(page: Page, boss: User) -> None:
    page.goto("/api/docs")
    window = ask_to_be_let_in(page)
    sign_in(window, boss)
    with window.expect_event("close"):
        window.click("text=Deny")
    expect(page.locator(".auth-container .errors").first).to_be_visible()
    assert not AccessToken.objects.exists()


@only_at_a_desk
def test_an_answer_to_another_question_is_not_taken(page: Page, context: BrowserContext) -> None:
    page.goto("/api/docs")
    window = ask_to_be_let_in(page)
    window.wait_for_load_state()
    with window.expect_event("close"):
        window.evaluate("location.href = '/api/docs/oauth2-redirect?code=x&state=x'")
    expect(page.locator(".auth-container .errors").first).to_contain_text("another question")
    assert not AccessToken.objects.exists()


def test_who_is_signed_in_to_the_browser_needs_no_token(page: Page, boss: User) -> None:
    page.goto("/admin/login/?next=/api/docs")
    sign_in(page, boss)
    block = try_out(page, "create_customer")
    block.locator("textarea.body-param__text").fill(
        '{"name": "John Doe", "phone_number": "+254722000000"}'
    )
    assert execute(block) == "201"
    assert Customer.history.get().history_user == boss
