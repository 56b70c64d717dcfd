"""Personal access tokens: made, used and ended."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import Customer
from identity.errors import CredentialRefused
from identity.models import PersonalAccessToken, User
from identity.personal_tokens import create_token, find_by_token, revoke_token
from identity.session_tokens import issue_tokens
from project.models import IdempotencyRecord
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
NEW_CUSTOMER = {"name": "John Doe", "phone_number": "+254722000000"}


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with patch("django.utils.timezone.now", lambda: moment):
        yield


def rows() -> list[Any]:
    return list(PersonalAccessToken.objects.order_by("pk").values())


def me(authorization: str) -> Any:
    return Client().get("/api/me/", headers={"Authorization": authorization})


# --- Making -------------------------------------------------------------------------------------


def test_only_the_digest_is_stored() -> None:
    row, text = create_token(factories.user(), "Till", ["orders:read"])
    assert row.digest == hashlib.sha256(text.encode()).hexdigest()
    assert text not in repr(rows())


def test_a_token_says_what_it_is_and_no_two_are_alike() -> None:
    user = factories.user()
    texts = {factories.personal_token(user) for _ in range(5)}
    assert len(texts) == 5
    assert all(re.fullmatch(r"kpt_[\w-]{43}", text) for text in texts)


def test_a_token_keeps_its_name_its_scopes_and_its_end() -> None:
    user = factories.user()
    with at(NOON):
        create_token(user, " Till ", ["orders:write", "orders:read"], timedelta(days=7))
    row = PersonalAccessToken.objects.get()
    assert (row.user, row.name, row.scopes) == (user, "Till", ["orders:read", "orders:write"])
    assert row.expires_at == NOON + timedelta(days=7)
    assert (row.last_used_at, row.revoked_at) == (None, None)


def test_a_token_lasts_ninety_days_where_nothing_else_is_said() -> None:
    with at(NOON):
        row, _ = create_token(factories.user(), "Till", ["orders:read"])
    assert row.expires_at == NOON + timedelta(days=90)


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": " "}, {"name": ["This field cannot be blank."]}),
        (
            {"name": "x" * 81},
            {"name": ["Ensure this value has at most 80 characters (it has 81)."]},
        ),
        ({"name": "a\0b"}, {"name": ["Write it in one line, without control characters."]}),
        ({"scopes": []}, {"scopes": ["Choose at least one thing that the token may do."]}),
        ({"scopes": ["orders:read", "openid"]}, {"scopes": ["There is no scope openid."]}),
        ({"lifetime": timedelta(days=367)}, {"lifetime": ["Choose at most 366 days."]}),
        ({"lifetime": timedelta(0)}, {"lifetime": ["Choose at most 366 days."]}),
    ],
)
def test_what_is_wrong_is_named_and_no_token_is_made(
    changes: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    facts: dict[str, Any] = {"name": "Till", "scopes": ["orders:read"]} | changes
    with pytest.raises(ValidationError) as refusal:
        create_token(factories.user(), **facts)
    assert refusal.value.message_dict == errors
    assert rows() == []


def test_nobody_has_more_than_twenty_live_ones_and_the_dead_do_not_count() -> None:
    user, other = factories.user(), factories.user()
    for _ in range(20):
        factories.personal_token(user)
    before = rows()
    with pytest.raises(ValidationError, match="You have 20 tokens, and cannot make more"):
        factories.personal_token(user)
    assert rows() == before
    factories.personal_token(other)
    revoke_token(user.personal_tokens.all()[0])
    factories.personal_token(user)


def test_making_one_clears_away_the_owners_long_dead_and_nobody_elses() -> None:
    user, other = factories.user(), factories.user()
    with at(NOON):
        for each in (user, user, other):
            factories.personal_token(each, lifetime=timedelta(days=7))
        revoke_token(user.personal_tokens.all()[0])
    with at(NOON + timedelta(days=30)):
        factories.personal_token(user)
    assert user.personal_tokens.count() == 3
    with at(NOON + timedelta(days=30) + INSTANT):
        factories.personal_token(user)
    assert user.personal_tokens.count() == 3  # the revoked one went
    with at(NOON + timedelta(days=37) + INSTANT):
        factories.personal_token(user)
    assert user.personal_tokens.count() == 3  # the expired one, too
    assert other.personal_tokens.count() == 1


# --- Using --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "Token", "TOKEN"])
def test_a_token_finds_its_user_and_tells_its_scopes(kind: str) -> None:
    user = factories.user("Clerk", username="wanjiku")
    factories.personal_token(factories.user())
    text = factories.personal_token(user, scopes=["orders:read"])
    response = me(f"{kind} {text}")
    assert response.status_code == 200
    body = response.json()
    assert (body["username"], body["roles"], body["scopes"]) == (
        "wanjiku",
        ["Clerk"],
        ["orders:read"],
    )


def test_the_word_token_is_for_personal_tokens_only() -> None:
    user = factories.user()
    for text in (issue_tokens(user).access, factories.app_token("Viewer")):
        response = me(f"Token {text}")
        assert response.status_code == 401
        assert response.json()["detail"] == (
            "This is no personal access token. Send it as: Bearer <token>."
        )


def test_a_token_is_good_until_it_expires() -> None:
    with at(NOON):
        text = factories.personal_token(factories.user(), lifetime=timedelta(days=366))
    with at(NOON + timedelta(days=366) - INSTANT):
        find_by_token(text)
    with (
        at(NOON + timedelta(days=366)),
        pytest.raises(CredentialRefused, match=r"^The personal access token has expired\.$"),
    ):
        find_by_token(text)


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("another battery staple")
    user.save()


def revoke(user: User) -> None:
    revoke_token(user.personal_tokens.get())


@pytest.mark.parametrize("end", [deactivate, change_password, revoke])
def test_a_token_ends_at_once_and_is_not_used_any_more(end: Callable[[User], None]) -> None:
    user = factories.user()
    text = factories.personal_token(user)
    end(user)
    before = rows()
    response = me(f"Bearer {text}")
    assert response.status_code == 401
    detail = "The personal access token was revoked."
    assert response.json()["detail"] == detail
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="Karani", error="invalid_token", error_description="{detail}"'
    )
    assert rows() == before


def test_a_token_outlives_that_the_password_is_hashed_harder(settings: Any) -> None:
    user = factories.user(username="wanjiku")
    text, access = factories.personal_token(user), issue_tokens(user).access
    changed = factories.personal_token(user)
    PersonalAccessToken.objects.filter(pk=user.personal_tokens.latest("pk").pk).update(
        password_mark="of another password"
    )
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    body = {"username": "wanjiku", "password": factories.PASSWORD}
    signed_in = Client().post("/api/token/", body, content_type="application/json")
    assert signed_in.status_code == 200
    user.refresh_from_db()
    assert user.password.startswith("pbkdf2_")
    assert me(f"Bearer {text}").status_code == 200
    assert me(f"Bearer {access}").status_code == 200
    assert me(f"Bearer {changed}").status_code == 401


def test_to_revoke_one_leaves_the_others_and_again_keeps_the_time_of_its_end() -> None:
    user = factories.user()
    factories.personal_token(user)
    row = PersonalAccessToken.objects.get()
    other = factories.personal_token(user)
    with at(NOON):
        revoke_token(row)
    with at(NOON + timedelta(hours=1)):
        revoke_token(row)
    row.refresh_from_db()
    assert row.revoked_at == NOON
    assert find_by_token(other).user == user


def test_a_token_of_who_must_set_up_a_second_factor_first_gives_no_access(
    settings: Any,
) -> None:
    text = factories.personal_token(factories.superuser())
    settings.REQUIRE_TWO_FACTOR = True
    assert me(f"Bearer {text}").status_code == 401
    assert post_customer(text).status_code == 401
    assert not Customer.objects.exists()
    settings.REQUIRE_TWO_FACTOR = False
    assert me(f"Bearer {text}").status_code == 200


def test_an_unknown_token_is_refused() -> None:
    factories.personal_token(factories.user())
    response = me("Bearer kpt_" + "x" * 43)
    assert response.status_code == 401
    assert response.json()["detail"] == "The personal access token is invalid."


def test_a_token_without_the_scope_is_told_which_and_nothing_is_written() -> None:
    text = factories.personal_token(factories.superuser(), scopes=["customers:read"])
    response = Client().post(
        "/api/customers/",
        NEW_CUSTOMER,
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        'Bearer realm="Karani", error="insufficient_scope", scope="customers:write"'
    )
    assert not Customer.objects.exists()


# --- When it was used ---------------------------------------------------------------------------


def used_at() -> datetime | None:
    return PersonalAccessToken.objects.get().last_used_at


def queries_of_a_use(text: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        find_by_token(text)
    return [query["sql"].partition(" ")[0] for query in queries]


def test_the_minute_of_the_last_use_is_kept_at_one_query_a_minute() -> None:
    with at(NOON):
        text = factories.personal_token(factories.user())
    assert used_at() is None
    with at(NOON + timedelta(seconds=59)):
        assert queries_of_a_use(text) == ["SELECT", "UPDATE"]
        assert used_at() == NOON
        assert queries_of_a_use(text) == ["SELECT"]
    with at(NOON + timedelta(seconds=60)):
        assert queries_of_a_use(text) == ["SELECT", "UPDATE"]
    assert used_at() == NOON + timedelta(minutes=1)


def test_who_is_slow_does_not_set_the_time_of_the_last_use_back() -> None:
    with at(NOON):
        text = factories.personal_token(factories.user())
    later = NOON + timedelta(minutes=5)
    joined = PersonalAccessToken.objects.get()
    PersonalAccessToken.objects.update(last_used_at=later)
    with (
        at(NOON),
        patch("identity.personal_tokens.PersonalAccessToken.objects.select_related") as look,
    ):
        look.return_value.annotate.return_value.filter.return_value.first.return_value = joined
        joined.names = ""  # type: ignore[attr-defined]  # what the look adds
        find_by_token(text)
    assert used_at() == later


# --- One program is not another -----------------------------------------------------------------


def post_customer(text: str) -> Any:
    return Client().post(
        "/api/customers/",
        NEW_CUSTOMER,
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}", "Idempotency-Key": "one"},
    )


def test_a_key_of_one_token_is_not_that_of_another_of_the_same_owner() -> None:
    boss = factories.superuser()
    one, two = (factories.personal_token(boss) for _ in range(2))
    assert post_customer(one).status_code == 201
    replayed = post_customer(one)
    assert (replayed.status_code, replayed["Idempotent-Replayed"]) == (201, "true")
    assert post_customer(two).status_code == 400  # the phone is taken: it was asked anew
    assert post_customer(issue_tokens(boss).access).status_code == 400
    tokens = PersonalAccessToken.objects.order_by("pk")
    clients = IdempotencyRecord.objects.order_by("pk").values_list("client", flat=True)
    assert list(clients) == [*(f"personal-token:{token.pk}" for token in tokens), ""]
    assert Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_made_at_once_no_more_come_to_be_than_one_may_have() -> None:
    user = factories.user()
    for _ in range(19):
        factories.personal_token(user)
    outcomes: list[str] = []

    def make() -> None:
        try:
            factories.personal_token(user)
            outcomes.append("made")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert user.personal_tokens.count() == 20
