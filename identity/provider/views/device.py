"""The page on which a person lets a device in: they type the code that it shows (RFC 8628, 3.3)."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from identity import guard
from identity.errors import TooManyAttempts
from identity.models import Application, DeviceGrant, User
from identity.provider.authorizations import may_use, remember_consent
from identity.provider.devices import UnknownUserCode, answer_device, find_by_user_code
from identity.scopes import ALL_SCOPES
from identity.sessions import signed_in_at


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Ask for the code; then ask whether its device may; then say what became of it.

    A code in the address fills the field, and no more: who sent the link need not be the device.
    """
    if request.method != "POST":
        return _ask_for_code(request, request.GET.get("user_code", ""))
    user_code = request.POST.get("user_code", "")[:40]
    assert isinstance(request.user, User)  # noqa: S101  # narrows the type: login_required
    try:
        found, app = _find(request, user_code)
        if not may_use(request.user, app):
            return _ask_for_code(request, user_code, _("You may not use this app."), status=403)
        if "answer" not in request.POST:
            return _ask(request, user_code, found, app)
        is_allowed = request.POST["answer"] == "allow"
        answer_device(found, request.user, is_allowed=is_allowed, auth_time=signed_in_at(request))
    except UnknownUserCode:
        problem = _("No device shows this code now. Look again; it is good for ten minutes.")
        return _ask_for_code(request, user_code, problem, status=400)
    except TooManyAttempts as refusal:
        return _ask_for_code(request, user_code, str(refusal), status=429)
    if is_allowed:
        remember_consent(request.user, app, found.scope.split())
    return _render(request, "identity/device_done.html", {"app": app, "is_allowed": is_allowed})


def _find(request: HttpRequest, user_code: str) -> tuple[DeviceGrant, Application]:
    """
    :raises UnknownUserCode: no device waits with this code.
    :raises TooManyAttempts: it looks like guessing.
    """
    who = str(request.user.pk)
    with guard.attempt("device_code", account=who, address=request.META["REMOTE_ADDR"]):
        return find_by_user_code(user_code)


def _ask_for_code(
    request: HttpRequest, user_code: str, problem: str = "", status: int = 200
) -> HttpResponse:
    user_code = user_code[:40]
    context = {"user_code": user_code, "problem": problem, "again": _again(user_code)}
    return _render(request, "identity/device.html", context, status=status)


def _ask(
    request: HttpRequest, user_code: str, device: DeviceGrant, app: Application
) -> HttpResponse:
    sentences = [ALL_SCOPES[scope] for scope in device.scope.split()]
    again = _again(user_code)
    context = {"app": app, "user_code": user_code, "sentences": sentences, "again": again}
    return _render(request, "identity/device_consent.html", context)


def _again(user_code: str) -> str:
    """The sign-in page, from which another account comes back with the same code."""
    query = urlencode({"user_code": user_code})
    return redirect_to_login(f"{reverse('oauth2_provider:device')}?{query}").url


def _render(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context["business"] = settings.BUSINESS_NAME
    return render(request, template, context, status=status)
