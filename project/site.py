"""What the pages outside the back office have around them: the business's name, and where to go."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


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
        places = [(_("My orders"), "my-orders"), (_("Account"), "account")]
        if self.request.user.is_staff:
            places.append((_("Back office"), "admin:index"))
        return [
            Link(title, reverse(name), self.request.path == reverse(name)) for title, name in places
        ]


def site(request: HttpRequest) -> dict[str, Any]:
    """A context processor."""
    return {"business": settings.BUSINESS_NAME, "site": Site(request)}
