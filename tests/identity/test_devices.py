"""A device without a keyboard signs in: its person types a code on their phone (RFC 8628)."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from identity.models import Application, DeviceGrant, User
from identity.models.provider import AppKind
from identity.provider import connected_apps
from tests import factories
from tests.identity.oauth_flows import (
    ask_for_token,
    assert_oauth_error,
    me,
    nothing_written,
    renew,
)

pytestmark = pytest.mark.django_db

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def till(shop: Application) -> Application:
    """A program on tills, which have no keyboard."""
    shop.has_device_flow = True
    connected_apps.save_app(shop, by=None)
    return shop


def begin(**changes: str) -> Any:
    form = {"client_id": "shop", "scope": "openid orders:read", **changes}
    body = urlencode({name: value for name, value in form.items() if value})
    return Client().post("/o/device_authorization/", body, content_type=factories.FORM)


def poll(codes: dict[str, Any], **changes: str) -> Any:
    form = {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "shop"}
    return ask_for_token(form | changes)


def wait(seconds: int = 5) -> None:
    """So much time passes for the devices that wait."""
    DeviceGrant.objects.update(last_checked=F("last_checked") - timedelta(seconds=seconds))


def say(browser: Client, user_code: str, word: str = "") -> Any:
    """Type the code, and then say yes or no."""
    page = browser.get("/o/device/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    form = {"user_code": user_code, "csrfmiddlewaretoken": token[1]}
    return browser.post("/o/device/", form | ({"answer": word} if word else {}))


def test_a_device_gets_its_tokens_once_its_person_said_yes(
    till: Application, browser: Client, clerk: User
) -> None:
    response = begin()
    codes = response.json()
    assert response["Cache-Control"] == "no-store"
    page = "http://127.0.0.1:8000/o/device/"
    assert codes == {
        "device_code": codes["device_code"],
        "user_code": codes["user_code"],
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={codes['user_code']}",
        "expires_in": 600,
        "interval": 5,
    }
    assert re.fullmatch("[BCDFGHJ-NP-TV-XZ]{4}-[BCDFGHJ-NP-TV-XZ]{4}", codes["user_code"])
    assert_oauth_error(poll(codes), "authorization_pending")

    typed = codes["user_code"].lower().replace("-", " ")
    asked = say(browser, typed)
    assert b"Shop window" in asked.content
    assert b"See your orders" in asked.content
    assert say(browser, typed, "allow").status_code == 200
    wait()
    given = poll(codes)
    assert given.status_code == 200
    assert given["Cache-Control"] == "no-store"
    assert me(given.json()["access_token"]).json()["username"] == "wanjiku"
    assert renew(given.json()["refresh_token"]).status_code == 200
    assert given.json()["id_token"].count(".") == 2
    assert_oauth_error(poll(codes), "expired_token")


def test_a_no_is_told_to_the_device(till: Application, browser: Client) -> None:
    codes = begin().json()
    say(browser, codes["user_code"], "deny")
    assert_oauth_error(poll(codes), "access_denied")


def test_a_device_that_asks_too_often_is_slowed_down(till: Application, browser: Client) -> None:
    codes = begin().json()
    assert_oauth_error(poll(codes), "authorization_pending")
    assert_oauth_error(poll(codes), "slow_down")
    wait(9)
    assert_oauth_error(poll(codes), "slow_down")
    wait(15)
    assert_oauth_error(poll(codes), "authorization_pending")


def test_codes_end_after_ten_minutes(till: Application, browser: Client) -> None:
    codes = begin().json()
    assert DeviceGrant.objects.get().expires - timezone.now() <= timedelta(minutes=10)
    DeviceGrant.objects.update(expires=timezone.now())
    with nothing_written():
        assert_oauth_error(poll(codes), "expired_token")
        assert say(browser, codes["user_code"], "allow").status_code == 400


def test_a_link_fills_in_the_code_and_no_more(till: Application, browser: Client) -> None:
    codes = begin().json()
    with nothing_written():
        page = browser.get(codes["verification_uri_complete"])
    assert f'value="{codes["user_code"]}"' in page.content.decode()
    assert b"Allow" not in page.content


def test_another_site_cannot_say_yes_for_a_person(till: Application, browser: Client) -> None:
    codes = begin().json()
    with nothing_written():
        form = {"user_code": codes["user_code"], "answer": "allow"}
        assert browser.post("/o/device/", form).status_code == 403


def test_who_is_not_signed_in_signs_in_first(till: Application) -> None:
    response = Client().get("/o/device/?user_code=BCDF-GHJK")
    assert response.status_code == 302
    assert parse_qs(urlsplit(response["Location"]).query)["next"] == [
        "/o/device/?user_code=BCDF-GHJK"
    ]


def test_another_person_at_the_browser_lets_the_device_in(
    till: Application, browser: Client
) -> None:
    codes = begin().json()
    typed = codes["user_code"]
    for page in (browser.get(f"/o/device/?user_code={typed}"), say(browser, typed)):
        assert "You are signed in as <strong>wanjiku</strong>" in page.content.decode()
        switch = re.search(r'<a href="([^"]+)">Use another account</a>', page.content.decode())
        assert switch
        address = urlsplit(html.unescape(switch[1]))
        assert address.path == "/sign-in/"
        [back] = parse_qs(address.query)["next"]
        assert back == f"/o/device/?user_code={typed}"
    browser.force_login(factories.user("Clerk", username="achieng"))
    assert f'value="{typed}"' in browser.get(back).content.decode()
    say(browser, typed, "allow")
    assert me(poll(codes).json()["access_token"]).json()["username"] == "achieng"


def test_codes_are_not_guessed(till: Application, browser: Client) -> None:
    codes = begin().json()
    for _ in range(10):
        assert say(browser, "BBBB-BBBB").status_code == 400
    with nothing_written():
        refused = say(browser, codes["user_code"], "allow")
    assert refused.status_code == 429
    assert b"Too many attempts." in refused.content


def test_only_digests_of_both_codes_are_stored(till: Application) -> None:
    codes = begin().json()
    stored = repr(list(DeviceGrant.objects.values()))
    for code in (codes["device_code"], codes["user_code"], codes["user_code"].replace("-", "")):
        assert code not in stored


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({"client_id": "unknown"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_client", 401),
        ({"scope": ""}, "invalid_scope", 400),
        ({"scope": "everything"}, "invalid_scope", 400),
        ({"client_secret": "x"}, "invalid_client", 401),
    ],
)
def test_a_device_that_asks_wrongly_gets_no_code(
    till: Application, changes: dict[str, str], error: str, status: int
) -> None:
    with nothing_written():
        assert_oauth_error(begin(**changes), error, status)


def test_an_app_signs_in_devices_only_where_it_may(shop: Application) -> None:
    with nothing_written():
        assert_oauth_error(begin(), "unauthorized_client")
        assert_oauth_error(poll({"device_code": "x"}), "unauthorized_client")


def test_the_code_of_one_app_is_no_good_to_another(till: Application, browser: Client) -> None:
    codes = begin().json()
    say(browser, codes["user_code"], "allow")
    factories.app(
        client_id="other",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=["https://other.example.com/"],
        has_device_flow=True,
    )
    with nothing_written():
        assert_oauth_error(poll(codes, client_id="other"), "invalid_grant")
        assert_oauth_error(poll(codes, device_code="unknown"), "invalid_grant")
        assert_oauth_error(poll(codes, device_code=""), "invalid_request")


def test_a_device_of_a_disabled_person_gets_nothing(
    till: Application, browser: Client, clerk: User
) -> None:
    codes = begin().json()
    say(browser, codes["user_code"], "allow")
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert_oauth_error(poll(codes), "access_denied")


def test_an_app_for_other_roles_lets_no_device_in(
    till: Application, browser: Client, roles: dict[str, Any]
) -> None:
    till.allowed_roles.set([roles["Manager"]])
    codes = begin().json()
    with nothing_written():
        assert say(browser, codes["user_code"], "allow").status_code == 403


def test_a_charset_in_the_content_type_is_no_hindrance(till: Application) -> None:
    response = Client().post(
        "/o/device_authorization/",
        "client_id=shop&scope=openid",
        content_type=f"{factories.FORM}; charset=utf-8",
    )
    assert response.status_code == 200
