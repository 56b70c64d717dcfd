"""The account page: what people see of their own, what they make there, and what they end."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity.browsers import browser_name
from identity.models import (
    Application,
    AttemptCount,
    Authorization,
    BrowserSession,
    Consent,
    PersonalAccessToken,
    SignIn,
    User,
)
from identity.session_tokens import issue_tokens
from tests import factories
from tests.identity.oauth_flows import answer, me, question, redeem, renew

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
TILL = {"name": "Till", "scopes": ["orders:write", "orders:read"], "lifetime": "30"}
NEW = "/account/tokens/new/"


@pytest.fixture
def person() -> User:
    return factories.user(
        "Clerk",
        username="wanjiku",
        email="wanjiku@example.com",
        first_name="Wanjiku",
        last_name="Kamau",
    )


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mine(person: User) -> Client:
    """A browser in which the person is signed in."""
    return signed_in(person)


def words(response: Any) -> str:
    """What a page says, on one line."""
    assert response.status_code == 200
    body = re.sub(r"(?s).*<main>(.*)</main>.*", r"\1", response.content.decode())
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def make(client: Client, key: str = "one", **changes: Any) -> Any:
    return client.post(NEW, TILL | {"form_key": key} | changes)


def shown_token(page: Any) -> str:
    found = re.search(r'id="token">(kpt_[\w-]{43})<', page.content.decode())
    assert found
    return found[1]


def sign_in_row(user: User, **facts: Any) -> SignIn:
    facts = {"method": "password", "address": "203.0.113.9", "user_agent": "curl/8"} | facts
    return SignIn.objects.create(user=user, **facts)


def everything() -> list[Any]:
    """What a refused request leaves as it was."""
    tables = (PersonalAccessToken, Consent, Authorization, SignIn, AttemptCount)
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


# --- Who gets in --------------------------------------------------------------------------------


def paths(token_id: object, consent_id: object) -> list[tuple[str, str]]:
    return [
        ("get", "/account/"),
        ("get", NEW),
        ("post", NEW),
        ("get", f"/account/tokens/{token_id}/"),
        ("post", f"/account/tokens/{token_id}/revoke/"),
        ("post", f"/account/apps/{consent_id}/remove/"),
    ]


@pytest.fixture
def consent(person: User) -> Consent:
    app, _ = factories.app(name="Shop window")
    return Consent.objects.create(user=person, application=app, scope="openid orders:read")


@pytest.fixture
def row(person: User) -> PersonalAccessToken:
    factories.personal_token(person)
    return PersonalAccessToken.objects.get()


def test_who_is_not_signed_in_is_asked_to_and_nothing_happens(
    row: PersonalAccessToken, consent: Consent
) -> None:
    before = everything()
    for method, path in paths(row.pk, consent.pk):
        body = TILL | {"form_key": "one"} if method == "post" else None
        response = getattr(Client(), method)(path, body)
        assert response.status_code == 302, path
        assert response["Location"].endswith(f"/sign-in/?next={path}"), path
    assert everything() == before


def test_no_token_opens_the_page_nor_makes_or_revokes_one(
    person: User, row: PersonalAccessToken, consent: Consent
) -> None:
    texts = [factories.personal_token(person), issue_tokens(person).access]
    before = everything()
    for text in texts:
        headers = {"Authorization": f"Bearer {text}"}
        for method, path in paths(row.pk, consent.pk):
            body = TILL | {"form_key": "one"}
            response = getattr(Client(), method)(path, body, headers=headers)
            assert response.status_code == 302, path
    assert everything() == before


def test_anothers_is_not_there_and_stays(row: PersonalAccessToken, consent: Consent) -> None:
    boss = signed_in(factories.superuser())
    before = everything()
    for method, path in paths(row.pk, consent.pk)[3:]:
        assert getattr(boss, method)(path).status_code == 404, path
    assert everything() == before
    assert "Till" not in words(boss.get("/account/"))
    assert "Shop window" not in words(boss.get("/account/"))


def test_nothing_is_done_without_the_csrf_token(
    person: User, row: PersonalAccessToken, consent: Consent
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    before = everything()
    for method, path in paths(row.pk, consent.pk):
        if method == "post":
            assert client.post(path, TILL | {"form_key": "one"}).status_code == 403, path
    assert everything() == before


def test_what_changes_something_is_no_link(
    mine: Client, row: PersonalAccessToken, consent: Consent
) -> None:
    before = everything()
    for path in (f"/account/tokens/{row.pk}/revoke/", f"/account/apps/{consent.pk}/remove/"):
        assert mine.get(path).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("path", ["/account/", NEW])
def test_no_copy_of_a_page_is_kept_and_none_is_framed(mine: Client, path: str) -> None:
    response = mine.get(path)
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    page = response.content.decode()
    assert "<script" not in page
    assert page.count("<h1") == 1
    assert re.findall(r'(?:src|href|action)="https?://', page) == []


# --- You ----------------------------------------------------------------------------------------


def test_the_page_says_who_one_is(mine: Client) -> None:
    said = words(mine.get("/account/"))
    assert ("You Name Wanjiku Kamau Username wanjiku Email wanjiku@example.com Role Clerk") in said


def test_who_has_no_role_and_no_email_reads_of_none() -> None:
    said = words(signed_in(factories.user(username="juma", email="")).get("/account/"))
    assert "You Username juma Email None Change password" in said


def test_the_page_leads_to_what_one_signs_in_with(mine: Client) -> None:
    page = mine.get("/account/").content.decode()
    links = dict(re.findall(r'<a class="button" href="([^"]+)">([^<]+)</a>', page))
    assert links == {
        "/account/password/": "Change password",
        "/account/email/": "Email address",
        "/account/two-factor/": "Two-factor authentication",
        NEW: "Make a token",
    }


@pytest.mark.parametrize("address", ["password/", "email/", "two-factor/"])
def test_and_from_there_one_comes_back(mine: Client, address: str) -> None:
    page = mine.get(f"/account/{address}").content.decode()
    assert '<a href="/account/">Back to your account</a>' in page


# --- Personal access tokens ---------------------------------------------------------------------


def test_a_token_is_made_as_it_was_asked_for_and_shown_once(mine: Client, person: User) -> None:
    response = make(mine)
    row = PersonalAccessToken.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/account/tokens/{row.pk}/")
    assert (row.user, row.name, row.scopes) == (person, "Till", ["orders:read", "orders:write"])
    assert abs(row.expires_at - row.created_at - timedelta(days=30)) < timedelta(seconds=10)
    page = mine.get(response["Location"])
    assert "no-store" in page["Cache-Control"]
    assert me(shown_token(page)).json()["username"] == "wanjiku"
    again = mine.get(response["Location"])
    assert "This token was shown once, and is stored nowhere." in words(again)
    assert "kpt_" not in again.content.decode()
    assert PersonalAccessToken.objects.count() == 1


def test_the_new_token_comes_with_a_line_to_try_it_here(mine: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    page = mine.get(make(mine)["Location"])
    line = re.search(r'id="curl">(.*?)</code>', page.content.decode())
    assert line
    assert html.unescape(line[1]) == (
        f'curl -H "Authorization: Bearer {shown_token(page)}" https://karani.example.com/api/me/'
    )


def test_the_text_is_not_in_the_database_even_before_it_is_shown(mine: Client) -> None:
    response = make(mine)
    stored = repr([session.get_decoded() for session in BrowserSession.objects.all()])
    assert "kpt_" not in stored
    shown_token(mine.get(response["Location"]))


def test_only_the_browser_that_made_it_is_shown_a_token(mine: Client, person: User) -> None:
    address = make(mine)["Location"]
    assert "kpt_" not in signed_in(person).get(address).content.decode()
    mine.head(address)
    shown_token(mine.get(address))


def test_a_form_sent_twice_makes_one_token(mine: Client) -> None:
    make(mine)
    response = make(mine)
    assert (response.status_code, response["Location"]) == (302, "/account/")
    assert "That token was made already, once." in words(mine.get("/account/"))
    assert PersonalAccessToken.objects.count() == 1
    make(mine, key="two")
    assert PersonalAccessToken.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 81}, "Ensure this value has at most 80 characters (it has 81)."),
        ({"name": "a\tb"}, "Write it in one line, without control characters."),
        ({"scopes": []}, "Choose at least one thing that it may do."),
        ({"scopes": ["openid"]}, "Select a valid choice. openid is not one of the available"),
        ({"lifetime": "367"}, "Select a valid choice. 367 is not one of the available choices."),
        ({"lifetime": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_and_no_token_is_made(
    mine: Client, changes: dict[str, Any], said: str
) -> None:
    before = everything()
    assert said in words(make(mine, **changes))
    assert everything() == before
    make(mine)  # the key of the form is as good as new
    assert PersonalAccessToken.objects.count() == 1


def test_the_twenty_first_token_is_refused(mine: Client, person: User) -> None:
    for _ in range(20):
        factories.personal_token(person)
    before = everything()
    assert "You have 20 tokens, and cannot make more. Revoke one first." in words(make(mine))
    assert everything() == before


# --- Who signed in a while ago ------------------------------------------------------------------

AGAIN = "/sign-in/again/"


def some_time_later(client: Client, seconds: int = 301) -> None:
    session = client.session
    session["auth_time"] -= seconds
    session.save()


def test_who_signed_in_a_while_ago_shows_again_that_it_is_they(mine: Client) -> None:
    some_time_later(mine, 290)
    assert mine.get(NEW).status_code == 200
    some_time_later(mine, 11)
    again = mine.get(NEW)["Location"]
    assert again == f"{AGAIN}?next=%2Faccount%2Ftokens%2Fnew%2F"
    assert mine.post(again, {"password": factories.PASSWORD})["Location"] == NEW
    assert mine.get(NEW).status_code == 200
    assert make(mine).status_code == 302
    assert PersonalAccessToken.objects.count() == 1


def test_until_then_no_token_is_made(mine: Client) -> None:
    some_time_later(mine)
    assert make(mine)["Location"].startswith(AGAIN)
    page = mine.post(AGAIN, {"password": "wrong", "next": NEW})
    assert b"Wrong password." in page.content
    assert make(mine, key="two")["Location"].startswith(AGAIN)
    assert not PersonalAccessToken.objects.exists()


def test_what_was_typed_before_makes_the_token_then(mine: Client, person: User) -> None:
    some_time_later(mine)
    make(mine)
    response = mine.post(AGAIN, {"password": factories.PASSWORD, "next": NEW})
    row = PersonalAccessToken.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/account/tokens/{row.pk}/")
    assert (row.user, row.name, row.scopes) == (person, "Till", ["orders:read", "orders:write"])
    shown_token(mine.get(response["Location"]))


def test_who_has_a_second_factor_shows_that_and_no_password(mine: Client, person: User) -> None:
    secret = factories.authenticator_app(person)
    some_time_later(mine)
    again = make(mine)["Location"]
    assert again.startswith(f"{AGAIN}code/?")
    mine.post(AGAIN, {"password": factories.PASSWORD, "next": NEW})
    assert not PersonalAccessToken.objects.exists()
    make(mine)
    mine.post(again, {"code": factories.code_of(secret)})
    assert PersonalAccessToken.objects.get().name == "Till"


def test_all_else_on_the_page_is_open_as_before(mine: Client, row: PersonalAccessToken) -> None:
    some_time_later(mine)
    assert mine.get("/account/").status_code == 200
    assert mine.post(f"/account/tokens/{row.pk}/revoke/")["Location"] == "/account/"


def test_the_form_asks_for_ninety_days_unless_told_otherwise(mine: Client) -> None:
    page = mine.get(NEW).content.decode()
    options = re.findall(r'<option value="(\d+)"( selected)?>', page)
    assert options == [("7", ""), ("30", ""), ("90", " selected"), ("180", ""), ("366", "")]
    assert "See your orders" in page
    assert "Know that it is you" not in page


def test_the_list_tells_what_a_token_may_and_when_it_was_used(mine: Client, person: User) -> None:
    with patch("django.utils.timezone.now", lambda: NOON):
        text = factories.personal_token(
            person, scopes=["orders:read", "messages:send"], lifetime=timedelta(days=90)
        )
    with patch("django.utils.timezone.now", lambda: NOON + timedelta(days=1)):
        said = words(mine.get("/account/"))
        name = PersonalAccessToken.objects.get().name
        assert f"{name} See your orders · Send texts to customers, at your cost" in said
        assert "Made 21 Sep 2026 Good until 20 Dec 2026 Last used never Revoke" in said
        me(text)
        # Nairobi is three hours ahead of UTC.
        assert "Last used 22 Sep 2026, 15:00" in words(mine.get("/account/"))


def test_a_token_that_gives_no_access_any_more_says_why(person: User) -> None:
    factories.personal_token(person, lifetime=timedelta(days=1))
    with patch("django.utils.timezone.now", lambda: datetime.now(UTC) + timedelta(days=2)):
        assert "Expired Revoke" in words(signed_in(person).get("/account/"))
    person.set_password("another battery staple")
    person.save()
    said = words(signed_in(person).get("/account/"))
    assert "Ended when your password changed Revoke" in said


def test_a_revoked_token_is_dead_and_gone_from_the_list(mine: Client, person: User) -> None:
    text = factories.personal_token(person)
    other = factories.personal_token(person)
    row = PersonalAccessToken.objects.earliest("pk")
    response = mine.post(f"/account/tokens/{row.pk}/revoke/")
    assert (response.status_code, response["Location"]) == (302, "/account/")
    assert me(text).status_code == 401
    assert me(other).status_code == 200
    said = words(mine.get("/account/"))
    assert f"{row.name} was revoked. It gives no access any more." in said
    assert row.name not in words(mine.get("/account/"))


# --- Apps with access ---------------------------------------------------------------------------


def test_an_app_is_listed_with_what_it_may_and_loses_all_of_it(shop: Application) -> None:
    clerk, other = factories.user("Clerk"), factories.user("Clerk")
    given = {}
    for user in (clerk, other):
        given[user] = redeem(answer(signed_in(user), question())["code"]).json()
        Consent.objects.get_or_create(
            user=user, application=shop, defaults={"scope": "orders:read customers:write"}
        )
    client = signed_in(clerk)
    said = words(client.get("/account/"))
    assert "Shop window Add, change and delete customers See your orders Since" in said
    assert "Last used" in said
    consent = Consent.objects.get(user=clerk)
    response = client.post(f"/account/apps/{consent.pk}/remove/")
    assert (response.status_code, response["Location"]) == (302, "/account/")
    said = words(client.get("/account/"))
    assert "Shop window has no access any more." in said
    assert "Apps that you let in, to know who you are or to act for you. There are none." in said
    assert me(given[clerk]["access_token"]).status_code == 401
    assert renew(given[clerk]["refresh_token"]).status_code == 400
    assert me(given[other]["access_token"]).status_code == 200
    assert Consent.objects.get().user == other


# --- Sign-ins -----------------------------------------------------------------------------------


def test_the_newest_fifty_sign_ins_of_ninety_days_are_shown(mine: Client, person: User) -> None:
    with patch("django.utils.timezone.now", lambda: datetime.now(UTC) - timedelta(days=91)):
        sign_in_row(person, address="203.0.113.1")
    for number in range(51):
        sign_in_row(person, address=f"198.51.100.{number}")
    sign_in_row(factories.user(), address="192.0.2.1")
    shown = re.findall(r'data-label="Address">([^<]+)<', mine.get("/account/").content.decode())
    assert shown == [f"198.51.100.{number}" for number in range(50, 0, -1)]


@pytest.mark.parametrize(("count", "is_folded"), [(5, False), (6, True)])
def test_those_before_the_newest_five_are_folded_away(
    mine: Client, person: User, count: int, is_folded: bool
) -> None:
    SignIn.objects.all().delete()
    for number in range(count):
        sign_in_row(person, address=f"198.51.100.{number}")
    section = mine.get("/account/").content.decode().split('id="sign-ins"')[1]
    at_once, _, folded = section.partition("<details>")
    assert at_once.count('data-label="Address"') == 5
    assert folded.count('data-label="Address"') == count - 5
    assert (f"<summary>Show all {count}</summary>" in folded) == is_folded


def test_a_sign_in_tells_when_how_and_with_what(mine: Client, person: User) -> None:
    SignIn.objects.all().delete()
    agent = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0 <b>"
    row = sign_in_row(person, method="password and code", user_agent=agent)
    when = timezone.localtime(row.at).strftime("%-d %b %Y, %H:%M")
    response = mine.get("/account/")
    expected = f"Browser {when} Password and code 203.0.113.9 Firefox on Android"
    assert expected in words(response)
    assert "<b>" not in response.content.decode()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) SamsungBrowser/28.0 Chrome/130.0 Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605",
            "Safari on Mac",
        ),
        ("curl/8.14.1", "curl/8.14.1"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_named_as_people_know_it(agent: str, name: str) -> None:
    assert browser_name(agent) == name


# --- Cost ---------------------------------------------------------------------------------------


def test_the_page_costs_the_same_for_one_of_each_and_for_many(mine: Client, person: User) -> None:
    def fill(count: int) -> int:
        for _ in range(count):
            factories.personal_token(person)
            app, _ = factories.app()
            Consent.objects.create(user=person, application=app, scope="orders:read")
            sign_in_row(person)
        with CaptureQueriesContext(connection) as queries:
            assert mine.get(reverse("account")).status_code == 200
        return len(queries)

    assert fill(1) == fill(19) <= 8
