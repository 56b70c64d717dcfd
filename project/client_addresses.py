"""From which address does a request come, when a proxy stands before us?

A proxy's word counts only where the proxy is trusted (``TRUSTED_PROXIES``): anybody can send the
header. It appends the address it was called from, so the list is read from its end: past the
trusted proxies comes the client, and whatever stands before that may be made up.
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddressMiddleware:
    """Makes ``REMOTE_ADDR`` the client's address, for whatever asks for it later."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.TRUSTED_PROXIES:
            told = request.headers.get(settings.TRUSTED_PROXY_HEADER, "")
            request.META["REMOTE_ADDR"] = _client(request.META["REMOTE_ADDR"], told)
        return self.get_response(request)


def _client(peer: str, told: str) -> str:
    address = _parsed(peer)
    hops = told.split(",") if told else []
    while address is not None and hops and _is_trusted(address):
        before = _parsed(hops.pop().strip())
        if before is None:  # "unknown", or forged: nothing before it can be believed
            break
        address = before
    return peer if address is None else str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
