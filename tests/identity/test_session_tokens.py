"""First-party tokens: made, used, replaced and ended."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from identity.errors import CredentialRefused
from identity.models import SessionToken, User
from identity.session_tokens import (
    TokenPair,
    find_by_access_token,
    issue_tokens,
    refresh_tokens,
    revoke_family,
)
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with patch("django.utils.timezone.now", lambda: moment):
        yield


def rows() -> list[Any]:
    return list(SessionToken.objects.order_by("pk").values())


def row_of(pair: TokenPair) -> SessionToken:
    return SessionToken.objects.get(
        refresh_digest=hashlib.sha256(pair.refresh.encode()).hexdigest()
    )


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("another battery staple")
    user.save()


def revoke(user: User) -> None:
    revoke_family(SessionToken.objects.get(user=user))


ENDINGS = pytest.mark.parametrize("end", [deactivate, change_password, revoke])


def test_only_digests_are_stored() -> None:
    pair = issue_tokens(factories.user())
    row = SessionToken.objects.get()
    assert row.access_digest == hashlib.sha256(pair.access.encode()).hexdigest()
    assert row.refresh_digest == hashlib.sha256(pair.refresh.encode()).hexdigest()
    stored = repr(rows())
    assert pair.access not in stored
    assert pair.refresh not in stored


def test_no_two_tokens_are_alike() -> None:
    user = factories.user()
    pairs = [issue_tokens(user) for _ in range(5)]
    assert len({token for pair in pairs for token in (pair.access, pair.refresh)}) == 10


def test_a_sign_in_gives_a_token_of_fifteen_minutes_with_every_scope() -> None:
    with at(NOON):
        pair = issue_tokens(factories.user())
    row = SessionToken.objects.get()
    assert pair.expires_in == 900
    assert row.access_expires_at == NOON + timedelta(minutes=15)
    assert row.refresh_expires_at == NOON + timedelta(days=14)
    assert sorted(row.scopes) == [
        "customers:read",
        "customers:write",
        "messages:read",
        "messages:send",
        "orders:read",
        "orders:write",
    ]


def test_an_access_token_finds_its_user() -> None:
    user = factories.user()
    issue_tokens(factories.user())
    assert find_by_access_token(issue_tokens(user).access).user == user


def test_an_access_token_is_good_until_it_expires() -> None:
    with at(NOON):
        pair = issue_tokens(factories.user())
    with at(NOON + timedelta(minutes=15) - INSTANT):
        find_by_access_token(pair.access)
    with (
        at(NOON + timedelta(minutes=15)),
        pytest.raises(CredentialRefused, match=r"^The access token has expired\.$"),
    ):
        find_by_access_token(pair.access)


@ENDINGS
def test_an_access_token_ends_at_once(end: Callable[[User], None]) -> None:
    user = factories.user()
    pair = issue_tokens(user)
    end(user)
    with pytest.raises(CredentialRefused, match=r"^The access token was revoked\.$"):
        find_by_access_token(pair.access)


@pytest.mark.parametrize("token", ["", "unknown", pytest.param("x" * 10_000, id="long")])
def test_an_unknown_access_token_is_refused(token: str) -> None:
    issue_tokens(factories.user())
    with pytest.raises(CredentialRefused, match=r"^The access token is invalid\.$"):
        find_by_access_token(token)


def test_a_refresh_token_gives_no_access_and_an_access_token_no_refresh() -> None:
    pair = issue_tokens(factories.user())
    before = rows()
    with pytest.raises(CredentialRefused, match="The access token is invalid"):
        find_by_access_token(pair.refresh)
    with pytest.raises(CredentialRefused, match="The refresh token is invalid"):
        refresh_tokens(pair.access)
    assert rows() == before


def test_a_refresh_replaces_both_tokens() -> None:
    user = factories.user()
    old = issue_tokens(user)
    new = refresh_tokens(old.refresh)
    assert find_by_access_token(new.access).user == user
    assert refresh_tokens(new.refresh)
    with pytest.raises(CredentialRefused, match="The access token was revoked"):
        find_by_access_token(old.access)


def test_a_refresh_keeps_the_family_and_the_scopes() -> None:
    old = issue_tokens(factories.user())
    SessionToken.objects.update(scopes=["orders:read"])
    new = refresh_tokens(old.refresh)
    assert row_of(new).family == row_of(old).family
    assert row_of(new).scopes == ["orders:read"]


def test_a_refresh_token_lasts_fourteen_days_from_its_last_use() -> None:
    with at(NOON):
        pair = issue_tokens(factories.user())
    last_moment = NOON + timedelta(days=14) - INSTANT
    with at(last_moment):
        refresh_tokens(pair.refresh)
    newest = SessionToken.objects.latest("created_at")
    assert newest.refresh_expires_at == last_moment + timedelta(days=14)


def test_an_expired_refresh_token_is_refused_and_nothing_is_written() -> None:
    with at(NOON):
        pair = issue_tokens(factories.user())
    before = rows()
    with (
        at(NOON + timedelta(days=14)),
        pytest.raises(CredentialRefused, match=r"^The refresh token has expired\.$"),
    ):
        refresh_tokens(pair.refresh)
    assert rows() == before


@ENDINGS
def test_an_ended_refresh_token_is_refused_and_nothing_is_written(
    end: Callable[[User], None],
) -> None:
    user = factories.user()
    pair = issue_tokens(user)
    end(user)
    before = rows()
    with pytest.raises(CredentialRefused, match=r"^The refresh token was revoked\.$"):
        refresh_tokens(pair.refresh)
    assert rows() == before


def test_an_unknown_refresh_token_is_refused_and_nothing_is_written() -> None:
    issue_tokens(factories.user())
    before = rows()
    with pytest.raises(CredentialRefused, match=r"^The refresh token is invalid\.$"):
        refresh_tokens("unknown")
    assert rows() == before


def test_a_refresh_token_used_twice_ends_all_that_came_of_the_sign_in() -> None:
    first = issue_tokens(factories.user())
    second = refresh_tokens(first.refresh)
    third = refresh_tokens(second.refresh)
    with pytest.raises(CredentialRefused, match="was used before; sign in again"):
        refresh_tokens(first.refresh)
    assert not SessionToken.objects.filter(revoked_at=None).exists()
    with pytest.raises(CredentialRefused, match="The access token was revoked"):
        find_by_access_token(third.access)
    with pytest.raises(CredentialRefused, match="The refresh token was revoked"):
        refresh_tokens(third.refresh)
    assert SessionToken.objects.count() == 3


def test_another_sign_in_of_the_same_user_outlives_the_end_of_a_family() -> None:
    user = factories.user()
    phone, laptop = issue_tokens(user), issue_tokens(user)
    refresh_tokens(phone.refresh)
    with pytest.raises(CredentialRefused):
        refresh_tokens(phone.refresh)
    assert find_by_access_token(laptop.access).user == user


def test_to_end_a_family_again_keeps_the_time_of_its_end() -> None:
    issue_tokens(factories.user())
    row = SessionToken.objects.get()
    with at(NOON):
        revoke_family(row)
    with at(NOON + timedelta(hours=1)):
        revoke_family(row)
    row.refresh_from_db()
    assert row.revoked_at == NOON


@pytest.mark.django_db(transaction=True)
def test_of_many_who_refresh_at_once_one_gets_a_pair_and_the_family_ends() -> None:
    pair = issue_tokens(factories.user())
    outcomes: list[str] = []

    def refresh() -> None:
        try:
            refresh_tokens(pair.refresh)
            outcomes.append("a pair")
        except CredentialRefused as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reused = "The refresh token was used before; sign in again."
    assert sorted(outcomes) == [reused, reused, reused, "a pair"]
    assert SessionToken.objects.count() == 2
    assert not SessionToken.objects.filter(revoked_at=None).exists()


def test_signing_in_clears_away_the_users_dead_tokens_and_nobody_elses() -> None:
    user, other = factories.user(), factories.user()
    for each in (user, user, other):
        issue_tokens(each)
    SessionToken.objects.update(refresh_expires_at=timezone.now() - timedelta(seconds=1))
    issue_tokens(user)
    assert SessionToken.objects.filter(user=user).count() == 1
    assert SessionToken.objects.filter(user=other).count() == 1
