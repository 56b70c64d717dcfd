"""What the pages outside the back office have around them: the business's name, and where to go."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Link:
    title: str
    url: str
    is_here: bool


@dataclass(frozen=True)
class Site:
    """Asked by templates; nothing is looked up on a page that does not show it."""

    request: HttpRequest

    @property
    def links(self) -> list[Link]:
        places = [("Account", "account")]
        if self.request.user.is_staff:
            places.append(("Back office", "admin:index"))
        return [
            Link(title, reverse(name), self.request.path == reverse(name)) for title, name in places
        ]

    @property
    def sign_out(self) -> str:
        return first_of("account_logout", "admin:logout")


def site(request: HttpRequest) -> dict[str, Any]:
    """A context processor."""
    return {"business": settings.BUSINESS_NAME, "site": Site(request)}


def first_of(*names: str) -> str:
    """The address of the first of these pages that there is; empty where there is none.

    The pages on which people sign in and up may be those of the admin, or of their own.
    """
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""
