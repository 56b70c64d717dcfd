"""In which language does somebody read our pages?

In the one they chose last: kept with their account, so that it comes along to another phone; and in
a cookie, for who has not signed in yet. Else in the language of the business. What a browser says
it would like is not asked: phones are sold here with English set, whatever their owner speaks, and
a business that chose its language would be overruled by that.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from identity.models import User

_KEPT_FOR = 365 * 24 * 3600  # seconds


def language_of(request: HttpRequest) -> str:
    """The code of the language in which this request is answered with a page."""
    chosen = (getattr(request.user, "language", ""), request.COOKIES.get(_cookie_name(), ""))
    return next((code for code in chosen if code in User.Language), settings.BUSINESS_LANGUAGE)


def choose_language(user: Any, language: User.Language) -> None:
    """Keep it with an account; of who has not signed in there is none, and the cookie keeps it."""
    if isinstance(user, User):
        User.objects.filter(pk=user.pk).update(language=language, updated_at=timezone.now())


def remember_language(response: HttpResponseBase, language: User.Language) -> None:
    """Have the browser keep it, also for the page on which people sign in."""
    response.set_cookie(
        _cookie_name(),
        language,
        max_age=_KEPT_FOR,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name() -> str:
    return settings.LANGUAGE_COOKIE_NAME
