"""Speaks to each in their language, and lets them choose it."""

import re
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from identity import languages
from identity.models import User

# Where programs ask. They read our words as we wrote them, and have no cookie to choose by.
_FOR_PROGRAMS = re.compile(
    r"/(api/|sms/|readyz|(o/)?\.well-known/"
    r"|o/(token|revoke_token|introspect|userinfo|device_authorization|jwks)/)"
)


class LanguageMiddleware:
    """Answers each request for a page in the language of its reader."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _FOR_PROGRAMS.match(request.path):
            return self.get_response(request)
        language = languages.language_of(request)
        with translation.override(language):
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ["Cookie"])
        return response


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Take the language of a button, and go back to the page that had it."""
    try:
        language = User.Language(request.POST.get("language", ""))
    except ValueError as error:
        raise BadRequest from error
    languages.choose_language(request.user, language)
    response = redirect(_page_of(request))
    languages.remember_language(response, language)
    return response


def _page_of(request: HttpRequest) -> str:
    """The browser tells it, and the page need not: its address may hold a secret."""
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if is_ours else "/"
