"""Pages for somebody who is signed in with a browser: no token opens them, and no copy is kept."""

from collections.abc import Callable
from typing import Any, TypeVar

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from identity.models import User

View = TypeVar("View", bound=Callable[..., HttpResponse])


class OwnRequest(HttpRequest):
    """Of somebody who is signed in."""

    user: User


def staff_of(request: HttpRequest) -> User:
    """Who asks for a page of the back office: nobody gets to one who has not signed in."""
    assert isinstance(request.user, User)  # noqa: S101  # narrows the type
    return request.user


def own_page(view: View) -> View:
    """A page about the one who asks for it; who is not signed in is asked to first."""
    page: Any = never_cache(login_required(view))
    return page  # type: ignore[no-any-return]  # it is called just as the view is


def freshly_signed_in(view: View) -> View:
    """Of a page of one's own: who signed in a while ago shows again that it is they.

    A form that they sent is kept meanwhile, and taken then.
    """
    page: Any = reauthentication_required(view, app="identity")
    return page  # type: ignore[no-any-return]  # it is called just as the view is
