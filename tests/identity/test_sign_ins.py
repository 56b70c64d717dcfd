"""What is written down of each sign-in, and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from identity.models import SignIn
from identity.sign_ins import method_of, record_sign_in
from tests import factories

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def rows() -> list[Any]:
    return list(SignIn.objects.values_list("user__username", "method", "address", "user_agent"))


def test_a_sign_in_is_written_down() -> None:
    factories.user(username="wanjiku")
    client = Client(REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT=FIREFOX)
    client.post("/sign-in/", {"username": "wanjiku", "password": factories.PASSWORD})
    assert rows() == [("wanjiku", "password", "203.0.113.7", FIREFOX)]
    assert timezone.now() - SignIn.objects.get().at < timedelta(seconds=5)


def test_so_is_one_over_the_api() -> None:
    factories.user(username="wanjiku")
    client = Client(REMOTE_ADDR="2001:db8::7", HTTP_USER_AGENT="till/1.0")
    body = {"username": "wanjiku", "password": factories.PASSWORD}
    assert client.post("/api/token/", body, content_type="application/json").status_code == 200
    assert rows() == [("wanjiku", "password", "2001:db8::7", "till/1.0")]


def test_a_wrong_try_is_not() -> None:
    factories.user(username="wanjiku")
    body = {"username": "wanjiku", "password": "wrong"}
    Client().post("/sign-in/", body)
    Client().post("/api/token/", body, content_type="application/json")
    assert rows() == []


def test_what_a_browser_says_of_itself_is_cut_to_what_fits() -> None:
    factories.user(username="wanjiku")
    client = Client(HTTP_USER_AGENT="\x00" + "x" * 1000)
    client.post("/sign-in/", {"username": "wanjiku", "password": factories.PASSWORD})
    assert SignIn.objects.get().user_agent == "x" * 300


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"method": "password"}], "password"),
        ([{"method": "password"}, {"method": "mfa", "type": "totp"}], "password and code"),
        (
            [{"method": "password"}, {"method": "mfa", "type": "recovery_codes"}],
            "password and recovery code",
        ),
        ([{"method": "mfa", "type": "webauthn", "passwordless": True}], "passkey"),
        ([{"method": "socialaccount", "provider": "Google"}], "Google"),
        ([{"method": "password"}, {"method": "password"}], "password"),
        ([{"method": "sign_up"}], "sign up"),
        ([], "unknown"),
    ],
)
def test_the_method_is_said_in_words(
    records: list[dict[str, Any]], said: str, settings: Any
) -> None:
    settings.UPSTREAM_OIDC = {"name": "Google"}
    assert method_of(records) == said


def test_a_sign_in_is_kept_for_ninety_days() -> None:
    user = factories.user(username="wanjiku")
    request = RequestFactory().get("/")
    old, young = (record_sign_in(request, user, "password") for _ in range(2))
    for row, age in ((old, timedelta(days=90)), (young, timedelta(days=90, seconds=-10))):
        SignIn.objects.filter(pk=row.pk).update(at=timezone.now() - age)
    new = record_sign_in(request, user, "password")
    assert set(SignIn.objects.values_list("pk", flat=True)) == {young.pk, new.pk}
