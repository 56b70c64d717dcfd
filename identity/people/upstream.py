"""Sign in with an account elsewhere: at the OpenID issuer that `UPSTREAM_OIDC_ISSUER` names.

django-allauth keeps the state, proves with PKCE that the code is ours, and goes on with the second
factor. It sends no nonce, and reads the ID token without looking at its signature; here both are
looked at, as OpenID Connect Core 1.0, section 3.1.3.7, has it.
"""

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Never
from urllib.parse import urlencode, urlsplit

import jwt
import requests
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthAction, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME as NEXT
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from identity import guard
from identity.accounts import create_account
from identity.errors import TooManyAttempts
from identity.models import User
from identity.people.adapters import home_of
from identity.sessions import leave_to_sign_in, signed_in_anew

logger = logging.getLogger(__name__)

# Signatures by a key that the issuer publishes; not "none", nor one by the shared secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
_ANEW = {"login", "select_account"}  # what an app asks with for a new sign-in
_LEEWAY = 60  # seconds, for clocks that differ
_NO_ANSWER = (  # what reading an answer raises that is none
    OAuth2Error,
    jwt.PyJWTError,
    requests.RequestException,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
)


class ShownAgain(Exception):
    """Who is signed in has just shown there that it is still they, and goes on to ``next_url``."""

    def __init__(self, next_url: str) -> None:
        super().__init__(next_url)
        self.next_url = next_url


@contextmanager
def _talk_with_issuer() -> Iterator[None]:
    """
    :raises OAuth2Error: there was no answer, or none that can be used. Around nothing but the talk:
        a fault of ours is not the issuer's.
    """
    try:
        yield
    except _NO_ANSWER as error:
        # Its kind only: the text of some errors is what was sent or answered.
        kind = type(error.__cause__ or error).__name__
        logger.warning("The issuer that people sign in with did not answer: %s", kind)
        raise OAuth2Error(f"No good answer: {kind}") from error


def nonce_of(code_verifier: str) -> str:
    """What the ID token must carry: only the browser's session knows what it is made of."""
    return hashlib.sha256(f"nonce {code_verifier}".encode()).hexdigest()


class UpstreamProvider(OpenIDConnectProvider):
    """The one issuer there is. What it tells of people beside the account is not stored."""

    def get_pkce_params(self) -> dict[str, str]:
        params: dict[str, str] = super().get_pkce_params()
        return params | {"nonce": nonce_of(params["code_verifier"])}

    def get_oauth2_adapter(self, request: HttpRequest) -> "UpstreamClient":
        return UpstreamClient(request, self.app.provider_id)

    def get_callback_url(self) -> str:
        return reverse("openid_connect_callback")

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        claims = data["id_token"]
        is_verified = claims.get("email_verified") in {True, "true"}  # some write it as text
        found = [EmailAddress(email=claims["email"], verified=is_verified, primary=True)]
        return found if claims["email"] else []


class UpstreamClient(OpenIDConnectOAuth2Adapter):
    """Us, as a client of the issuer."""

    code_verifier = ""  # of the sign-in that is going on

    @property
    def openid_config(self) -> dict[str, Any]:
        """
        :raises OAuth2Error: it is that of another issuer (OpenID Connect Discovery 1.0, 4.3).
        """
        config: dict[str, Any] = super().openid_config
        if str(config["issuer"]).rstrip("/") != settings.UPSTREAM_OIDC["issuer"]:
            raise OAuth2Error("The metadata are those of another issuer.")
        return config

    @property
    def authorize_url(self) -> str:
        with _talk_with_issuer():
            return str(super().authorize_url)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return f"{settings.PUBLIC_URL}{reverse('openid_connect_callback')}"

    def get_client(self, request: HttpRequest, app: SocialApp) -> Any:
        with _talk_with_issuer():  # it reads the metadata
            return super().get_client(request, app)

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: Any = None
    ) -> Any:
        self.code_verifier = pkce_code_verifier
        with _talk_with_issuer():
            return super().get_access_token_data(request, app, client, pkce_code_verifier)

    def parse_token(self, data: Any) -> Any:
        with _talk_with_issuer():
            return super().parse_token(data)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **facts: Any
    ) -> SocialLogin:
        with _talk_with_issuer():
            claims = self._claims(facts["response"]["id_token"], app.client_id)
            claims["email"] = claims.get("email") or ""
            if not isinstance(claims["email"], str):
                raise TypeError
            told = {"id_token": claims}
            sociallogin = self.get_provider().sociallogin_from_response(request, told)
            sociallogin.auth_time = claims.get("auth_time")
        return sociallogin

    def _claims(self, id_token: str, client_id: str) -> dict[str, Any]:
        config = self.openid_config
        with requests.Session() as session:
            answer = session.get(config["jwks_uri"], timeout=5)
        answer.raise_for_status()
        keys = [key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if key.key_id]
        header = jwt.get_unverified_header(id_token)
        key = next((each for each in keys if each.key_id == header.get("kid")), None)
        if key is None:
            raise jwt.InvalidKeyError("No key of the issuer signed it.")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=_ALGORITHMS,
            audience=client_id,
            issuer=config["issuer"],
            leeway=_LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        nonce = str(claims.get("nonce", ""))
        if not secrets.compare_digest(nonce, nonce_of(self.code_verifier)):
            raise jwt.InvalidTokenError("It is the answer to another sign-in.")
        if any("\0" in claim for claim in claims.values() if isinstance(claim, str)):
            raise jwt.InvalidTokenError("The database takes no null character.")
        if claims.get("azp", client_id) != client_id:
            raise jwt.InvalidAudienceError("It was made for another client.")
        return claims


class UpstreamAdapter(DefaultSocialAccountAdapter):
    """Whose account here is it, that somebody elsewhere signs in to?"""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The settings name the one; allauth would look in the database, too."""
        if not (upstream := settings.UPSTREAM_OIDC):
            return []
        app = SocialApp(
            provider=UpstreamProvider.id,
            provider_id=upstream["issuer"],  # a subject is one with its issuer
            name=upstream["name"],
            client_id=upstream["client_id"],
            secret=upstream["client_secret"],
            settings={
                "server_url": upstream["issuer"],
                "fetch_userinfo": False,
                "oauth_pkce_enabled": True,
            },
        )
        return [app]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> UpstreamProvider:
        return UpstreamProvider(request, app=self.get_app(request, provider=provider))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") == AuthAction.REAUTHENTICATE:
            _take_again(request, sociallogin)
        self._connect(request, sociallogin)
        if request.user.is_authenticated:  # as the same person, who keeps their apps, or another
            leave_to_sign_in(request)

    def _connect(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Somebody new, or known by an address that they confirmed both there and here.

        Who only says to have the address of an account could be a stranger to it: one elsewhere, if
        the issuer did not look; or here, who registered it before its owner came.
        """
        if sociallogin.is_existing or not sociallogin.email_addresses:
            return
        address = sociallogin.email_addresses[0]
        if not address.verified:
            _refuse(request, "unconfirmed_there", address.email)
        known = User.objects.filter(email__iexact=address.email).first()
        claimed = EmailAddress.objects.filter(email=address.email.lower())
        confirmed = claimed.filter(verified=True)
        if known is None:
            if confirmed.exists():
                _refuse(request, "taken", address.email)
            claimed.delete()  # by who only asked to have it
            return
        if not confirmed.filter(user=known).exists():
            _refuse(request, "unconfirmed_here", address.email)
        sociallogin.connect(request, known)

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # there is no form to fill in

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: object = None
    ) -> User:
        """Make an account for somebody new, who serves themself."""
        account, address = sociallogin.account, request.META["REMOTE_ADDR"]
        try:
            with guard.attempt("registration", account=account.uid, address=address):
                sociallogin.user = _make_user(sociallogin)
        except TooManyAttempts as refusal:
            _refuse(request, "too_many", str(refusal))
        return sociallogin.user


@transaction.atomic
def _make_user(sociallogin: SocialLogin) -> User:
    user = sociallogin.user
    user.username = _free_username(user.username or user.email.partition("@")[0])
    create_account(user, None)
    EmailAddress.objects.filter(user=user).update(verified=True)
    sociallogin.account.user = user
    sociallogin.account.save()
    return user


def _free_username(wanted: str) -> str:
    """Of plain letters, as those who sign up choose one; with a number where somebody has it."""
    plain = re.sub(r"[^A-Za-z0-9_.+-]", "", wanted.partition("@")[0])[:100] or "user"
    name = plain
    while User.objects.filter(username__iexact=name).exists():
        name = f"{plain}{secrets.randbelow(10**6):06}"
    return name


def _refuse(request: HttpRequest, why: str, what: str) -> Never:
    context = {"why": why, "what": what, "upstream": settings.UPSTREAM_OIDC["name"]}
    page = render(request, "socialaccount/refused.html", context, status=403)
    raise ImmediateHttpResponse(page)


# --- The pages ----------------------------------------------------------------------------------


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Send somebody to the issuer."""
    # Else who is signed in there would be back unasked.
    anew = {"prompt": "login"} if _wants_new_sign_in(get_next_redirect_url(request)) else {}
    return _begin(request, AuthProcess.LOGIN, anew)


@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Before something that a stranger at somebody's desk is not to do: who has no password here
    signs in there anew."""
    ways = get_account_adapter().get_reauthentication_methods(request.user)
    if request.path not in [way["url"] for way in ways]:
        raise Http404
    if request.method == "POST":
        anew = {"prompt": "login", "max_age": "0"}
        return _begin(request, AuthAction.REAUTHENTICATE, anew, began_at=time.time())
    context = {
        "upstream": settings.UPSTREAM_OIDC["name"],
        "next": get_next_redirect_url(request) or "",
    }
    return render(request, "socialaccount/reauthenticate.html", context)


def _begin(request: HttpRequest, process: str, anew: dict[str, str], **kept: float) -> HttpResponse:
    """Go there; ``kept`` is in the state when they are back."""
    provider = _client(request).get_provider()
    params = provider.get_auth_params() | anew
    next_url = get_next_redirect_url(request)
    try:
        return provider.redirect(
            request, process=process, next_url=next_url, auth_params=params, **kept
        )
    except OAuth2Error:
        return _no_answer(request)


def _wants_new_sign_in(next_url: str | None) -> bool:
    """Do they go on to the question of an app that asks who is there now?"""
    address = urlsplit(next_url or "")
    if address.path != reverse("oauth2_provider:authorize"):
        return False
    asked = QueryDict(address.query)
    return "max_age" in asked or not _ANEW.isdisjoint(asked.get("prompt", "").split())


def _take_again(request: HttpRequest, sociallogin: SocialLogin) -> Never:
    """
    :raises ShownAgain: it is they who signed in there just now.
    """
    upstream = settings.UPSTREAM_OIDC["name"]
    if not sociallogin.is_existing or sociallogin.user != request.user:
        _refuse(request, "somebody_else", upstream)
    # OpenID Connect Core 1.0, section 2: where `max_age` is asked for, the token must say when.
    at, began_at = sociallogin.auth_time, sociallogin.state.get("began_at", time.time())
    if at is None:
        _refuse(request, "no_time", upstream)
    is_of_now = type(at) is int and began_at - _LEEWAY <= at <= time.time() + _LEEWAY
    if not is_of_now:
        _refuse(request, "not_asked", upstream)
    signed_in_anew(request)
    raise ShownAgain(sociallogin.state.get("next") or "")


@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Take somebody back from the issuer, with what it says of them."""
    try:
        return OAuth2CallbackView.adapter_view(_client(request))(request)
    except OAuth2Error:
        return _no_answer(request)
    except ShownAgain as shown:
        next_url = shown.next_url
    request.GET = QueryDict(urlencode({NEXT: next_url}))
    # What they were about to do.
    response: HttpResponse | None = resume_request(request)
    return response or redirect(home_of(request.user))


def _client(request: HttpRequest) -> UpstreamClient:
    if not settings.UPSTREAM_OIDC:
        raise Http404
    return UpstreamClient(request, settings.UPSTREAM_OIDC["issuer"])


def _no_answer(request: HttpRequest) -> HttpResponse:
    return render(request, "socialaccount/authentication_error.html", status=502)
