"""For apps: tokens for a code, a renewal, a device or themselves; what a token is; its end."""

import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.oauth2 import InvalidRequestError, InvalidScopeError, OAuth2Error
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error

from identity import guard
from identity.errors import TooManyAttempts
from identity.models import AccessToken, Application, RefreshToken
from identity.provider import devices
from identity.provider.connected_apps import allowed_scopes
from identity.provider.server import DEVICE_GRANT_TYPE, refuse_malformed
from identity.provider.tokens import REFRESH_LIFETIME, is_live
from identity.provider.validator import AnsweredBefore
from identity.session_tokens import digest

_FORM = "application/x-www-form-urlencoded"
Answer = tuple[dict[str, str], str, int]  # headers, body, status


_WHY = {
    "invalid_client": "The app is not known, or did not show its secret.",
    "invalid_grant": "The code or refresh token is not known, not of this app, used, or too old; "
    "or the code_verifier is not the one of the code.",
    "invalid_scope": "Ask for scopes, between spaces, that there are and that this app may have.",
    "unauthorized_client": "This app is not registered for this grant.",
    "unsupported_grant_type": "There is no such grant_type: see grant_types_supported.",
}


class _WrongSecret(Exception):
    """An app that showed a secret was not believed: counted as a guess."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Give tokens for a code, a refresh token, a device's yes, or to an app for itself (RFC 6749,
    section 3.2)."""

    def respond() -> Answer:
        try:
            _, headers, body, status = get_oauthlib_core().create_token_response(request)
        except AnsweredBefore as twin:
            return {}, twin.answer, 200
        return headers, body, status

    return _answer(request, respond)


@csrf_exempt
def revoke_token(request: HttpRequest) -> HttpResponse:
    """End a token of the app that asks, and what belongs to it (RFC 7009)."""

    def respond() -> Answer:
        _, headers, body, status = get_oauthlib_core().create_revocation_response(request)
        return headers, body, status

    return _answer(request, respond)


@csrf_exempt
def introspect(request: HttpRequest) -> HttpResponse:
    """Tell an app what a token of its own is good for (RFC 7662). Of all others: nothing."""

    def respond() -> Answer:
        app = get_oauthlib_core().authenticated_app(request)
        if app.is_public:
            raise CustomOAuth2Error(
                "invalid_client", "Only an app with a secret may.", status_code=401
            )
        text = request.POST.get("token", "")
        if not text:
            raise InvalidRequestError("Missing token parameter.")
        return {}, JsonResponse(_introspected(app, text)).content.decode(), 200

    return _answer(request, respond)


@csrf_exempt
def device_authorization(request: HttpRequest) -> HttpResponse:
    """Give a device the code that it shows to its person (RFC 8628, section 3.1)."""

    def respond() -> Answer:
        app = get_oauthlib_core().authenticated_app(request, grant_type=DEVICE_GRANT_TYPE)
        scopes = request.POST.get("scope", "").split()
        if not scopes or not allowed_scopes(app) >= set(scopes):
            raise InvalidScopeError
        codes = devices.begin_device_sign_in(app, scopes)
        page = settings.PUBLIC_URL + reverse("oauth2_provider:device")
        told = {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={codes.user_code}",
            "expires_in": int(devices.LIFETIME.total_seconds()),
            "interval": int(devices.INTERVAL.total_seconds()),
        }
        return {}, JsonResponse(told).content.decode(), 200

    def limited() -> Answer:
        address = request.META["REMOTE_ADDR"]
        account = request.POST.get("client_id", "-")
        with guard.attempt("device_sign_in", account=account, address=address):
            return _committed(respond)

    return _answer(request, limited, is_committed=True)


def _answer(
    request: HttpRequest, respond: Callable[[], Answer], *, is_committed: bool = False
) -> HttpResponse:
    """The answer, committed as one; or an error in the words of RFC 6749, section 5.2."""
    try:
        _refuse_malformed_form(request)
        respond = respond if is_committed else partial(_committed, respond)
        headers, body, status = _guarded(request, respond)
    except TooManyAttempts as refusal:
        error = CustomOAuth2Error("slow_down", str(refusal), status_code=429)
        headers, body, status = {"Retry-After": str(refusal.wait)}, error.json, 429
    except OAuth2Error as error:
        headers, body, status = {}, error.json, error.status_code
    response = HttpResponse(_explained(body or ""), status=status, headers=headers)
    if body:
        response["Content-Type"] = "application/json"
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Karani"'
    if status == 405:
        response["Allow"] = "POST"
    return response


def _explained(body: str) -> str:
    """The engine says of most refusals no more than their code."""
    told = json.loads(body) if body else {}
    if told.get("error") not in _WHY or told.get("error_description"):
        return body
    return json.dumps(told | {"error_description": _WHY[told["error"]]})


def _guarded(request: HttpRequest, respond: Callable[[], Answer]) -> Answer:
    """Limit how often a secret can be guessed; who shows none has nothing to guess.

    :raises TooManyAttempts: it looks like guessing.
    """
    account = _app_with_secret(request)
    address = request.META["REMOTE_ADDR"]
    attempt = guard.attempt("app_secret", account=account, address=address)
    try:
        with attempt if account else nullcontext():
            return _believed(respond())
    except _WrongSecret as wrong:
        return wrong.answer


def _believed(answer: Answer) -> Answer:
    if answer[2] == 401:
        raise _WrongSecret(answer)
    return answer


def _committed(respond: Callable[[], Answer]) -> Answer:
    """What the engine has written stays also where it refuses: a replay ends its tokens."""
    try:
        with transaction.atomic():
            return respond()
    except OAuth2Error as error:
        return {}, error.json, error.status_code


def _app_with_secret(request: HttpRequest) -> str:
    """The ``client_id`` of an app that shows a secret, as it tells it; else nothing."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            told = b64decode(text).decode().partition(":")[0]
        except ValueError:
            told = text
        return unquote_plus(told) or "-"
    return request.POST.get("client_id", "-") if "client_secret" in request.POST else ""


def _refuse_malformed_form(request: HttpRequest) -> None:
    if request.method != "POST":
        raise InvalidRequestError("Send a POST request.", status_code=405)
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError("Send the parameters in the body, not in the address.")
    if request.content_type != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    try:
        form = request.POST
    except (BadRequest, SuspiciousOperation):  # not UTF-8; too large, or of too many fields
        raise InvalidRequestError("The body cannot be read.") from None
    refuse_malformed(form)
    if "client_secret" in form and "Authorization" in request.headers:
        raise InvalidRequestError("Send the client's secret once: in the header, or in the body.")
    told, shown = form.get("client_id"), _app_with_secret(request)
    if told and shown and told != shown:
        raise InvalidRequestError("The client_id is not the one of the header.")


def _introspected(app: Application, text: str) -> dict[str, Any]:
    which = {"token_checksum": digest(text), "application": app}
    related = ("application__user", "authorization__user", "authorization__application")
    now = timezone.now()
    access = AccessToken.objects.filter(**which).select_related(*related).first()
    if access is not None and is_live(access) and now < access.expires:
        told: dict[str, Any] = {"token_type": "Bearer", "exp": int(access.expires.timestamp())}
        return _described(app, access, access.scope, told)
    refresh = (
        RefreshToken.objects.filter(**which, revoked=None).select_related(*related[1:]).first()
    )
    if refresh is not None and refresh.authorization.is_live:
        ends_at = refresh.created + REFRESH_LIFETIME
        if now < ends_at:
            scope = refresh.authorization.scope
            return _described(app, refresh, scope, {"exp": int(ends_at.timestamp())})
    return {"active": False}


def _described(
    app: Application, row: AccessToken | RefreshToken, scope: str, told: dict[str, Any]
) -> dict[str, Any]:
    user = row.authorization.user if row.authorization else app.user
    assert user is not None  # noqa: S101  # narrows the type: a live token acts for somebody
    return {
        "active": True,
        "iss": settings.ISSUER,
        "client_id": app.client_id,
        "scope": scope,
        "sub": user.subject,
        "username": user.username,
        "iat": int(row.created.timestamp()),
        **told,
    }
