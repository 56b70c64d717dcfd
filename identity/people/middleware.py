"""Where `REQUIRE_TWO_FACTOR` is on, an Administrator without a second factor gets no further."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from identity import two_factor
from identity.models import User

GOES_ON_TO = "two_factor_goes_on_to"  # in the session: the page that was asked for

_ASKS_WHO = "oauth2_provider:authorize"

# With which they set one up, or leave. The API says no by itself, see `identity.tokens`; the apps'
# own endpoints know no session.
_OPEN = (
    *("account_login", "account_logout", "account_reauthenticate"),
    *("openid_connect_login", "openid_connect_callback", "reauthenticate_elsewhere"),
    *("account_email", "account_confirm_email", "account_email_verification_sent"),
    *("mfa_index", "mfa_activate_totp", "mfa_list_webauthn", "mfa_add_webauthn"),
    *("mfa_view_recovery_codes", "mfa_download_recovery_codes", "favicon", "readyz"),
    *("oauth2_provider:end-session", "oauth2_provider:end-session-confirm"),
)


class RequireTwoFactorMiddleware:
    """Sends them to the page where one is set up, and remembers where they were going."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not settings.REQUIRE_TWO_FACTOR or request.path.startswith("/api/"):
            return None
        match = request.resolver_match
        if match is None or match.view_name in _OPEN or not isinstance(request.user, User):
            return None
        if not two_factor.is_missing(request.user):
            return None
        if match.view_name == _ASKS_WHO and _is_silent(request):
            # An app looks from a frame, where nobody sets up anything: to it, nobody is signed in.
            request.user = AnonymousUser()
            return None
        if request.method == "GET":
            request.session[GOES_ON_TO] = request.get_full_path()
        return redirect("mfa_index")


def _is_silent(request: HttpRequest) -> bool:
    """Must it be answered without a page (OpenID Connect Core 1.0, section 3.1.2.1)?"""
    asked = request.POST if request.method == "POST" else request.GET
    return "none" in asked.get("prompt", "").split()
