"""Connecting an app from the command line."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from identity.models import Application, User
from identity.scopes import SCOPES
from tests import factories
from tests.identity.oauth_flows import CALLBACK, answer, ask_for_itself, question, redeem

pytestmark = pytest.mark.django_db


def setup(*arguments: str, name: str = "Till") -> str:
    output = StringIO()
    call_command("setup_oauth", "--name", name, *arguments, stdout=output)
    return output.getvalue()


def setup_json(*arguments: str, name: str = "Till") -> dict[str, Any]:
    return dict(json.loads(setup("--json", *arguments, name=name)))


def everything() -> list[Any]:
    return [*Application.objects.values(), *User.objects.order_by("pk").values()]


def test_a_web_server_gets_all_that_its_maker_needs() -> None:
    printed = setup("--redirect-uri", CALLBACK)
    app = Application.objects.get()
    secret = printed.split("client secret  ")[1].split()[0]
    assert len(secret) == 128
    assert secret.isalnum()
    assert secret != app.client_secret
    assert (
        printed
        == f"""\
Till is connected.

  client id      {app.client_id}
  client secret  {secret}   (shown this once)
  discovery      http://127.0.0.1:8000/o/.well-known/openid-configuration
  redirect URI   {CALLBACK}

For its .env:

OIDC_ISSUER="http://127.0.0.1:8000/o"
OIDC_CLIENT_ID="{app.client_id}"
OIDC_CLIENT_SECRET="{secret}"
OIDC_REDIRECT_URI="{CALLBACK}"
OIDC_SCOPE="openid profile email"
"""
    )
    assert (app.client_type, app.authorization_grant_type, app.algorithm, app.requires_pkce) == (
        "confidential",
        "authorization-code",
        "RS256",
        True,
    )


def test_once_more_finds_the_same_app_and_keeps_its_secret() -> None:
    first = setup_json("--redirect-uri", CALLBACK)
    before = everything()
    again = setup_json("--redirect-uri", CALLBACK)
    assert [row | {"updated": None} for row in everything()] == [
        row | {"updated": None} for row in before
    ]
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert again["client_secret"] is None
    assert again == first | {
        "is_new": False,
        "client_secret": None,
        "env": {key: it for key, it in first["env"].items() if key != "OIDC_CLIENT_SECRET"},
    }
    assert "--new-secret makes another" in setup("--redirect-uri", CALLBACK)
    renewed = setup_json("--redirect-uri", CALLBACK, "--new-secret")
    assert renewed["client_secret"] not in {None, first["client_secret"]}


def test_an_app_that_is_switched_off_stays_so_and_its_maker_is_told() -> None:
    assert setup_json("--redirect-uri", CALLBACK)["is_active"]
    Application.objects.update(is_active=False)
    assert not setup_json("--redirect-uri", CALLBACK)["is_active"]
    assert "is up to date, but switched off" in setup("--redirect-uri", CALLBACK)
    assert not Application.objects.get().is_active


def test_the_app_works_at_once(browser: Client) -> None:
    told = setup_json("--redirect-uri", CALLBACK, "--scope", "openid", "orders:read")
    assert told["scopes"] == ["openid", "orders:read"]
    asked = question(client_id=told["client_id"], scope="openid orders:read")
    code = answer(browser, asked)["code"]
    given = redeem(code, client_id=told["client_id"], client_secret=told["client_secret"])
    assert given.json()["scope"] == "openid orders:read"


def test_an_app_without_a_secret_gets_none() -> None:
    told = setup_json("--public", "--redirect-uri", "http://127.0.0.1/back", "--device")
    app = Application.objects.get()
    assert (told["client_secret"], app.client_secret, app.has_device_flow) == (None, "", True)
    assert "OIDC_CLIENT_SECRET" not in told["env"]
    assert "PKCE takes its place" in setup("--public", "--redirect-uri", "http://127.0.0.1/back")


def test_a_machine_acts_for_itself_with_its_roles(roles: Any) -> None:
    told = setup_json("--machine", "--role", "Clerk", "--scope", "orders:read")
    app = Application.objects.get()
    assert app.user is not None
    assert [role.name for role in app.user.groups.all()] == ["Clerk"]
    assert not app.user.has_usable_password()
    response = ask_for_itself(app, told["client_secret"])
    headers = {"Authorization": f"Bearer {response.json()['access_token']}"}
    assert Client().get("/api/orders/", headers=headers).status_code == 200
    setup("--machine", "--role", "Viewer")
    assert [role.name for role in app.user.groups.all()] == ["Viewer"]
    setup("--machine")
    assert [role.name for role in app.user.groups.all()] == ["Viewer"]
    assert User.objects.count() == 1


WEB_SERVER = (
    *("--redirect-uri", CALLBACK, "--post-logout-redirect-uri", "https://till.example.com/bye"),
    *("--scope", "openid", "orders:read", "--device"),
)


def test_again_only_what_is_given_is_changed() -> None:
    setup(*WEB_SERVER)
    before = Application.objects.values().get() | {"updated": None}
    for arguments, changed in [
        ((), ()),
        (("--redirect-uri", "https://till.example.com/2"), ("redirect_uris",)),
        (("--post-logout-redirect-uri", ""), ("post_logout_redirect_uris",)),
        (("--scope", "openid"), ("allowed_scopes",)),
        (("--no-device",), ("has_device_flow",)),
        (("--new-secret",), ("client_secret",)),
    ]:
        setup(*arguments)
        after = Application.objects.values().get() | {"updated": None}
        assert {field for field in after if after[field] != before[field]} == set(changed)
        before = after


def test_the_kind_changes_only_where_it_is_said(roles: Any) -> None:
    setup("--public", "--redirect-uri", CALLBACK)
    assert setup_json("--scope", "openid")["kind"] == "browser_or_mobile"
    told = setup_json("--web-server")
    assert (told["kind"], told["redirect_uris"]) == ("web_server", [CALLBACK])
    assert told["client_secret"]
    assert setup_json("--machine")["kind"] == "machine"
    assert setup_json("--role", "Clerk")["kind"] == "machine"
    account = Application.objects.get().user
    assert account is not None
    assert [role.name for role in account.groups.all()] == ["Clerk"]
    assert setup_json("--web-server")["kind"] == "web_server"


def test_the_name_and_a_new_secret_are_enough() -> None:
    first = setup_json("--redirect-uri", CALLBACK)
    second = setup_json("--new-secret", name=" Till ")
    assert second["client_id"] == first["client_id"]
    assert second["client_secret"] not in {None, first["client_secret"]}
    assert second["redirect_uris"] == [CALLBACK]


@pytest.mark.parametrize("name", ["", "   "])
def test_an_app_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="People must read who asks them"):
        setup("--redirect-uri", CALLBACK, name=name)
    assert not Application.objects.exists()


def test_a_machine_is_told_the_scopes_of_the_api_alone() -> None:
    told = setup_json("--machine")
    assert told["scopes"] == list(SCOPES)
    assert told["env"]["OIDC_SCOPE"] == " ".join(SCOPES)
    told = setup_json("--scope", "openid", "orders:read")
    assert (told["scopes"], told["env"]["OIDC_SCOPE"]) == (["orders:read"], "orders:read")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Where does the app get people back? Give one address."),
        (["--redirect-uri", "http://shop.example.com/x"], "Must be https: http://shop"),
        (["--redirect-uri", "https://shop.example.com/#x"], "Not an address to send people to"),
        (["--redirect-uri", CALLBACK, "--scope", "everything"], "There is no scope everything."),
        (["--redirect-uri", CALLBACK, "--role", "Clerk"], "add --machine"),
        (["--machine", "--role", "King"], "There is no role King."),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(arguments: list[str], message: str) -> None:
    before = everything()
    with pytest.raises(CommandError, match=message.replace("?", r"\?")):
        setup(*arguments)
    assert everything() == before


def test_of_two_apps_of_one_name_none_is_changed() -> None:
    for _ in range(2):
        factories.app(name="Till")
    before = everything()
    with pytest.raises(CommandError, match="Two apps are named Till"):
        setup("--redirect-uri", CALLBACK)
    assert everything() == before
