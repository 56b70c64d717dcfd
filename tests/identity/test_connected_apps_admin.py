"""The screen of connected apps: an Administrator connects one, and ends what it has."""

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from identity.errors import GivesMore
from identity.models import Application, Consent, User
from identity.provider import connected_apps
from identity.provider.authorizations import remember_consent
from tests import factories
from tests.identity.oauth_flows import (
    CALLBACK,
    answer,
    ask_for_itself,
    me,
    question,
    redeem,
    renew,
    told_to_app,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/identity/application/"
INLINE = {"consents-TOTAL_FORMS": "0", "consents-INITIAL_FORMS": "0"}
WEB = {
    "name": "Till",
    "kind": "web_server",
    "is_active": "on",
    "redirect_uris": f"{CALLBACK}\r\nhttps://shop.example.com/two",
    "requires_pkce": "on",
}


@pytest.fixture
def office() -> Client:
    """The browser of an Administrator."""
    client = Client()
    client.force_login(factories.user("Administrator"))
    return client


def secret_on(page: Any) -> str:
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    found = re.findall(r"<code[^>]*>([A-Za-z0-9]{128})</code>", page.content.decode())
    assert len(found) == 1
    return str(found[0])


def test_a_web_server_is_connected_and_its_secret_shown_once(
    office: Client, browser: Client
) -> None:
    page = office.post(f"{LIST}add/", WEB | INLINE)
    secret = secret_on(page)
    app = Application.objects.get()
    assert (app.client_type, app.authorization_grant_type) == ("confidential", "authorization-code")
    assert (app.algorithm, app.requires_pkce) == ("RS256", True)
    assert secret not in office.get(f"{LIST}{app.pk}/change/").content.decode()
    code = answer(browser, question(client_id=app.client_id))["code"]
    assert redeem(code, client_id=app.client_id, client_secret=secret).status_code == 200


def test_an_app_in_browsers_gets_no_secret_and_its_site_may_call(office: Client) -> None:
    form = WEB | INLINE | {"kind": "browser_or_mobile"}
    del form["requires_pkce"]
    assert office.post(f"{LIST}add/", form).status_code == 302
    app = Application.objects.get()
    assert (app.client_type, app.client_secret, app.requires_pkce) == ("public", "", True)
    assert app.allowed_origins == "https://shop.example.com"


def test_a_machine_gets_an_account_with_its_roles(office: Client, roles: dict[str, Any]) -> None:
    form = {"name": "Robot", "kind": "machine", "is_active": "on", "requires_pkce": "on"}
    page = office.post(f"{LIST}add/", form | INLINE | {"service_roles": [roles["Viewer"].pk]})
    app = Application.objects.get()
    assert app.user is not None
    assert (app.user.username, app.user.is_staff) == (f"app.{app.client_id}", True)
    access = ask_for_itself(app, secret_on(page)).json()["access_token"]
    assert me(access).json()["roles"] == ["Viewer"]
    office.post(f"{LIST}{app.pk}/delete/", {"post": "yes"})
    assert not User.objects.get(pk=app.user.pk).is_active
    assert me(access).status_code == 401


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "give a name"),
        ({"kind": ""}, "This field is required."),
        ({"kind": "king"}, "Select a valid choice."),
        ({"redirect_uris": ""}, "Where does the app get people back?"),
        ({"redirect_uris": "http://shop.example.com/"}, "Must be https: http://shop.example.com/"),
        ({"redirect_uris": "com.example.app:/back"}, "Must be https: com.example.app:/back"),
        (
            {"post_logout_redirect_uris": "javascript:alert(1)"},
            "Must be https: javascript:alert(1)",
        ),
        ({"scopes": ["everything"]}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    office: Client, changes: dict[str, Any], message: str
) -> None:
    page = office.post(f"{LIST}add/", WEB | INLINE | changes)
    assert page.status_code == 200
    assert message in page.content.decode().replace("&#x27;", "'")
    assert not Application.objects.exists()


def test_two_apps_do_not_have_one_name(office: Client) -> None:
    factories.app(name="Till")
    page = office.post(f"{LIST}add/", WEB | INLINE)
    assert "Another app has this name." in page.content.decode()
    assert Application.objects.count() == 1


def test_a_mobile_app_may_have_a_scheme_of_its_own(office: Client) -> None:
    form = WEB | INLINE | {"kind": "browser_or_mobile", "redirect_uris": "com.example.app:/back"}
    assert office.post(f"{LIST}add/", form).status_code == 302
    assert Application.objects.get().allowed_origins == ""


def test_a_new_secret_replaces_the_old_one_once_confirmed(office: Client) -> None:
    app, old = factories.app(user=factories.service_account("Viewer"))
    address = f"{LIST}{app.pk}/new-secret/"
    before = Application.objects.values().get()
    assert office.get(address).status_code == 200
    assert Application.objects.values().get() == before
    new = secret_on(office.post(address))
    assert ask_for_itself(app, old).status_code == 401
    assert ask_for_itself(app, new).status_code == 200


def test_an_app_without_a_secret_gets_no_new_one(office: Client, shop: Application) -> None:
    before = Application.objects.values().get()
    assert office.post(f"{LIST}{shop.pk}/new-secret/").status_code == 302
    assert Application.objects.values().get() == before


def test_all_access_ends_once_confirmed(
    office: Client, shop: Application, browser: Client, tokens: dict[str, Any]
) -> None:
    address = f"{LIST}{shop.pk}/end-access/"
    office.get(address)
    assert me(tokens["access_token"]).status_code == 200
    assert office.post(address).status_code == 302
    assert me(tokens["access_token"]).status_code == 401
    assert told_to_app(browser.get(question(prompt="none")))["error"] == "consent_required"


def test_an_app_that_is_switched_off_is_out_at_once(
    office: Client, shop: Application, tokens: dict[str, Any]
) -> None:
    form = WEB | INLINE | {"name": "Shop window", "kind": "browser_or_mobile"}
    del form["is_active"]
    assert office.post(f"{LIST}{shop.pk}/change/", form).status_code == 302
    assert me(tokens["access_token"]).status_code == 401


def test_who_let_the_app_in_is_listed_and_can_be_taken_out(
    office: Client, shop: Application, clerk: User, tokens: dict[str, Any]
) -> None:
    consent = Consent.objects.get()
    page = office.get(f"{LIST}{shop.pk}/change/")
    assert "wanjiku" in page.content.decode()
    form = WEB | {
        "name": "Shop window",
        "kind": "browser_or_mobile",
        "redirect_uris": CALLBACK,
        "consents-TOTAL_FORMS": "1",
        "consents-INITIAL_FORMS": "1",
        "consents-0-id": str(consent.pk),
        "consents-0-application": str(shop.pk),
        "consents-0-DELETE": "on",
    }
    assert office.post(f"{LIST}{shop.pk}/change/", form).status_code == 302
    assert not Consent.objects.exists()
    assert me(tokens["access_token"]).status_code == 401


def test_an_app_that_thousands_let_in_can_still_be_kept(office: Client, shop: Application) -> None:
    people = User.objects.bulk_create(
        [User(username=f"person{number}", password="!") for number in range(1000)]
    )
    Consent.objects.bulk_create(
        [Consent(user=person, application=shop, scope="openid") for person in people]
    )
    address = f"{LIST}{shop.pk}/change/?consents-page=2"
    page = office.get(address).content.decode()
    ids = re.findall(r'name="consents-(\d+)-id" value="([\w-]+)"', page)
    assert [int(number) for number, _ in ids] == list(range(25))
    form = WEB | {"name": "Shop window", "kind": "browser_or_mobile", "redirect_uris": CALLBACK}
    form |= {"consents-TOTAL_FORMS": "25", "consents-INITIAL_FORMS": "25"}
    for number, consent_id in ids:
        form[f"consents-{number}-id"] = consent_id
        form[f"consents-{number}-application"] = str(shop.pk)
    taken_back = Consent.objects.get(pk=ids[3][1])
    response = office.post(address, form | {"consents-3-DELETE": "on"})
    assert response.status_code == 302
    assert Consent.objects.count() == 999
    assert not Consent.objects.filter(pk=taken_back.pk).exists()


def test_a_list_of_fifty_apps_costs_what_one_does(office: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert office.get(LIST).status_code == 200
        return len(captured)

    people = [factories.user() for _ in range(3)]
    app, _ = factories.app(user=people[0])
    remember_consent(people[0], app, ["openid"])
    few = queries()
    for _ in range(20):
        app, _ = factories.app()
        for person in people:
            remember_consent(person, app, ["openid"])
    assert queries() == few


def test_the_last_use_is_told_to_the_minute(tokens: dict[str, Any]) -> None:
    first = Application.objects.get().last_used_at
    assert first is not None
    assert renew(tokens["refresh_token"]).status_code == 200
    assert Application.objects.get().last_used_at == first
    Application.objects.update(last_used_at=first - timedelta(minutes=1, seconds=1))
    assert ask_for_itself(*factories.app(user=factories.service_account())).status_code == 200
    assert Application.objects.filter(client_id="shop", last_used_at__lt=first).exists()


def test_why_an_app_is_not_deleted_is_said_on_its_page() -> None:
    """Its account would be closed, which is here the only one that keeps people."""
    boss = factories.superuser()
    app, _ = factories.app(user=boss)
    client = Client()
    client.force_login(boss)
    for address, body in (
        (f"{LIST}{app.pk}/delete/", {"post": "yes"}),
        (LIST, {"action": "delete_selected", "_selected_action": str(app.pk), "post": "yes"}),
    ):
        page = client.post(address, body, follow=True)
        assert page.redirect_chain == [(address, 302)]
        assert "This would leave no Administrator who can sign in." in page.content.decode()
    boss.refresh_from_db()
    assert boss.is_active
    assert Application.objects.get() == app
    assert not LogEntry.objects.exists()


def test_why_the_roles_of_an_app_are_not_given_is_said_on_its_page(office: Client) -> None:
    """As where a role was given more between the look at the form and the writing."""
    form = {"name": "Robot", "kind": "machine", "is_active": "on"} | INLINE
    with patch.object(connected_apps, "give_service_account", side_effect=GivesMore("Clerk")):
        page = office.post(f"{LIST}add/", form, follow=True)
    assert page.redirect_chain == [(f"{LIST}add/", 302)]
    assert "You cannot give or take Clerk" in page.content.decode()
    assert not Application.objects.exists()
    assert not LogEntry.objects.exists()
