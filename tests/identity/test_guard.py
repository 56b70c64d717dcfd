"""How often one may try to sign in, to refresh or to register, and what a refusal tells."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection, transaction
from django.test import Client

from identity import guard
from identity.errors import TooManyAttempts, try_again_in
from identity.guard import LIMITS, Action, network_of
from identity.models import AttemptCount, SessionToken
from identity.session_tokens import issue_tokens
from tests import factories

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
HERE, THERE = "203.0.113.7", "198.51.100.7"


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with patch("django.utils.timezone.now", lambda: moment):
        yield


class Failed(Exception):
    """What was tried did not come off."""


def fail(action: Action = "sign_in", account: str = "wanjiku", address: str = HERE) -> None:
    with pytest.raises(Failed), guard.attempt(action, account=account, address=address):
        raise Failed


def succeed(action: Action = "sign_in", account: str = "wanjiku", address: str = HERE) -> None:
    with guard.attempt(action, account=account, address=address):
        pass


def refused(action: Action = "sign_in", account: str = "wanjiku", address: str = HERE) -> int:
    """Try, be refused, and return the seconds to wait."""
    with (
        pytest.raises(TooManyAttempts) as refusal,
        guard.attempt(action, account=account, address=address),
    ):
        pytest.fail("It was let in.")
    return refusal.value.wait


def rows() -> list[Any]:
    return list(AttemptCount.objects.order_by("pk").values())


def addresses(count: int) -> list[str]:
    return [f"198.51.100.{number}" for number in range(count)]


# --- Limits -------------------------------------------------------------------------------------

PAIR_LIMITS: list[tuple[Action, int, int]] = [
    ("sign_in", 10, 900),
    ("second_factor", 10, 900),
    ("refresh", 10, 900),
    ("registration", 10, 3600),
    ("app_secret", 100, 900),
    ("device_sign_in", 60, 900),
    ("device_code", 10, 900),
    ("long_question", 120, 900),
    ("invitation", 20, 900),
    ("mail", 5, 3600),
]
ADDRESS_LIMITS: list[tuple[Action, int, int]] = [
    ("sign_in", 100, 900),
    ("second_factor", 100, 900),
    ("refresh", 100, 900),
    ("registration", 20, 3600),
    ("app_secret", 300, 900),
    ("device_sign_in", 120, 900),
    ("device_code", 50, 900),
    ("long_question", 240, 900),
    ("invitation", 60, 900),
    ("mail", 20, 3600),
]


def test_each_action_is_in_the_tables() -> None:
    assert {action for action, *_ in PAIR_LIMITS} == set(LIMITS)
    assert {action for action, *_ in ADDRESS_LIMITS} == set(LIMITS)


@pytest.mark.parametrize(("action", "most", "wait"), PAIR_LIMITS)
def test_one_account_may_be_tried_so_often_from_one_address(
    action: Action, most: int, wait: int
) -> None:
    with at(NOON):
        for _ in range(most):
            fail(action)
        before = rows()
        assert refused(action) == wait
        assert rows() == before


@pytest.mark.parametrize(("action", "most", "wait"), ADDRESS_LIMITS)
def test_one_address_may_try_so_often_in_all(action: Action, most: int, wait: int) -> None:
    with at(NOON):
        for number in range(most):
            fail(action, account=f"user{number}")
        before = rows()
        assert refused(action, account="another") == wait
        assert rows() == before


@pytest.mark.parametrize(
    ("action", "most", "wait"), [("sign_in", 100, 900), ("second_factor", 30, 3600)]
)
def test_one_account_may_be_tried_so_often_from_all_addresses_together(
    action: Action, most: int, wait: int
) -> None:
    with at(NOON):
        for address in addresses(most):
            fail(action, address=address)
        assert refused(action) == wait
        succeed(action, account="another")


@pytest.mark.parametrize("action", ["refresh", "registration", "mail"])
def test_from_other_addresses_nobody_is_kept_from_a_token_or_a_name(action: Action) -> None:
    with at(NOON):
        for address in addresses(101):
            fail(action, address=address)
        succeed(action)


def test_a_stranger_at_another_address_does_not_lock_the_owner_out() -> None:
    with at(NOON):
        for _ in range(10):
            fail(address=THERE)
        refused(address=THERE)
        succeed(address=HERE)


def test_a_thousand_strangers_do_not_lock_the_owner_out_where_they_signed_in_this_month() -> None:
    with at(NOON - timedelta(days=30) + timedelta(seconds=1)):
        succeed(address=HERE)
    with at(NOON):
        for address in addresses(100):
            fail(address=address)
        refused(address=THERE)
        for _ in range(10):
            fail(address=HERE)
        refused(address=HERE)  # the limit of the pair still holds


def test_an_address_is_a_stranger_again_after_a_month() -> None:
    with at(NOON - timedelta(days=30)):
        succeed(address=HERE)
    with at(NOON):
        for address in addresses(100):
            fail(address=address)
        refused(address=HERE)


def test_signing_in_somewhere_does_not_make_known_who_registers_or_refreshes() -> None:
    succeed("refresh")
    succeed("registration")
    assert not AttemptCount.objects.filter(kind__endswith="known").exists()


def test_actions_do_not_count_each_other() -> None:
    for _ in range(10):
        fail("sign_in")
    succeed("refresh")
    succeed("registration")


def test_an_app_may_ask_for_many_people_at_the_same_moment() -> None:
    with ExitStack() as under_way:
        for _ in range(64):
            under_way.enter_context(guard.attempt("app_secret", account="shop", address=HERE))
    assert not AttemptCount.objects.exclude(count=0).exists()


def test_the_settings_stretch_the_limits(settings: Any) -> None:
    settings.GUARD_FACTOR = 0.25
    for _ in range(3):  # of 2.5
        fail()
    refused()


# --- Success ------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["sign_in", "second_factor", "refresh"])
def test_success_gives_the_try_back_and_no_more(action: Action) -> None:
    with at(NOON):
        for _ in range(9):
            fail(action)
        for _ in range(3):
            succeed(action)
        fail(action)
        refused(action)


def test_a_registration_that_succeeds_counts_too() -> None:
    for number in range(20):
        succeed("registration", account=f"user{number}")
    refused("registration", account="another")


def test_a_try_that_ends_in_the_next_window_gives_nothing_back_of_it() -> None:
    with at(NOON):
        slow = guard.attempt("sign_in", account="wanjiku", address=HERE)
        slow.__enter__()
    with at(NOON + timedelta(minutes=15)):
        fail()
        slow.__exit__(None, None, None)
        for _ in range(9):
            fail()
        refused()


# --- Windows ------------------------------------------------------------------------------------


def test_a_window_ends_a_quarter_of_an_hour_after_its_first_failure() -> None:
    with at(NOON):
        fail()
    with at(NOON + timedelta(minutes=14)):
        for _ in range(9):
            fail()
        assert refused() == 60
    with at(NOON + timedelta(minutes=15) - INSTANT):
        assert refused() == 1
    with at(NOON + timedelta(minutes=15)):
        for _ in range(10):
            fail()
        assert refused() == 900


def test_the_longest_wait_is_told() -> None:
    with at(NOON):
        for _ in range(10):
            fail()
    with at(NOON + timedelta(minutes=10)):
        for number in range(90):
            fail(account=f"user{number}")
    with at(NOON + timedelta(minutes=10)):
        assert refused() == 300  # both: the address's window opened with the first failure, too
    AttemptCount.objects.filter(kind="sign_in by address").update(
        expires_at=NOON + timedelta(minutes=20)
    )
    with at(NOON + timedelta(minutes=10)):
        assert refused() == 600


def test_what_counts_nothing_any_more_is_deleted_as_new_tries_come() -> None:
    with at(NOON):
        fail()
        succeed(account="achieng", address=THERE)
    with at(NOON + timedelta(minutes=15)):
        fail("refresh", account="token", address="192.0.2.1")
    kinds = sorted(row["kind"] for row in rows())
    assert kinds == ["refresh by address", "refresh by pair", "sign_in known"]


# --- Who is who ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "spelling", ["Wanjiku@Example.com", "WANJIKU@EXAMPLE.COM", "wanj\u0131ku@example.com"]
)
def test_all_spellings_of_an_email_address_are_one_account(spelling: str) -> None:
    for _ in range(10):
        fail(account="wanjiku@example.com")
    refused(account=spelling)


def test_neither_names_nor_addresses_are_stored_nor_what_anybody_could_hash() -> None:
    succeed()
    with patch("django.conf.settings.SECRET_KEY", "another"):
        succeed()
    stored = repr(rows())
    assert "wanjiku" not in stored
    assert HERE not in stored
    assert AttemptCount.objects.values("kind").distinct().count() == 4
    assert AttemptCount.objects.count() == 8


def test_it_is_not_to_be_used_where_a_rollback_could_undo_the_count() -> None:
    # The transaction of the test itself is not meant, so this one is asked for.
    with (
        transaction.atomic(),
        pytest.raises(RuntimeError, match="durable"),
        guard.attempt("sign_in", account="wanjiku", address=HERE),
    ):
        pytest.fail("It was let in.")
    assert rows() == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "Try again in 1 second."),
        (120, "Try again in 120 seconds."),
        (121, "Try again in 3 minutes."),
        (900, "Try again in 15 minutes."),
    ],
)
def test_the_wait_is_said_in_words(seconds: int, said: str) -> None:
    assert try_again_in(seconds) == said


# --- At the same moment -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [fail, succeed])
@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_cannot_exceed_the_limit_together(
    ending: Callable[[], None],
) -> None:
    """Each waits inside until all have asked: what is not counted before the try gets in."""
    outcomes: list[str] = []
    asked = Barrier(24)

    def try_it() -> None:
        asked.wait(timeout=60)
        if ending is fail:
            raise Failed

    def ask() -> None:
        outcome = "let in"
        try:
            with guard.attempt("sign_in", account="wanjiku", address=HERE):
                try_it()
        except Failed:
            pass
        except TooManyAttempts:
            asked.wait(timeout=60)
            outcome = "refused"
        finally:
            connection.close()
        outcomes.append(outcome)

    run_all(ask, 24)
    assert sorted(outcomes) == ["let in"] * 10 + ["refused"] * 14
    counts = AttemptCount.objects.exclude(kind="sign_in known").values_list("count", flat=True)
    assert list(counts) == [10 if ending is fail else 0] * 3


@pytest.mark.django_db(transaction=True)
def test_many_accounts_and_addresses_at_once_wait_for_each_other_in_no_circle(
    settings: Any,
) -> None:
    settings.GUARD_FACTOR = 10
    old = NOON - timedelta(days=1)
    AttemptCount.objects.bulk_create(
        [AttemptCount(digest=f"old{number}", kind="old", expires_at=old) for number in range(300)]
    )
    outcomes: list[str] = []
    start = Barrier(8)

    def ask(number: int) -> None:
        try:
            start.wait(timeout=60)
            for turn in range(10):
                account = f"user{(number + turn) % 3}"
                address = addresses(3)[(number * turn) % 3]
                (fail if turn % 2 else succeed)(account=account, address=address)
            outcomes.append("done")
        finally:
            connection.close()

    threads = [Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["done"] * 8
    by_address = AttemptCount.objects.filter(kind="sign_in by address")
    assert sum(by_address.values_list("count", flat=True)) == 40
    assert not AttemptCount.objects.filter(kind="old").exists()


def run_all(work: Callable[[], None], count: int) -> None:
    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- At the API ---------------------------------------------------------------------------------

PROBLEM = "application/problem+json"


def sign_in(username: str, password: str = "wrong", address: str = HERE) -> Any:
    body = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(
        "/api/token/", body, content_type="application/json", headers={"X-Request-ID": "one"}
    )


def refresh(token: str) -> Any:
    return Client(REMOTE_ADDR=HERE).post(
        "/api/token/refresh/", {"refresh": token}, content_type="application/json"
    )


@pytest.mark.parametrize("username", ["wanjiku", "gone", "nobody"])
def test_over_the_limit_no_password_is_hashed_and_nothing_is_written(username: str) -> None:
    factories.user(username="wanjiku")
    factories.user(username="gone", is_active=False)
    for _ in range(10):
        assert sign_in(username).status_code == 401
    before = rows()
    with patch.object(MD5PasswordHasher, "encode", side_effect=AssertionError("hashed")):
        assert sign_in(username, factories.PASSWORD).status_code == 429
    assert rows() == before
    assert not SessionToken.objects.exists()


def test_the_refusal_is_the_same_whether_or_not_the_account_exists() -> None:
    factories.user(username="wanjiku")
    factories.user(username="gone", is_active=False)
    told: set[bytes] = set()
    with at(NOON):
        for username in ("wanjiku", "gone", "nobody"):
            for _ in range(10):
                sign_in(username)
            response = sign_in(username, factories.PASSWORD)
            assert response.status_code == 429
            assert response["Content-Type"] == PROBLEM
            assert response["Retry-After"] == "900"
            told.add(response.content)
            assert response.json() == {
                "type": "about:blank",
                "title": "Too Many Requests",
                "status": 429,
                "detail": "Too many attempts. Try again in 15 minutes.",
                "request_id": "one",
            }
    assert len(told) == 1


def test_the_right_password_is_taken_at_another_address_and_after_the_window() -> None:
    factories.user(username="wanjiku")
    with at(NOON):
        for _ in range(10):
            sign_in("wanjiku")
        assert sign_in("wanjiku", factories.PASSWORD).status_code == 429
        assert sign_in("wanjiku", factories.PASSWORD, address=THERE).status_code == 200
    with at(NOON + timedelta(minutes=15)):
        assert sign_in("wanjiku", factories.PASSWORD).status_code == 200


def test_signing_in_again_and_again_is_no_failure() -> None:
    factories.user(username="wanjiku")
    for _ in range(12):
        assert sign_in("wanjiku", factories.PASSWORD).status_code == 200


def test_a_body_that_cannot_be_a_sign_in_is_no_try() -> None:
    for _ in range(12):
        response = Client().post("/api/token/", {}, content_type="application/json")
        assert response.status_code == 400
    assert rows() == []


def test_a_refresh_token_is_tried_ten_times_and_a_good_one_as_often_as_it_is_renewed() -> None:
    pair = issue_tokens(factories.user())
    token = pair.refresh
    for _ in range(12):
        response = refresh(token)
        assert response.status_code == 200
        token = response.json()["refresh"]
    for _ in range(10):
        assert refresh("unknown").status_code == 401
    before = list(SessionToken.objects.order_by("pk").values())
    response = refresh("unknown")
    assert (response.status_code, response["Content-Type"]) == (429, PROBLEM)
    assert 890 <= int(response["Retry-After"]) <= 900
    assert list(SessionToken.objects.order_by("pk").values()) == before
    assert refresh(token).status_code == 200


# --- On the sign-in page -------------------------------------------------------------------------


def sign_in_by_form(username: str, password: str = "wrong", address: str = HERE) -> Any:
    form = {"username": username, "password": password, "next": "/admin/"}
    return Client(REMOTE_ADDR=address).post("/sign-in/", form)


@pytest.mark.parametrize("username", ["wanjiku", "nobody"])
def test_the_form_has_the_same_limit_and_shares_it_with_the_api(username: str) -> None:
    factories.superuser(username="wanjiku")
    for _ in range(5):
        assert sign_in(username).status_code == 401
        assert b"Wrong username, email address or password." in sign_in_by_form(username).content
    with patch.object(MD5PasswordHasher, "encode", side_effect=AssertionError("hashed")):
        page = sign_in_by_form(username, factories.PASSWORD)
        assert sign_in(username, factories.PASSWORD).status_code == 429
    assert "_auth_user_id" not in page.client.session
    assert b"Too many attempts. Try again in 15 minutes." in page.content
    assert b"Wrong username" not in page.content


def test_the_form_lets_the_right_password_in() -> None:
    factories.superuser(username="wanjiku")
    response = sign_in_by_form("wanjiku", factories.PASSWORD)
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert AttemptCount.objects.filter(kind="sign_in known").count() == 1


def test_a_form_with_a_field_missing_is_no_try() -> None:
    sign_in_by_form("wanjiku", "")
    assert rows() == []
