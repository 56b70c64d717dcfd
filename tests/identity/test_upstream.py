"""Signing in with an account elsewhere, at an issuer that tells the truth, and at one that lies."""

import re
from collections.abc import Iterator
from time import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.contrib.auth.models import Group
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client

from identity.accounts import create_account
from identity.models import PersonalAccessToken, SignIn, User
from tests import factories
from tests.identity.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, new_key, running_issuer

pytestmark = pytest.mark.django_db

BEGIN, DONE = "/sign-in/elsewhere/", "/sign-in/elsewhere/done/"


@pytest.fixture
def issuer(settings: Any) -> Iterator[Issuer]:
    with running_issuer() as issuer:
        settings.PUBLIC_URL = "https://karani.example.com"
        settings.UPSTREAM_OIDC = {
            "issuer": issuer.address,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "name": "Example",
        }
        yield issuer


def go(issuer: Issuer, client: Client | None = None, **form: str) -> tuple[Client, Any]:
    """There and back."""
    client = client or Client()
    state = issuer.begun(client.post(BEGIN, form)["Location"])
    return client, client.get(DONE, {"code": "a-code", "state": state})


def signed_in_as(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def jane(*, is_confirmed: bool) -> User:
    user = create_account(User(username="wanjiku", email="Jane@example.com"), factories.PASSWORD)
    EmailAddress.objects.filter(user=user).update(verified=is_confirmed)
    return user


def written() -> tuple[int, int, int]:
    return User.objects.count(), SocialAccount.objects.count(), SignIn.objects.count()


# --- Somebody new -------------------------------------------------------------------------------


def test_somebody_new_gets_an_account_of_their_own_and_no_role(issuer: Issuer) -> None:
    client, response = go(issuer, next="/o/authorize/?client_id=x")
    assert (response.status_code, response["Location"]) == (302, "/o/authorize/?client_id=x")
    user = User.objects.get()
    assert signed_in_as(client) == str(user.pk)
    assert (user.username, user.email, user.get_full_name()) == (
        "jane",
        "jane@example.com",
        "Jane Doe",
    )
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert not user.has_usable_password()
    assert EmailAddress.objects.get().verified
    assert SignIn.objects.get().method == "Example"


@pytest.mark.parametrize(
    ("goes_on_to", "prompt"),
    [
        ("/o/authorize/?client_id=x&prompt=login", "login"),
        ("/o/authorize/?client_id=x&prompt=consent+select_account", "login"),
        ("/o/authorize/?client_id=x&max_age=60", "login"),
        ("/o/authorize/?client_id=x&prompt=consent", None),
        ("/o/authorize/?client_id=x", None),
        ("/account/?prompt=login", None),
        ("https://evil.example.com/o/authorize/?prompt=login", None),
        ("", None),
    ],
)
def test_who_must_sign_in_anew_must_there_too(
    issuer: Issuer, goes_on_to: str, prompt: str | None
) -> None:
    go(issuer, next=goes_on_to)
    assert issuer.asked.get("prompt") == prompt
    assert {"nonce", "code_challenge", "state"} <= issuer.asked.keys()


def test_they_are_known_by_their_subject_when_they_come_again(issuer: Issuer) -> None:
    go(issuer)
    issuer.claims = {"email": "other@example.com", "email_verified": False}
    client, _ = go(issuer)
    assert signed_in_as(client) == str(User.objects.get().pk)
    assert User.objects.get().email == "jane@example.com"


def test_the_subject_of_another_issuer_is_somebody_else(issuer: Issuer) -> None:
    staff = factories.user("Clerk")
    SocialAccount.objects.create(user=staff, provider="https://old.example", uid="248289761001")
    client, _ = go(issuer)
    assert signed_in_as(client) == str(User.objects.get(username="jane").pk)


@pytest.mark.parametrize(
    ("claims", "username"),
    [
        ({"preferred_username": "Jane"}, "Jane"),
        ({"preferred_username": "jane@example.com"}, "jane"),
        ({"preferred_username": "Jané Doe <x>"}, "jane"),
        ({"preferred_username": None}, "jane"),
        ({"preferred_username": "é"}, "user"),
    ],
)
def test_their_name_is_of_plain_letters(
    issuer: Issuer, claims: dict[str, Any], username: str
) -> None:
    issuer.claims = claims
    go(issuer)
    assert User.objects.get().username == username


def test_a_name_that_somebody_has_gets_a_number(issuer: Issuer) -> None:
    taken = factories.user(username="JANE")
    go(issuer)
    name = User.objects.exclude(pk=taken.pk).get().username
    assert name.startswith("jane")
    assert name[4:].isdigit()


def test_without_an_address_they_get_an_account_without_one(issuer: Issuer) -> None:
    issuer.claims = {"email": None, "email_verified": None}
    client, _ = go(issuer)
    assert (User.objects.get().email, EmailAddress.objects.count()) == ("", 0)
    assert signed_in_as(client)


def test_what_the_issuer_tells_and_gives_is_not_stored(issuer: Issuer) -> None:
    go(issuer)
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.extra_data) == (
        issuer.address,
        "248289761001",
        {},
    )
    assert not SocialToken.objects.exists()


def test_one_address_makes_so_many_accounts(issuer: Issuer, settings: Any) -> None:
    settings.GUARD_FACTOR = 0.05
    go(issuer)
    issuer.claims = {"sub": "2", "email": "two@example.com"}
    client, response = go(issuer)
    assert (response.status_code, b"Too many attempts." in response.content) == (403, True)
    assert written() == (1, 1, 1)
    assert signed_in_as(client) is None


# --- Somebody with an account -------------------------------------------------------------------


@pytest.mark.parametrize("is_verified", [True, "true"])
def test_an_account_is_theirs_whose_address_is_confirmed_there_and_here(
    issuer: Issuer, is_verified: bool | str
) -> None:
    user = jane(is_confirmed=True)
    issuer.claims = {"email_verified": is_verified}
    client, response = go(issuer)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert signed_in_as(client) == str(user.pk)
    assert SocialAccount.objects.get().user == user
    user.refresh_from_db()
    assert user.check_password(factories.PASSWORD)


def test_an_address_that_nobody_confirmed_here_may_be_a_strangers_account(issuer: Issuer) -> None:
    jane(is_confirmed=False)
    before = written()
    client, response = go(issuer)
    assert response.status_code == 403
    assert b"Sign in with your password first" in response.content
    assert signed_in_as(client) is None
    assert written() == before


def test_nor_is_an_account_theirs_that_is_known_by_no_confirmed_address(issuer: Issuer) -> None:
    boss = factories.superuser(email="jane@example.com")
    EmailAddress.objects.create(user=boss, email="old@example.com", verified=True)
    client, response = go(issuer)
    assert response.status_code == 403
    assert signed_in_as(client) is None
    assert not SocialAccount.objects.exists()


def test_nor_is_an_address_free_that_another_account_confirmed(issuer: Issuer) -> None:
    other = factories.user(email="new@example.com")
    EmailAddress.objects.create(user=other, email="jane@example.com", verified=True)
    before = written()
    client, response = go(issuer)
    assert response.status_code == 403
    assert b"Another account has this address" in response.content
    assert signed_in_as(client) is None
    assert written() == before


def test_who_only_asked_for_an_address_keeps_nobody_out(issuer: Issuer) -> None:
    other = factories.user(email="new@example.com")
    EmailAddress.objects.create(user=other, email="jane@example.com")
    client, _ = go(issuer)
    assert signed_in_as(client) == str(User.objects.get(email="jane@example.com").pk)
    assert EmailAddress.objects.get(email="jane@example.com").user.username == "jane"


@pytest.mark.parametrize("is_verified", [False, None, "false", 1.5, "yes"])
@pytest.mark.parametrize("is_known", [True, False])
def test_an_address_that_nobody_confirmed_there_is_nobodys(
    issuer: Issuer, is_verified: Any, is_known: bool
) -> None:
    if is_known:
        jane(is_confirmed=True)
    before = written()
    issuer.claims = {"email_verified": is_verified}
    client, response = go(issuer)
    assert response.status_code == 403
    assert b"Confirm your address at Example first" in response.content
    assert signed_in_as(client) is None
    assert written() == before


def test_the_second_factor_is_asked_for_here_too(issuer: Issuer) -> None:
    user = jane(is_confirmed=True)
    secret = factories.authenticator_app(user)
    client, response = go(issuer, next="/o/authorize/")
    assert response["Location"] == "/sign-in/code/"
    assert signed_in_as(client) is None
    response = client.post("/sign-in/code/", {"code": factories.code_of(secret)})
    assert response["Location"] == "/o/authorize/"
    assert SignIn.objects.get().method == "Example and code"


def test_an_account_that_is_closed_stays_so(issuer: Issuer) -> None:
    user = jane(is_confirmed=True)
    User.objects.filter(pk=user.pk).update(is_active=False)
    client, response = go(issuer)
    assert response["Location"] == "/sign-in/closed/"
    assert signed_in_as(client) is None


def test_a_new_session_begins(issuer: Issuer) -> None:
    client = Client()
    client.force_login(factories.user())
    key = client.session.session_key
    go(issuer, client)
    assert client.session.session_key != key
    assert signed_in_as(client) == str(User.objects.get(username="jane").pk)


def test_signing_in_again_goes_on_in_the_same_session_for_the_apps(issuer: Issuer) -> None:
    client, _ = go(issuer)
    before = client.session["sid"]
    go(issuer, client)
    assert client.session["sid"] == before
    issuer.claims = {"sub": "2", "email": "achieng@example.com"}
    go(issuer, client)
    assert client.session["sid"] != before


# --- To show again who you are ------------------------------------------------------------------

AGAIN = "/sign-in/again/elsewhere/"
NEW = "/account/tokens/new/"


def signed_in_a_while_ago(issuer: Issuer) -> Client:
    client, _ = go(issuer)
    session = client.session
    session["auth_time"] -= 600
    session.save()
    return client


def again(issuer: Issuer, client: Client) -> Any:
    state = issuer.begun(client.post(AGAIN, {"next": NEW})["Location"])
    return client.get(DONE, {"code": "a-code", "state": state})


TOKEN = {"form_key": "one", "name": "Till", "scopes": ["orders:read"], "lifetime": "90"}


@pytest.mark.parametrize("address", [NEW, "/account/password/first/", "/account/two-factor/app/"])
def test_who_has_no_password_signs_in_there_anew_before_it_matters(
    issuer: Issuer, address: str
) -> None:
    client = signed_in_a_while_ago(issuer)
    asked = client.get(address)["Location"]
    assert asked == f"{AGAIN}?next={address.replace('/', '%2F')}"
    page = client.get(asked)
    assert b"Continue with Example" in page.content
    assert b">Back to your account</a>" in page.content
    assert f'name="next" value="{address}"' in page.content.decode()


def test_what_was_sent_before_is_done_then(issuer: Issuer) -> None:
    client = signed_in_a_while_ago(issuer)
    assert client.post(NEW, TOKEN)["Location"].startswith(AGAIN)
    assert not PersonalAccessToken.objects.exists()
    session = client.session["sid"]
    response = again(issuer, client)
    assert (issuer.asked["prompt"], issuer.asked["max_age"]) == ("login", "0")
    row = PersonalAccessToken.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/account/tokens/{row.pk}/")
    assert client.get(NEW).status_code == 200
    assert client.session["sid"] == session
    assert SignIn.objects.count() == 1


@pytest.mark.parametrize("fault", [KeyError("ours"), PermissionDenied(), OAuth2Error("ours")])
def test_a_fault_of_what_is_done_then_is_not_the_issuers(
    issuer: Issuer, monkeypatch: Any, fault: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    client = signed_in_a_while_ago(issuer)
    monkeypatch.setattr("identity.people.upstream.resume_request", fail)
    client.raise_request_exception = False
    assert again(issuer, client).status_code == (403 if type(fault) is PermissionDenied else 500)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"sub": "2", "email": "achieng@example.com"}, b"That was another account"),
        ({"auth_time": None}, b"does not say when you signed in"),
        ({"auth_time": int(time()) - 900}, b"did not ask who you are"),
        ({"auth_time": int(time()) + 3600}, b"did not ask who you are"),
        ({"auth_time": float("inf")}, b"did not ask who you are"),
        ({"auth_time": float("nan")}, b"did not ask who you are"),
        ({"auth_time": "just now"}, b"did not ask who you are"),
        ({"auth_time": True}, b"did not ask who you are"),
        ({"auth_time": [1]}, b"did not ask who you are"),
    ],
)
def test_what_does_not_say_that_it_is_they_now_shows_nothing(
    issuer: Issuer, claims: dict[str, Any], said: bytes
) -> None:
    client = signed_in_a_while_ago(issuer)
    client.post(NEW, TOKEN)
    before = written()
    issuer.claims = claims
    response = again(issuer, client)
    assert (response.status_code, said in response.content) == (403, True)
    assert signed_in_as(client) == str(User.objects.get().pk)
    assert client.get(NEW)["Location"].startswith(AGAIN)
    assert (written(), PersonalAccessToken.objects.count()) == (before, 0)


@pytest.mark.parametrize(("ahead", "will_do"), [(-70, False), (-50, True), (50, True)])
def test_clocks_may_differ_by_a_minute_and_no_more(
    issuer: Issuer, ahead: int, will_do: bool
) -> None:
    client = signed_in_a_while_ago(issuer)
    issuer.claims = {"auth_time": int(time()) + ahead}
    assert again(issuer, client).status_code == (302 if will_do else 403)
    assert client.get(NEW).status_code == (200 if will_do else 302)


def test_a_sign_in_from_before_it_was_asked_for_will_not_do(issuer: Issuer) -> None:
    """However short a time they took since."""
    client = signed_in_a_while_ago(issuer)
    state = issuer.begun(client.post(AGAIN, {"next": NEW})["Location"])
    session = client.session
    session["socialaccount_states"][state][0]["began_at"] += 120
    session.save()
    response = client.get(DONE, {"code": "a-code", "state": state})
    assert (response.status_code, b"did not ask who" in response.content) == (403, True)


def test_where_the_issuer_does_not_say_when_a_password_can_be_chosen(issuer: Issuer) -> None:
    client = signed_in_a_while_ago(issuer)
    issuer.claims = {"auth_time": None}
    page = again(issuer, client).content
    assert b'href="/password/forgotten/"' in page
    client.post("/password/forgotten/", {"email": "jane@example.com"})
    link = re.search(r"https://karani.example.com(/password/new/\S+)", str(mail.outbox[-1].body))
    assert link
    form = client.get(link[1])["Location"]
    client.post(form, {"password1": factories.PASSWORD, "password2": factories.PASSWORD})
    assert User.objects.get().check_password(factories.PASSWORD)
    body = {"username": "jane", "password": factories.PASSWORD}
    assert client.post("/sign-in/", body).status_code == 302
    assert client.get(NEW).status_code == 200


def test_who_has_a_second_factor_here_shows_that(issuer: Issuer) -> None:
    client = signed_in_a_while_ago(issuer)
    factories.authenticator_app(User.objects.get())
    assert client.get(NEW)["Location"].startswith("/sign-in/again/code/")
    assert client.post(AGAIN).status_code == 404


def test_an_administrator_shows_it_before_the_second_factor_that_is_asked_for(
    issuer: Issuer, settings: Any
) -> None:
    client = signed_in_a_while_ago(issuer)
    user = User.objects.get()
    factories.roles()
    user.groups.set(Group.objects.filter(name="Administrator"))
    settings.REQUIRE_TWO_FACTOR = True
    assert client.get("/account/")["Location"] == "/account/two-factor/"
    assert client.get("/account/two-factor/app/")["Location"].startswith(AGAIN)
    again(issuer, client)
    assert client.get("/account/two-factor/app/").status_code == 200


def test_who_has_nothing_to_show_signs_in(issuer: Issuer, settings: Any) -> None:
    client = signed_in_a_while_ago(issuer)
    settings.UPSTREAM_OIDC = None
    assert client.get(NEW)["Location"].startswith("/sign-in/?next=")
    assert client.get(AGAIN).status_code == 404


def test_who_has_a_password_is_asked_for_that(issuer: Issuer) -> None:
    client = Client()
    client.force_login(jane(is_confirmed=True))
    assert client.get(AGAIN).status_code == 404
    assert Client().get(AGAIN)["Location"].startswith("/sign-in/?next=")


# --- The protocol -------------------------------------------------------------------------------


def test_the_question_has_all_that_protects_the_answer(issuer: Issuer) -> None:
    go(issuer)
    asked = issuer.asked
    assert asked["code_challenge_method"] == "S256"
    assert issuer.had_the_verifier()
    assert len(asked["nonce"]) == 64
    assert asked["redirect_uri"] == "https://karani.example.com/sign-in/elsewhere/done/"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    first = dict(asked)
    go(issuer)
    assert not set(first.values()) & {issuer.asked[name] for name in ("nonce", "state")}


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "0" * 64},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
    ],
    ids=repr,
)
def test_a_token_that_is_not_for_this_lets_nobody_in(issuer: Issuer, claims: Any) -> None:
    issuer.claims = claims
    assert_nobody_is_let_in(issuer)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "a\0b"},
        {"email": "jane\0@example.com"},
        {"email": ["jane@example.com"], "email_verified": False},
        {"name": 5},
        {"preferred_username": {"x": 1}},
    ],
    ids=repr,
)
def test_a_token_of_strange_claims_lets_nobody_in(issuer: Issuer, claims: Any) -> None:
    issuer.claims = claims
    client, response = go(issuer)
    assert response.status_code in {401, 403, 502}
    assert (signed_in_as(client), written()) == (None, (0, 0, 0))


def test_a_fault_of_ours_is_not_the_issuers(issuer: Issuer, monkeypatch: Any) -> None:
    def fail(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr("identity.people.upstream.create_account", fail)
    with pytest.raises(KeyError):
        go(issuer)


def test_a_signature_of_another_key_lets_nobody_in(issuer: Issuer) -> None:
    issuer.signing_key = new_key()
    assert_nobody_is_let_in(issuer)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_that_anybody_could_make_lets_nobody_in(issuer: Issuer, algorithm: str) -> None:
    issuer.algorithm = algorithm
    assert_nobody_is_let_in(issuer)


def test_metadata_of_another_issuer_are_not_used(issuer: Issuer) -> None:
    issuer.metadata = {"issuer": "https://evil.example"}
    client = Client()
    response = client.post(BEGIN)
    assert response.status_code == 502
    assert b"That did not work" in response.content


def assert_nobody_is_let_in(issuer: Issuer) -> None:
    jane(is_confirmed=True)
    before = written()
    client, response = go(issuer)
    assert response.status_code in {401, 502}
    assert b"That did not work" in response.content
    assert CLIENT_SECRET.encode() not in response.content
    assert signed_in_as(client) is None
    assert written() == before


@pytest.mark.parametrize("state", ["x", "", None])
def test_an_answer_to_no_question_of_this_browser_lets_nobody_in(
    issuer: Issuer, state: str | None
) -> None:
    client = Client()
    issuer.begun(client.post(BEGIN)["Location"])
    query = {"code": "a-code"} | ({} if state is None else {"state": state})
    assert client.get(DONE, query).status_code == 401
    assert issuer.token_requests == []
    assert signed_in_as(client) is None


def test_nor_does_one_that_another_browser_asked_for_or_a_second_one(issuer: Issuer) -> None:
    state = issuer.begun(Client().post(BEGIN)["Location"])
    victim = Client()
    assert victim.get(DONE, {"code": "a-code", "state": state}).status_code == 401
    assert signed_in_as(victim) is None
    client, _ = go(issuer)
    client.post("/sign-out/")
    again = client.get(DONE, {"code": "a-code", "state": issuer.asked["state"]})
    assert (again.status_code, signed_in_as(client)) == (401, None)


def test_who_says_no_there_is_back_here(issuer: Issuer) -> None:
    client = Client()
    state = issuer.begun(client.post(BEGIN)["Location"])
    response = client.get(DONE, {"error": "access_denied", "state": state}, follow=True)
    assert b"You are not signed in" in response.content


@pytest.mark.parametrize("target", ["//evil.example", "https:evil.example"])
def test_a_sign_in_goes_on_to_nobody_else(issuer: Issuer, target: str) -> None:
    assert go(issuer, next=target)[1]["Location"] == "/"


def test_an_issuer_that_is_out_of_order_is_said_to_be(issuer: Issuer, caplog: Any) -> None:
    client = Client()
    state = issuer.begun(client.post(BEGIN)["Location"])
    issuer.status = 500
    assert client.post(BEGIN).status_code == 502
    assert client.get(DONE, {"code": "a-code", "state": state}).status_code in {401, 502}
    assert "The issuer that people sign in with did not answer: HTTPError" in caplog.text
    assert CLIENT_SECRET not in caplog.text


def test_nobody_is_sent_there_by_a_link(issuer: Issuer) -> None:
    assert Client().get(BEGIN).status_code == 405
    assert Client(enforce_csrf_checks=True).post(BEGIN).status_code == 403


def test_the_sign_in_page_shows_the_way(issuer: Issuer) -> None:
    assert b"Continue with Example" in Client().get("/sign-in/").content


def test_without_an_issuer_there_is_no_way() -> None:
    assert b"Continue with" not in Client().get("/sign-in/").content
    assert Client().post(BEGIN).status_code == 404
    assert Client().get(DONE, {"code": "x", "state": "x"}).status_code == 404
