"""Two houses: the people of the head office sign in at a branch with the account that they have."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.clients.guests import CONFIRMED
from tests.clients.newcomer import Karani, let_in, running
from tests.clients.visitor import go_through

NAME = "Head office"
# Whom the branch knows before anybody comes: one confirmed her address here too, one did not.
KNOWN: dict[str, dict[str, Any]] = {"wanjiku": {"roles": ["Viewer"], **CONFIRMED}, "njeri": {}}


@pytest.fixture(scope="module")
def branch(
    apps: dict[str, Any], branch_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Karani]:
    """A second Karani, which knows the first one as its head office."""
    app = apps["branch"]
    settings = {
        "PORT": branch_address.rpartition(":")[2],
        "PUBLIC_URL": branch_address,
        "UPSTREAM_OIDC_ISSUER": app["issuer"],
        "UPSTREAM_OIDC_CLIENT_ID": app["client_id"],
        "UPSTREAM_OIDC_CLIENT_SECRET": app["client_secret"],
        "UPSTREAM_OIDC_NAME": NAME,
    }
    with running(tmp_path_factory.mktemp("branch"), **settings) as branch:
        let_in(branch, KNOWN, {})
        yield branch


def sign_in(page: Page, branch: Karani, username: str) -> list[str]:
    """From the page of the branch to the head office and back: the headings of its pages."""
    page.goto(f"{branch.address}/sign-in/")
    with page.expect_navigation():
        page.click(f"text=Continue with {NAME}")
    return go_through(page, branch.address, username)


def who_is_there(page: Page) -> dict[str, Any] | None:
    """As whom the API of the house that is shown knows this browser."""
    me: dict[str, Any] = page.evaluate("fetch('/api/me/').then((answer) => answer.json())")
    return me if "username" in me else None


def test_a_stranger_becomes_somebody_who_serves_themself(branch: Karani, page: Page) -> None:
    assert sign_in(page, branch, "otieno") == ["Sign in", "Let branch act for you?"]
    first = who_is_there(page)
    assert first is not None
    assert (first["username"], first["email"]) == ("otieno", "otieno@example.com")
    assert first["roles"] == []
    assert page.request.get(f"{branch.address}/admin/").status == 403

    page.context.clear_cookies()
    assert sign_in(page, branch, "otieno") == ["Sign in"]
    assert who_is_there(page) == first


def test_an_address_that_was_confirmed_in_both_houses_is_one_account(
    branch: Karani, page: Page
) -> None:
    sign_in(page, branch, "wanjiku")
    me = who_is_there(page)
    assert me is not None
    # Her roles are those of this house: a Clerk there, she is none here.
    assert (me["username"], me["roles"]) == ("wanjiku", ["Viewer"])
    assert page.request.get(f"{branch.address}/admin/").status == 200


@pytest.mark.parametrize(
    ("username", "why"),
    [
        ("juma", f"Confirm your address at {NAME} first"),
        ("njeri", "Sign in with your password first"),
    ],
)
def test_an_address_that_one_house_did_not_confirm_opens_nothing(
    branch: Karani, page: Page, username: str, why: str
) -> None:
    sign_in(page, branch, username)
    assert page.locator("h1").inner_text() == why
    assert who_is_there(page) is None


def test_who_says_no_over_there_is_not_signed_in_here(branch: Karani, page: Page) -> None:
    page.goto(f"{branch.address}/sign-in/")
    with page.expect_navigation():
        page.click(f"text=Continue with {NAME}")
    go_through(page, branch.address, "akinyi", answer="deny")
    assert page.locator("h1").inner_text() == "You are not signed in"
    assert who_is_there(page) is None


def test_signing_out_here_is_for_this_house(karani: Karani, branch: Karani, page: Page) -> None:
    sign_in(page, branch, "wanjiku")
    page.goto(f"{branch.address}/sign-out/")
    with page.expect_navigation():
        page.click("main button[type=submit]")
    assert who_is_there(page) is None
    assert sign_in(page, branch, "wanjiku") == []  # over there she still is
    page.goto(f"{karani.address}/sign-out/")
    with page.expect_navigation():
        page.click("main button[type=submit]")
    assert sign_in(page, branch, "wanjiku") == ["Sign in"]
