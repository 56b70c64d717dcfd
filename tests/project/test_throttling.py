"""How many requests a minute the API takes, of whom, and what it says to one too many."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.redis import RedisCache
from django.http import HttpRequest
from django.test import Client, RequestFactory
from redis.exceptions import ConnectionError as RedisIsGone
from redis.exceptions import TimeoutError as RedisHangs

from crm.models import Customer
from identity.models import AttemptCount, SessionToken, User
from identity.session_tokens import issue_tokens
from identity.tokens import Caller
from project.environment import Environment
from project.throttling import RateLimit
from tests import factories

PROBLEM = "application/problem+json"
HERE, THERE = "203.0.113.7", "198.51.100.7"
MINUTE = 1_790_000_040.0  # one begins then
NEW_CUSTOMER = {"name": "John Doe", "phone_number": "+254722000000"}


class Clock:
    """What the limit takes for the time."""

    def __init__(self) -> None:
        self.now = MINUTE

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    with patch("project.throttling.time.time", made.time):
        yield made


@pytest.fixture(autouse=True)
def _nobody_was_counted(settings: Any) -> Iterator[None]:
    settings.API_RATE = 5
    cache.clear()
    yield
    cache.clear()


def me(access: str = "", address: str = HERE) -> Any:
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    return Client(REMOTE_ADDR=address).get("/api/me/", headers=headers)


def statuses(ask: Callable[[], Any], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


# --- Whose requests -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_request_too_many_is_a_429_that_says_when_to_come_again(clock: Clock) -> None:
    access = issue_tokens(factories.user()).access
    clock.now += 20
    assert statuses(lambda: me(access), 5) == [200] * 5
    response = me(access)
    assert response.status_code == 429
    assert response["Content-Type"] == PROBLEM
    assert response["Retry-After"] == "52"  # 40 to the end of the minute, and a fifth of the next
    assert response.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many requests. Try again in 52 seconds.",
        "request_id": response["X-Request-ID"],
    }
    clock.now += 51
    assert me(access).status_code == 429
    clock.now += 1
    assert me(access).status_code == 200


@pytest.mark.django_db
def test_a_write_too_many_writes_nothing(clock: Clock) -> None:
    access = issue_tokens(factories.superuser()).access
    statuses(lambda: me(access), 5)
    headers = {"Authorization": f"Bearer {access}", "Idempotency-Key": "one"}
    response = Client().post(
        "/api/customers/", NEW_CUSTOMER, content_type="application/json", headers=headers
    )
    assert response.status_code == 429
    assert not Customer.objects.exists()
    clock.now += 120  # the refusal was not kept as the answer to this key
    response = Client().post(
        "/api/customers/", NEW_CUSTOMER, content_type="application/json", headers=headers
    )
    assert response.status_code == 201


@pytest.mark.django_db
def test_users_do_not_count_each_other_at_one_address() -> None:
    one, two = (issue_tokens(factories.user()).access for _ in range(2))
    assert statuses(lambda: me(one), 6) == [200] * 5 + [429]
    assert statuses(lambda: me(two), 6) == [200] * 5 + [429]


@pytest.mark.django_db
def test_a_new_token_and_another_address_are_no_new_limit() -> None:
    user = factories.user()
    answers = [me(issue_tokens(user).access, f"203.0.113.{number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


@pytest.mark.django_db
def test_the_session_of_a_browser_counts_for_its_user() -> None:
    user = factories.user()
    client = Client()
    client.force_login(user)
    assert statuses(lambda: client.get("/api/me/"), 3) == [200] * 3
    assert statuses(lambda: me(issue_tokens(user).access), 3) == [200] * 2 + [429]


def test_each_app_of_a_user_has_a_limit_of_its_own() -> None:
    limit, user = RateLimit(), User(username="wanjiku")

    def ask(client: str) -> bool:
        request = request_of(HERE)
        request.auth = Caller(user, frozenset(), client)  # type: ignore[attr-defined]  # as Ninja does
        return limit.allow_request(request)

    assert [ask("till") for _ in range(6)] == [True] * 5 + [False]
    assert ask("")
    assert ask("shop")


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "Basic dXNlcjp4", "Bearer", "Bearer unknown"])
def test_who_has_no_good_credential_is_counted_by_address(header: str) -> None:
    headers = {"Authorization": header} if header else {}

    def ask(address: str = HERE) -> Any:
        return Client(REMOTE_ADDR=address).get("/api/me/", headers=headers)

    assert {*statuses(ask, 5)} <= {400, 401}
    response = ask()
    assert (response.status_code, response["Content-Type"]) == (429, PROBLEM)
    assert 1 <= int(response["Retry-After"]) <= 72
    assert ask(THERE).status_code in {400, 401}


@pytest.mark.django_db
def test_an_ipv6_address_is_counted_as_its_network() -> None:
    answers = [me(address=f"2001:db8::{number}").status_code for number in range(6)]
    assert answers == [401] * 5 + [429]
    assert me(address="2001:db8:0:1::").status_code == 401


@pytest.mark.django_db
def test_a_good_credential_is_not_refused_for_what_others_send_from_its_address() -> None:
    access = issue_tokens(factories.user()).access
    assert statuses(me, 6) == [401] * 5 + [429]
    assert me(access).status_code == 200


@pytest.mark.django_db
def test_what_a_credential_may_not_do_counts_as_well_and_for_its_user() -> None:
    access = issue_tokens(factories.user()).access
    SessionToken.objects.update(scopes=[])
    headers = {"Authorization": f"Bearer {access}"}
    forbidden = statuses(lambda: Client().get("/api/orders/", headers=headers), 6)
    assert forbidden == [403] * 5 + [429]
    assert me(access).status_code == 429
    assert me().status_code == 401


@pytest.mark.django_db
def test_a_session_without_the_csrf_token_counts_too() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user("Clerk"))

    def ask() -> Any:
        return client.post("/api/customers/", NEW_CUSTOMER, content_type="application/json")

    assert statuses(ask, 6) == [403] * 5 + [429]


@pytest.mark.django_db
def test_what_needs_no_credential_is_counted_by_address_and_only_once() -> None:
    body = {"username": "nobody", "password": "wrong"}

    def ask() -> Any:
        return Client(REMOTE_ADDR=HERE).post("/api/token/", body, content_type="application/json")

    assert statuses(ask, 5) == [401] * 5
    before = list(AttemptCount.objects.order_by("pk").values())
    assert ask().json()["detail"].startswith("Too many requests.")
    assert list(AttemptCount.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_limit_of_nought_is_none(settings: Any) -> None:
    settings.API_RATE = 0
    assert statuses(me, 20) == [401] * 20


@pytest.mark.django_db
def test_the_limit_costs_no_query(settings: Any, django_assert_num_queries: Any) -> None:
    access = issue_tokens(factories.user()).access
    with django_assert_num_queries(2):  # the credential, and the roles that are asked for
        assert me(access).status_code == 200
    with django_assert_num_queries(0):
        assert statuses(me, 6) == [401] * 5 + [429]


# --- The sliding minute -------------------------------------------------------------------------


def request_of(address: str) -> HttpRequest:
    return RequestFactory(REMOTE_ADDR=address).get("/api/me/")


def count(limit: RateLimit, times: int = 1) -> list[int]:
    return [limit.count(request_of(HERE)) for _ in range(times)]


@pytest.mark.parametrize(
    ("at", "let_in"),
    [
        (0, 0),  # all of the minute before counts
        (11.9, 0),
        (12, 1),  # a fifth of it is over
        (30, 2),
        (48, 4),
        (59.9, 4),
        (60, 5),
    ],
)
def test_of_the_minute_before_counts_the_part_that_the_last_60_seconds_touch(
    clock: Clock, at: float, let_in: int
) -> None:
    limit = RateLimit()
    clock.now = MINUTE - 60
    assert count(limit, 5) == [0] * 5
    clock.now = MINUTE + at
    assert [wait == 0 for wait in count(limit, 6)] == [True] * let_in + [False] * (6 - let_in)


@pytest.mark.parametrize("most", [1, 2, 7, 600])
@pytest.mark.parametrize("first", [0, 7.25, 31, 59.9])
@pytest.mark.parametrize("second", [0, 3.5, 29, 60, 65.5, 118])
def test_who_waits_as_long_as_told_is_let_in_and_no_second_earlier(
    settings: Any, clock: Clock, most: int, first: float, second: float
) -> None:
    settings.API_RATE = most
    limit = RateLimit()
    clock.now = MINUTE + first
    count(limit, (most + 1) // 2)
    clock.now += second
    waits = count(limit, most + 1)
    wait = waits[-1]
    assert wait >= 1
    asked_at = clock.now
    if wait > 1:
        clock.now = asked_at + wait - 1 - 0.01
        assert count(limit) != [0]
    clock.now = asked_at + wait
    assert count(limit) == [0]


def test_who_keeps_asking_waits_no_longer(clock: Clock) -> None:
    limit = RateLimit()
    count(limit, 5)
    (told,) = count(limit)
    for second in range(1, told):
        clock.now = MINUTE + second
        assert count(limit) == [told - second]
    clock.now = MINUTE + told
    assert count(limit) == [0]


def test_threads_at_the_same_moment_cannot_exceed_the_limit_together(
    settings: Any, clock: Clock
) -> None:
    settings.API_RATE = 40
    limit = RateLimit()
    assert_exact(limit, 8, 20, 40)


def assert_exact(limit: RateLimit, threads: int, each: int, most: int) -> None:
    outcomes: list[tuple[bool, bool]] = []
    start = Barrier(threads)

    def ask() -> None:
        start.wait(timeout=60)
        for _ in range(each):
            is_let_in = limit.allow_request(request_of(HERE))
            outcomes.append((is_let_in, limit.wait() == 0))  # of this thread, and no other's

    running = [Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(outcomes) == threads * each
    assert all(is_let_in == has_no_wait for is_let_in, has_no_wait in outcomes)
    # Fewer get in only where several are one too many at once, each for the other.
    assert most - threads < sum(is_let_in for is_let_in, _ in outcomes) <= most


def test_a_memory_that_is_full_forgets_who_asked_longest_ago(settings: Any) -> None:
    assert settings.CACHES["default"]["OPTIONS"] == {"MAX_ENTRIES": 20_000}
    limit = RateLimit()
    with patch.object(caches["default"], "_max_entries", 10):
        for number in range(50):
            assert limit.count(request_of(f"198.51.100.{number}")) == 0
        assert count(limit, 6)[:5] == [0] * 5


# --- Redis --------------------------------------------------------------------------------------


def redis(url: str) -> RedisCache:
    config = Environment(_env_file=None, cache_url=url).cache
    return RedisCache(config["LOCATION"], config)


@pytest.fixture
def dead_cache() -> Iterator[int]:
    """The cache is a Redis that is not there; how often it was asked is in the list."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        gone = redis(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        with patch("project.throttling.cache", gone):
            yield taken.getsockname()[1]


@pytest.mark.django_db
def test_without_its_cache_the_api_answers_without_a_limit_and_says_so_once(
    dead_cache: int, caplog: pytest.LogCaptureFixture
) -> None:
    limit = RateLimit()
    with caplog.at_level(logging.WARNING, "project.throttling"):
        assert count(limit, 20) == [0] * 20
    (warning,) = caplog.messages
    assert warning.startswith("The cache fails; for 5 s requests have no limit: ")
    assert "Connection refused" in warning
    with patch("project.api.api.rate_limit._asks_again_at", 0.0):
        assert statuses(me, 20) == [401] * 20


@pytest.mark.parametrize("failure", [RedisIsGone("gone"), RedisHangs("slow"), ValueError("culled")])
def test_after_a_failure_the_cache_is_left_alone_for_a_moment(failure: Exception) -> None:
    limit = RateLimit()
    now = 100.0
    with (
        patch("project.throttling.time.monotonic", lambda: now),
        patch("project.throttling.cache") as asked,
    ):
        asked.get.side_effect = failure
        assert count(limit, 3) == [0] * 3
        now = 104.9
        assert count(limit) == [0]
        assert asked.get.call_count == 1
        now = 105.0
        assert count(limit) == [0]
        assert asked.get.call_count == 2
    with patch("project.throttling.time.monotonic", lambda: 111.0):
        assert [wait == 0 for wait in count(limit, 6)] == [True] * 5 + [False]


def test_a_redis_that_hangs_is_not_waited_for() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hanging = redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with patch("project.throttling.cache", hanging):
            assert count(RateLimit()) == [0]


@pytest.fixture
def real_redis() -> Iterator[RedisCache]:
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=1).close()
    except OSError:
        pytest.skip("no Redis answers on this machine")
    found = redis("redis://127.0.0.1:6379/15")
    found.key_prefix = "karani-test"
    with patch("project.throttling.cache", found):
        yield found
    client: Any = found._cache.get_client(write=True)
    for key in client.scan_iter("karani-test:*"):
        client.delete(key)


def test_in_a_redis_all_processes_count_together(
    real_redis: RedisCache, settings: Any, clock: Clock
) -> None:
    settings.API_RATE = 40
    one, other = RateLimit(), RateLimit()
    count(one, 5)
    count(other, 5)
    assert_exact(one, 4, 20, 30)
    client: Any = real_redis._cache.get_client()
    lifetimes = [client.ttl(key) for key in client.scan_iter("karani-test:*")]
    assert lifetimes
    assert all(100 < seconds <= 180 for seconds in lifetimes)
