"""The endpoints of the OpenID provider: a person lets an app in, and the app gets its tokens."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import InvalidRequestError, OAuth2Error

from identity.provider.validator import refuse_malformed
from identity.scopes import SCOPES

_FORM = "application/x-www-form-urlencoded"


# --- For people ---------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask the person whether the app may, and send them back to it with a code, or with a no.

    The form goes to this same address, so that all there is to know stays in it: nothing is carried
    over in hidden fields, and what is granted is what was just checked (RFC 6749, section 4.1).
    """
    engine = get_oauthlib_core()
    try:
        refuse_malformed(request.GET)
        scopes, asked = engine.validate_authorization_request(request)
        if request.method == "POST":
            is_allowed = request.POST.get("answer") == "allow"
            uri, *_ = engine.create_authorization_response(request, scopes, asked, is_allowed)
            return _back_to_app(uri)
    except InvalidRequestError as error:
        return _refuse(request, error)
    except FatalClientError as error:  # the app or the address is not known: to go there is unsafe
        return _refuse(request, error.oauthlib_error)
    except OAuthToolkitError as error:
        told = error.oauthlib_error.in_uri(error.oauthlib_error.redirect_uri)
        # RFC 9207; in what the engine grants, it puts the issuer itself.
        issuer = settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"]
        return _back_to_app(add_params_to_uri(told, [("iss", issuer)]))
    return render(request, "identity/consent.html", _consent(scopes, asked))


def _consent(scopes: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    address = urlsplit(asked["redirect_uri"])
    return {
        "app": asked["request"].client,
        "destination": address.netloc or f"{address.scheme}:",
        "sentences": [SCOPES[scope] for scope in dict.fromkeys(scopes)],
        "business": settings.BUSINESS_NAME,
    }


def _back_to_app(uri: str) -> HttpResponse:
    # The engine has compared it with what is registered; a link that runs a script never is.
    response: HttpResponse = OAuth2ResponseRedirect(uri, [urlsplit(uri).scheme])
    return response


def _refuse(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    context = {"why": error.description, "business": settings.BUSINESS_NAME}
    return render(request, "identity/consent_refused.html", context, status=400)


# --- For apps -----------------------------------------------------------------------------------


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Give tokens for a code, for a refresh token, or to an app for itself (RFC 6749, 3.2)."""
    return _answer(request, lambda: get_oauthlib_core().create_token_response(request))


@csrf_exempt
def revoke_token(request: HttpRequest) -> HttpResponse:
    """End a token of the app that asks, and what belongs to it (RFC 7009)."""
    return _answer(request, lambda: get_oauthlib_core().create_revocation_response(request))


def _answer(request: HttpRequest, respond: Callable[[], Any]) -> HttpResponse:
    """The engine's answer, committed as one; or an error in the words of RFC 6749, section 5.2."""
    try:
        _refuse_malformed_form(request)
        with transaction.atomic():
            _, headers, body, status = respond()
    except OAuth2Error as error:
        headers, body, status = {}, error.json, error.status_code
    response = HttpResponse(body or "", status=status, headers=headers)
    if body:
        response["Content-Type"] = "application/json"
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Karani"'
    if status == 405:
        response["Allow"] = "POST"
    return response


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
