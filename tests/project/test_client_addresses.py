"""Which address a request is taken to come from, with proxies in between and without."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from project.client_addresses import ClientAddressMiddleware
from tests import factories

CLIENT, PROXY, INNER = "203.0.113.7", "10.0.0.1", "10.0.0.2"


@pytest.fixture(autouse=True)
def _the_proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fdaa::/16")]


def address(peer: str, *told: str, header: str = "X-Forwarded-For") -> str:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    headers = {header: ",".join(told)} if told else {}
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers)
    ClientAddressMiddleware(view)(request)
    return seen[0]


@pytest.mark.parametrize(
    ("told", "client"),
    [
        ([], PROXY),
        ([CLIENT], CLIENT),
        ([f" {CLIENT} "], CLIENT),
        (["198.51.100.1", CLIENT], CLIENT),  # what it sent itself to look like another
        (["10.1.1.1", CLIENT], CLIENT),
        ([CLIENT, INNER], CLIENT),
        (["198.51.100.1", CLIENT, INNER, "10.3.3.3"], CLIENT),
        ([INNER], INNER),
        (["2001:db8::7"], "2001:db8::7"),
        ([CLIENT, "fdaa:0:1::2"], CLIENT),
        ([CLIENT, "::ffff:10.0.0.2"], CLIENT),
        (["::ffff:203.0.113.7"], CLIENT),
    ],
)
def test_past_the_trusted_proxies_comes_the_client(told: list[str], client: str) -> None:
    assert address(PROXY, *told) == client


@pytest.mark.parametrize(
    "wrong", ["", "unknown", "_hidden", "203.0.113.7:80", "[::1]", "300.0.0.1"]
)
def test_nothing_is_believed_before_an_entry_that_is_no_address(wrong: str) -> None:
    assert address(PROXY, wrong) == PROXY
    assert address(PROXY, "198.51.100.1", wrong) == PROXY
    assert address(PROXY, "198.51.100.1", wrong, INNER) == INNER
    assert address(PROXY, wrong, CLIENT) == CLIENT


@pytest.mark.parametrize("peer", ["198.51.100.9", "2001:db8::9", "", "unix"])
def test_who_is_no_trusted_proxy_cannot_say_who_they_are(peer: str) -> None:
    assert address(peer, CLIENT) == peer


def test_a_proxy_may_be_seen_as_ipv4_within_ipv6() -> None:
    assert address("::ffff:10.0.0.1", CLIENT) == CLIENT


def test_without_trusted_proxies_the_header_means_nothing(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert address(PROXY, CLIENT) == PROXY
    assert address("::ffff:10.0.0.1", CLIENT) == "::ffff:10.0.0.1"


def test_a_proxy_may_have_a_header_of_its_own(settings: Any) -> None:
    settings.TRUSTED_PROXY_HEADER = "Fly-Client-IP"
    assert address(PROXY, CLIENT, header="Fly-Client-IP") == CLIENT
    assert address(PROXY, CLIENT, header="X-Forwarded-For") == PROXY


@pytest.mark.django_db
def test_behind_a_proxy_each_client_has_a_limit_of_its_own() -> None:
    factories.user(username="wanjiku")
    body = {"username": "wanjiku", "password": "wrong"}

    def sign_in(told: str) -> int:
        return (
            Client(REMOTE_ADDR=PROXY)
            .post(
                "/api/token/",
                body,
                content_type="application/json",
                headers={"X-Forwarded-For": told},
            )
            .status_code
        )

    assert [sign_in(CLIENT) for _ in range(11)] == [401] * 10 + [429]
    assert sign_in(f"198.51.100.1, {CLIENT}") == 429
    assert sign_in("198.51.100.1") == 401
