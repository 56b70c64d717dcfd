"""The second factor: set up, asked for wherever a password is, and not to be guessed."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client

from identity import two_factor
from identity.errors import WrongCode
from identity.models import Application, AttemptCount, SessionToken, SignIn, User
from identity.people.middleware import GOES_ON_TO
from identity.provider.authorizations import remember_consent
from identity.sealing import seal, unseal
from tests import factories
from tests.identity.oauth_flows import question, told_to_app

pytestmark = pytest.mark.django_db

HERE = "203.0.113.7"
WRONG = b"Wrong code."
# Random codes could be right by chance; these are no codes at all.
NO_CODE = "no code"
RECOVERY = "/account/two-factor/recovery-codes/"


@pytest.fixture
def wanjiku() -> User:
    return factories.user("Clerk", username="wanjiku", email="wanjiku@example.com")


@pytest.fixture
def secret(wanjiku: User) -> str:
    return factories.authenticator_app(wanjiku)


def with_password(client: Client | None = None, **fields: str) -> tuple[Client, Any]:
    client = client or Client(REMOTE_ADDR=HERE)
    form = {"username": "wanjiku", "password": factories.PASSWORD, **fields}
    return client, client.post("/sign-in/", form)


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def signed_in(user: User) -> Client:
    client = Client(REMOTE_ADDR=HERE)
    client.force_login(user)
    return client


# --- At the sign-in -----------------------------------------------------------------------------


def test_a_code_of_the_app_finishes_the_sign_in(wanjiku: User, secret: str) -> None:
    client, response = with_password(next="/admin/crm/order/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/code/")
    assert not is_signed_in(client)
    key = client.session.session_key
    response = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert (response.status_code, response["Location"]) == (302, "/admin/crm/order/")
    assert is_signed_in(client)
    assert client.session.session_key != key
    assert SignIn.objects.get().method == "password and code"


def test_until_then_nothing_is_open(secret: str) -> None:
    client, _ = with_password()
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/sign-in/")
    assert client.get("/api/me/").status_code == 401
    assert client.get("/account/two-factor/")["Location"] == "/sign-in/?next=/account/two-factor/"
    assert not SignIn.objects.exists()


def test_who_was_signed_in_is_not_until_the_code_is_shown(wanjiku: User, secret: str) -> None:
    client, _ = with_password(signed_in(wanjiku), next="/o/authorize/")
    assert not is_signed_in(client)
    response = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert response["Location"] == "/o/authorize/"
    assert is_signed_in(client)


def test_nobody_begins_with_the_code(secret: str) -> None:
    client = Client()
    response = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert (response.status_code, response["Location"]) == (302, "/sign-in/")
    assert not is_signed_in(client)


def test_a_wrong_code_lets_nobody_in(secret: str) -> None:
    client, _ = with_password()
    response = client.post("/sign-in/code/", {"code": NO_CODE})
    assert response.status_code == 200
    assert WRONG in response.content
    assert not is_signed_in(client)
    assert not SignIn.objects.exists()


def test_a_code_of_the_app_is_good_once_in_whichever_process(wanjiku: User, secret: str) -> None:
    code = factories.code_of(secret)
    two_factor.spend_code(wanjiku, code, address=HERE)
    client, _ = with_password()
    assert WRONG in client.post("/sign-in/code/", {"code": code}).content
    assert not is_signed_in(client)
    # An older one is no good either, as somebody may have read it over a shoulder.
    older = factories.code_of(secret, -1)
    assert WRONG in client.post("/sign-in/code/", {"code": older}).content
    assert client.post("/sign-in/code/", {"code": factories.code_of(secret, 1)}).status_code == 302


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_half_a_minute(
    wanjiku: User, secret: str, steps: int, is_good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_015.0)
    code = factories.code_of(secret, steps)
    if is_good:
        assert two_factor.spend_code(wanjiku, code, address=HERE).type == "totp"
    else:
        with pytest.raises(WrongCode):
            two_factor.spend_code(wanjiku, code, address=HERE)


def test_a_recovery_code_is_good_once(wanjiku: User, secret: str) -> None:
    code = factories.recovery_codes(wanjiku)[0]
    client, _ = with_password()
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    assert is_signed_in(client)
    assert SignIn.objects.get().method == "password and recovery code"
    assert code not in factories.recovery_codes(wanjiku)
    client, _ = with_password()
    assert WRONG in client.post("/sign-in/code/", {"code": code}).content
    assert not is_signed_in(client)


def test_the_code_of_another_is_none(secret: str) -> None:
    other = factories.authenticator_app(factories.user())
    client, _ = with_password()
    assert WRONG in client.post("/sign-in/code/", {"code": factories.code_of(other)}).content
    assert not is_signed_in(client)


def test_codes_are_guessed_ten_times_and_the_api_counts_along(secret: str) -> None:
    client, _ = with_password()
    for _ in range(5):
        assert WRONG in client.post("/sign-in/code/", {"code": NO_CODE}).content
        assert token(code=NO_CODE).status_code == 401
    page = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert b"Too many attempts. Try again in 15 minutes." in page.content
    assert not is_signed_in(client)
    assert token(code=factories.code_of(secret)).status_code == 429
    assert not SessionToken.objects.exists()


def test_a_new_sign_in_gives_no_new_guesses(secret: str) -> None:
    for _ in range(10):
        client, _ = with_password()
        assert WRONG in client.post("/sign-in/code/", {"code": NO_CODE}).content
    client, _ = with_password()
    page = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert b"Too many attempts." in page.content


def test_what_another_secret_key_sealed_opens_nothing(secret: str, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    client, _ = with_password()
    response = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert (response.status_code, WRONG in response.content) == (200, True)


IN_VAIN = "ask an administrator of Karani to remove your second factor."


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def lost(wanjiku: User, secret: str, settings: Any) -> str:
    """The secret of an app that was set up with another SECRET_KEY, as were the recovery codes."""
    settings.SECRET_KEY = "another"
    return secret


def passkey(user: User) -> Authenticator:
    return Authenticator.objects.create(
        user=user, type="webauthn", data={"name": "Phone", "credential": {}}
    )


def test_with_another_secret_key_the_factor_is_asked_for_and_the_page_says_what_to_do(
    wanjiku: User, lost: str
) -> None:
    assert two_factor.has_second_factor(wanjiku)
    client, response = with_password()
    assert response["Location"] == "/sign-in/code/"
    assert IN_VAIN in words(client.get("/sign-in/code/"))
    assert IN_VAIN in words(client.post("/sign-in/code/", {"code": factories.code_of(lost)}))
    assert not is_signed_in(client)
    assert token().json()["detail"] == "A code of your second factor is needed, too."
    assert token(code=factories.code_of(lost)).json()["detail"].startswith("Wrong code.")
    assert not SessionToken.objects.exists()


def test_nothing_of_it_is_said_while_one_of_both_opens(wanjiku: User, secret: str) -> None:
    row = Authenticator.objects.get(type="totp")
    row.data["secret"] = seal(secret, token="another")
    row.save()
    client, _ = with_password()
    assert IN_VAIN not in words(client.get("/sign-in/code/"))
    code = factories.recovery_codes(wanjiku)[0]
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    page = words(client.get("/account/two-factor/"))
    assert "Turn it off, and set it up anew." in page
    assert "9 left" in page


def test_with_another_secret_key_the_app_is_turned_off_and_set_up_anew(
    wanjiku: User, lost: str
) -> None:
    client = signed_in(wanjiku)
    page = words(client.get("/account/two-factor/"))
    assert "no code of it is right any more. Turn it off, and set it up anew." in page
    assert "so they open nothing any more." in page
    assert client.get("/account/two-factor/app/off/").status_code == 200
    assert client.post("/account/two-factor/app/off/").status_code == 302
    assert not Authenticator.objects.exists()
    secret = client.get("/account/two-factor/app/").context["form"].secret
    client.post("/account/two-factor/app/", {"code": factories.code_of(secret)})
    assert "any more" not in words(client.get("/account/two-factor/"))
    assert two_factor.spend_code(wanjiku, factories.recovery_codes(wanjiku)[0], address=HERE)


def test_with_another_secret_key_new_recovery_codes_are_made_beside_a_passkey(
    wanjiku: User, lost: str
) -> None:
    passkey(wanjiku)
    client = signed_in(wanjiku)
    client.post("/account/two-factor/app/off/")
    before = list(Authenticator.objects.order_by("pk").values("pk"))
    for address in (RECOVERY, f"{RECOVERY}file/"):
        assert client.get(address)["Location"] == f"{RECOVERY}new/"
    assert "Your recovery codes open nothing any more." in words(client.get(f"{RECOVERY}new/"))
    assert list(Authenticator.objects.order_by("pk").values("pk")) == before
    assert client.post(f"{RECOVERY}new/")["Location"] == RECOVERY
    code = factories.recovery_codes(wanjiku)[0]
    assert code in words(client.get(RECOVERY))
    assert two_factor.spend_code(wanjiku, code, address=HERE)


def test_with_another_secret_key_the_app_is_not_turned_off_by_a_password(
    wanjiku: User, lost: str
) -> None:
    client = signed_in(wanjiku)
    some_time_later(client)
    again = client.get("/account/two-factor/app/off/")["Location"]
    assert again.startswith("/sign-in/again/code/")
    assert IN_VAIN in words(client.get(again))
    assert WRONG in client.post(again, {"code": factories.code_of(lost)}).content
    assert client.post("/account/two-factor/app/off/")["Location"].startswith(again.split("?")[0])
    assert two_factor.has_second_factor(wanjiku)


# --- Over the API -------------------------------------------------------------------------------


def token(**fields: str) -> Any:
    body = {"username": "wanjiku", "password": factories.PASSWORD, **fields}
    return Client(REMOTE_ADDR=HERE).post("/api/token/", body, content_type="application/json")


def test_a_password_alone_gives_no_token(secret: str) -> None:
    response = token()
    assert response.status_code == 401
    assert response.json()["detail"] == "A code of your second factor is needed, too."
    assert not SessionToken.objects.exists()
    assert not SignIn.objects.exists()
    # It was no guess: nothing is counted against them.
    assert not AttemptCount.objects.filter(kind__startswith="sign_in by", count__gt=0).exists()


def test_that_a_code_is_needed_is_told_to_who_knows_the_password_only(secret: str) -> None:
    response = token(password="wrong", code=factories.code_of(secret))
    assert response.status_code == 401
    assert response.json()["detail"] == "Wrong username, email address or password."


def test_a_code_beside_the_password_gives_a_token(secret: str) -> None:
    code = factories.code_of(secret)
    assert token(code=code).status_code == 200
    assert SignIn.objects.get().method == "password and code"
    assert token(code=code).json()["detail"].startswith("Wrong code.")
    assert SessionToken.objects.count() == 1


def test_so_does_a_recovery_code(wanjiku: User, secret: str) -> None:
    assert token(code=factories.recovery_codes(wanjiku)[0]).status_code == 200
    assert SignIn.objects.get().method == "password and recovery code"


def test_who_has_no_second_factor_needs_no_code(wanjiku: User) -> None:
    assert token().status_code == 200
    assert token(code="123456").status_code == 200


# --- Setting it up ------------------------------------------------------------------------------


def test_an_app_is_set_up_with_its_first_code_and_recovery_codes_come_with_it(
    wanjiku: User,
) -> None:
    client = signed_in(wanjiku)
    page = client.get("/account/two-factor/app/")
    secret = page.context["form"].secret
    assert secret.encode() in page.content
    response = client.post("/account/two-factor/app/", {"code": factories.code_of(secret)})
    assert response["Location"] == "/account/two-factor/recovery-codes/"
    shown = client.get(response["Location"]).content.decode()
    assert len(factories.recovery_codes(wanjiku)) == 10
    assert all(code in shown for code in factories.recovery_codes(wanjiku))
    assert two_factor.has_second_factor(wanjiku)


def test_a_wrong_first_code_sets_up_nothing(wanjiku: User) -> None:
    client = signed_in(wanjiku)
    client.get("/account/two-factor/app/")
    response = client.post("/account/two-factor/app/", {"code": NO_CODE})
    assert b"Incorrect code." in response.content
    assert not Authenticator.objects.exists()


def test_what_is_secret_is_sealed(wanjiku: User) -> None:
    client = signed_in(wanjiku)
    secret = client.get("/account/two-factor/app/").context["form"].secret
    client.post("/account/two-factor/app/", {"code": factories.code_of(secret)})
    rows = {row.type: row.data for row in Authenticator.objects.all()}
    assert unseal(rows["totp"]["secret"]) == secret
    assert len(unseal(rows["recovery_codes"]["seed"])) == 80
    assert secret not in json.dumps(rows)


def test_the_name_in_the_app_is_that_of_the_business(wanjiku: User, settings: Any) -> None:
    settings.BUSINESS_NAME = "Duka Langu"
    page = signed_in(wanjiku).get("/account/two-factor/app/")
    assert page.context["totp_url"].startswith("otpauth://totp/wanjiku%40example.com?secret=")
    assert page.context["totp_url"].endswith("&issuer=Duka%20Langu")


LATER = [
    "/account/two-factor/app/off/",
    "/account/two-factor/recovery-codes/",
    "/account/two-factor/recovery-codes/file/",
    "/account/two-factor/recovery-codes/new/",
    "/account/two-factor/passkeys/add/",
]


def some_time_later(client: Client) -> None:
    session = client.session
    session["auth_time"] -= 600
    session.save()


@pytest.mark.parametrize("address", LATER)
def test_some_time_after_the_sign_in_a_code_is_asked_for_again_not_the_password(
    wanjiku: User, secret: str, address: str
) -> None:
    before = list(Authenticator.objects.order_by("pk").values())
    sender = signed_in(wanjiku)
    some_time_later(sender)
    assert sender.post(address).status_code in {302, 405}
    client = signed_in(wanjiku)
    some_time_later(client)
    again = client.get(address)["Location"]
    assert again == f"/sign-in/again/code/?next={address.replace('/', '%2F')}"
    form = {"password": factories.PASSWORD, "next": address}
    assert client.post("/sign-in/again/", form)["Location"].startswith("/sign-in/again/code/")
    assert WRONG in client.post(again, {"code": NO_CODE}).content
    assert client.get(address)["Location"] == again
    assert list(Authenticator.objects.order_by("pk").values()) == before
    assert client.post(again, {"code": factories.code_of(secret)})["Location"] == address
    assert client.get(address).status_code == 200


def test_who_has_no_second_factor_shows_the_password_again(wanjiku: User) -> None:
    client = signed_in(wanjiku)
    some_time_later(client)
    address = "/account/two-factor/app/"
    again = client.get(address)["Location"]
    assert again == "/sign-in/again/?next=%2Faccount%2Ftwo-factor%2Fapp%2F"
    assert b"Wrong password." in client.post(again, {"password": "wrong"}).content
    assert client.get(address)["Location"] == again
    assert client.post(again, {"password": factories.PASSWORD})["Location"] == address
    assert client.get(address).status_code == 200


def test_a_password_asked_for_again_is_guessed_as_often_as_at_the_sign_in(wanjiku: User) -> None:
    client = signed_in(wanjiku)
    some_time_later(client)
    for _ in range(5):
        client.post("/sign-in/again/", {"password": "wrong"})
        assert token(password="wrong").status_code == 401
    page = client.post("/sign-in/again/", {"password": factories.PASSWORD})
    assert b"Too many attempts. Try again in 15 minutes." in page.content


SET_UP = ["/account/two-factor/app/", "/account/two-factor/passkeys/add/"]


@pytest.mark.parametrize("address", SET_UP)
def test_nothing_is_set_up_on_an_account_whose_address_may_be_of_somebody_else(
    wanjiku: User, address: str
) -> None:
    EmailAddress.objects.filter(user=wanjiku).delete()
    EmailAddress.objects.create(user=wanjiku, email=wanjiku.email.lower(), verified=False)
    client = signed_in(wanjiku)
    for response in (client.get(address), client.post(address, {"code": "123456"})):
        assert (response.status_code, response["Location"]) == (302, "/account/email/")
    assert b"Confirm your email address first." in client.get("/account/email/").content
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("address", SET_UP)
def test_a_new_address_that_waits_is_in_nobodys_way(wanjiku: User, address: str) -> None:
    EmailAddress.objects.create(user=wanjiku, email="new@example.com", verified=False)
    assert signed_in(wanjiku).get(address).status_code == 200


def test_turning_the_app_off_takes_the_recovery_codes_along(wanjiku: User, secret: str) -> None:
    client = signed_in(wanjiku)
    assert client.post("/account/two-factor/app/off/").status_code == 302
    assert not Authenticator.objects.exists()
    assert with_password()[1]["Location"] == "/admin/"


def test_nobody_touches_the_passkeys_of_another(wanjiku: User) -> None:
    theirs = Authenticator.objects.create(
        user=factories.user(), type="webauthn", data={"name": "Phone", "credential": {}}
    )
    client = signed_in(wanjiku)
    for address in (f"/account/two-factor/passkeys/{theirs.pk}/{end}" for end in ("", "off/")):
        assert client.post(address, {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.get().data["name"] == "Phone"


JUNK: list[Any] = [1, [], {}, "x", None, {"id": "x"}, {"response": []}, {"id": 1, "response": {}}]
JUNK += [{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"userHandle": "eA"}}]
JUNK += [
    {
        "id": "eA",
        "rawId": "eA",
        "type": "public-key",
        "response": {"userHandle": handle, "clientDataJSON": "e30", "authenticatorData": "eA"}
        | {"signature": "eA"},
    }
    for handle in ("eA", None, "", "MDE4OTAwMDA3MDAwODAwMA", 1)
]


@pytest.mark.parametrize("credential", [json.dumps(each) for each in JUNK] + ["{", ""])
def test_what_is_no_passkey_lets_nobody_in_and_is_no_fault(
    wanjiku: User, secret: str, credential: str
) -> None:
    client = Client()
    client.get("/sign-in/passkey/", headers={"Accept": "application/json"})
    response = client.post("/sign-in/passkey/", {"credential": credential, "next": "/o/"})
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Fo%2F")
    client, _ = with_password(client)
    client.get("/sign-in/code/")
    assert client.post("/sign-in/code/", {"credential": credential}).status_code == 200
    assert not is_signed_in(client)
    client = signed_in(wanjiku)
    client.get("/account/two-factor/passkeys/add/")
    response = client.post("/account/two-factor/passkeys/add/", {"credential": credential})
    assert response.status_code == 200
    assert not Authenticator.objects.filter(type="webauthn").exists()


# --- Where Administrators must have one ---------------------------------------------------------

DOORS = ["/admin/", "/admin/identity/user/", "/o/authorize/?client_id=x", "/"]


@pytest.fixture(params=["superuser", "Administrator"])
def boss(request: pytest.FixtureRequest, settings: Any) -> User:
    settings.REQUIRE_TWO_FACTOR = True
    if request.param == "superuser":
        return factories.superuser(username="wanjiku")
    return factories.user("Administrator", username="wanjiku")


@pytest.mark.parametrize("address", DOORS)
def test_an_administrator_without_one_sets_it_up_before_anything_opens(
    boss: User, address: str
) -> None:
    client = signed_in(boss)
    for response in (client.get(address), client.post(address)):
        assert (response.status_code, response["Location"]) == (302, "/account/two-factor/")
    page = client.get("/account/two-factor/").content
    assert b"Administrators here need a second factor." in page
    assert b'<a href="/sign-out/">Sign out</a>' in page
    assert b"Back to your account" not in page  # it would lead here
    secret = client.get("/account/two-factor/app/").context["form"].secret
    client.post("/account/two-factor/app/", {"code": factories.code_of(secret)})
    context = client.get("/account/two-factor/").context
    assert context["goes_on_to"] == address
    assert client.get(address).get("Location") != "/account/two-factor/"


def test_an_app_that_looks_silently_is_told_that_nobody_is_signed_in(
    boss: User, shop: Application
) -> None:
    remember_consent(boss, shop, ["orders:read", "customers:write"])
    client = signed_in(boss)
    told = told_to_app(client.get(question(prompt="none")))
    assert (told["error"], told["state"]) == ("login_required", "xyz")
    assert is_signed_in(client)
    assert GOES_ON_TO not in client.session
    address, _, query = question(prompt="none").partition("?")
    assert client.post(address, dict(parse_qsl(query)))["Location"] == question(prompt="none")
    factories.authenticator_app(boss)
    assert "code" in told_to_app(client.get(question(prompt="none")))


def test_they_can_be_signed_out_by_an_app(boss: User) -> None:
    client = signed_in(boss)
    assert client.get("/o/logout/").status_code == 200
    assert client.post("/o/logout/confirm/")["Location"] == "/"
    assert not is_signed_in(client)


def test_nor_does_the_api_open_to_their_session_or_their_password(boss: User) -> None:
    response = signed_in(boss).get("/api/me/")
    assert response.status_code == 401
    said = "Set up a second factor first, on the page of your account."
    assert response.json()["detail"] == said
    response = token()
    assert (response.status_code, response.json()["detail"]) == (401, said)
    assert not SessionToken.objects.exists()


def test_nor_to_a_token_from_before(boss: User, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = False
    access = token().json()["access"]
    settings.REQUIRE_TWO_FACTOR = True
    headers = {"Authorization": f"Bearer {access}"}
    assert Client().get("/api/me/", headers=headers).status_code == 401
    factories.authenticator_app(boss)
    assert Client().get("/api/me/", headers=headers).status_code == 200


def test_who_is_no_administrator_is_asked_for_nothing(boss: User) -> None:
    clerk = factories.user("Clerk", username="clerk")
    assert signed_in(clerk).get("/admin/").status_code == 200
    assert token(username="clerk").status_code == 200


def test_it_is_not_required_unless_somebody_wants_it(boss: User, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = False
    assert signed_in(boss).get("/admin/").status_code == 200
