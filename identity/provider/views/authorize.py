"""A person lets an app in: the authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core
1.0, section 3.1.2), and the page on which they say yes or no.

All that there is to know stays in the address, so nothing is carried over in hidden fields, and
what is granted is what was just checked. A question that is too long for the way to the sign-in
page and back is kept, and the address names it.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import AccessDeniedError, InvalidRequestError, OAuth2Error
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error
from oauthlib.openid.connect.core.exceptions import ConsentRequired, LoginRequired

from identity import guard
from identity.errors import TooManyAttempts
from identity.models import Application, User
from identity.provider.authorizations import has_consented, may_use, remember_consent
from identity.provider.id_tokens import NotOurs, read_hint
from identity.provider.server import PAGE_PARAMETERS, PARAMETERS, refuse_malformed
from identity.scopes import ALL_SCOPES
from identity.session_store import SessionStore, delete_some_expired
from identity.sessions import session_id, signed_in_at

_PROMPTS = {"none", "login", "consent", "select_account"}
_ASKED = "asked"  # the parameter that says, signed, when a new sign-in was asked for
_ASKED_AT_MOST = 3600  # seconds that it is good for, and that a long question is kept
_KEPT = "kept"  # the parameter that names a question that is kept
_SHORT = 1500  # characters; the sign-in page leads back to addresses of 2,048 at most
_HINT = 254  # characters of a login_hint: no name that anybody signs in with is longer
_LONGEST = 32_000  # characters of a question, which anybody may have us keep


@dataclass(frozen=True)
class Question:
    """What an app asks of a person, checked: it is known, and people may be sent back to it."""

    app: Application
    scopes: list[str]
    asked: dict[str, Any]  # the engine's
    prompts: frozenset[str]
    max_age: int | None
    subject: str | None  # the person it expects, by an ID token it has of them

    @property
    def is_silent(self) -> bool:
        return "none" in self.prompts


class MustSignIn(Exception):
    """The question is for somebody who has just signed in, or for somebody else."""


class WrongRole(Exception):
    """The app is not for this person."""


@never_cache
@csrf_exempt  # a POST changes nothing: it asks the same question as a GET
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask the person whether the app may, or send them back to it at once where that is settled."""
    if request.method == "POST":
        # From another site, without the person's cookie: as a GET it comes with it.
        request.GET, request.POST = request.POST, QueryDict()
        return _answer(request, lambda request, _: HttpResponseRedirect(_address_of(request)))
    return _answer(request, _decide)


@never_cache
@require_POST
def consent(request: HttpRequest) -> HttpResponse:
    """The person's yes or no, on the page that was shown to them."""
    return _answer(request, partial(_decide, word=request.POST.get("answer", "deny")))


def _answer(
    request: HttpRequest, decide: Callable[[HttpRequest, Question], HttpResponse]
) -> HttpResponse:
    try:
        _recall(request)
        question = _read(request)
    except InvalidRequestError as error:
        return _refuse(request, error.description)
    except FatalClientError as error:  # the app or the address is not known: to go there is unsafe
        return _refuse(request, error.oauthlib_error.description)
    except OAuthToolkitError as error:
        return _tell_app(error.oauthlib_error, error.oauthlib_error.redirect_uri)
    try:
        return decide(request, question)
    except TooManyAttempts as refusal:
        return _refuse(request, str(refusal), status=429)
    except OAuth2Error as error:
        error.state = question.asked["state"]
        return _tell_app(error, question.asked["redirect_uri"])


def _read(request: HttpRequest) -> Question:
    """
    :raises OAuth2Error: to be shown to the person.
    :raises OAuthToolkitError: to be told to the app.
    """
    refuse_malformed(request.GET)
    if len(_question(request).urlencode()) > _LONGEST:
        raise InvalidRequestError("The question is too long.")
    scopes, asked = get_oauthlib_core().validate_authorization_request(request)
    try:
        return _read_page_parameters(request.GET, scopes, asked)
    except OAuth2Error as error:
        error.state, error.redirect_uri = asked["state"], asked["redirect_uri"]
        raise OAuthToolkitError(error) from None


def _read_page_parameters(
    parameters: QueryDict, scopes: list[str], asked: dict[str, Any]
) -> Question:
    for name in ("request", "request_uri"):  # OpenID Connect Core 1.0, section 6: not for us
        if name in parameters:
            raise CustomOAuth2Error(f"{name}_not_supported", f"Leave out {name}.")
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("The only response_mode is query.")
    prompts = frozenset(parameters.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt must be none alone, or of login, consent, ...")
    max_age = parameters.get("max_age", "")
    if max_age and not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
        raise InvalidRequestError("The max_age must be a number of seconds.")
    subject = None
    if hint := parameters.get("id_token_hint"):
        try:
            subject = read_hint(hint).subject
        except NotOurs:
            raise InvalidRequestError("The id_token_hint is no ID token of ours.") from None
    return Question(
        app=asked["request"].client,
        scopes=list(dict.fromkeys(scopes)),
        asked=asked,
        prompts=prompts,
        max_age=int(max_age) if max_age else None,
        subject=subject,
    )


def _decide(request: HttpRequest, question: Question, word: str = "") -> HttpResponse:
    """
    :raises OAuth2Error: to be told to the app.
    :raises TooManyAttempts: too many long questions are kept.
    """
    try:
        _check_person(request, question)
    except MustSignIn:
        if question.is_silent:
            raise LoginRequired from None
        return _to_sign_in(request)
    except WrongRole:
        if question.is_silent or word == "deny":
            raise AccessDeniedError from None
        context = {"app": question.app, "again": _to_another_account(request), **_place()}
        return render(request, "identity/wrong_role.html", context, status=403)
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # narrows the type: who is signed in is one
    if word == "allow":
        remember_consent(user, question.app, question.scopes)
    elif word:
        raise AccessDeniedError
    elif "consent" in question.prompts or not has_consented(user, question.app, question.scopes):
        if question.is_silent:
            raise ConsentRequired
        return render(request, "identity/consent.html", _consent_page(request, question))
    return _let_in(request, question)


def _check_person(request: HttpRequest, question: Question) -> None:
    """
    :raises MustSignIn: nobody, not lately enough, or somebody else than the app expects.
    :raises WrongRole: the app is not for them.
    :raises LoginRequired: they signed in as somebody else than the app expects.
    """
    user = request.user
    if not isinstance(user, User):
        raise MustSignIn
    age = (timezone.now() - signed_in_at(request)).total_seconds()
    has_just_signed_in = _has_signed_in_since_asked(request)
    is_too_old = question.max_age is not None and age > question.max_age
    wants_anew = is_too_old or {"login", "select_account"} & question.prompts
    if wants_anew and not has_just_signed_in:
        raise MustSignIn
    if question.subject is not None and question.subject != user.subject:
        if has_just_signed_in:
            raise LoginRequired(description="Somebody else signed in.")
        raise MustSignIn
    if not may_use(user, question.app):
        raise WrongRole


def _let_in(request: HttpRequest, question: Question) -> HttpResponse:
    # The engine copies these to what the validator sees.
    question.asked["sid"] = session_id(request)
    question.asked["auth_time"] = signed_in_at(request)
    try:
        uri, *_ = get_oauthlib_core().create_authorization_response(
            request, question.scopes, question.asked, allow=True
        )
    except OAuthToolkitError as error:
        raise error.oauthlib_error from None
    return _back_to_app(uri)


# --- Signing in anew ----------------------------------------------------------------------------


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(_sign_in_address(request))


def _sign_in_address(request: HttpRequest) -> str:
    """The sign-in page, from which people come back to this question.

    The way back tells, signed, when a sign-in was asked for, and for which question: only one that
    is later answers it. So the decision stays here, and no session has to remember the question.
    """
    asked = signing.dumps([_fingerprint(_question(request)), time.time()], salt=__name__)
    response = redirect_to_login(_address_of(request, asked))
    hint = request.GET.get("login_hint", "")[:_HINT]
    more = QueryDict(mutable=True)
    more["login_hint"] = hint
    return f"{response.url}&{more.urlencode()}" if hint else response.url


def _address_of(request: HttpRequest, asked: str = "") -> str:
    """Where this question is asked; ``asked`` is the signed word of a sign-in that it waits for."""
    address = _question(request).urlencode()
    if len(address) > _SHORT:
        address = urlencode({_KEPT: request.GET.get(_KEPT) or _keep(request, address)})
    if asked:
        address += f"&{urlencode({_ASKED: asked})}"
    return f"{reverse('oauth2_provider:authorize')}?{address}"


def _keep(request: HttpRequest, question: str) -> str:
    """Keep a question for an hour, and return its name.

    :raises TooManyAttempts: there are too many from this address.
    """
    app, address = request.GET.get("client_id", ""), request.META["REMOTE_ADDR"]
    with guard.attempt("long_question", account=app, address=address):
        delete_some_expired()
        kept = SessionStore()  # of nobody, and named by no cookie
        kept["question"] = question
        kept.set_expiry(_ASKED_AT_MOST)
        kept.create()
    return str(kept.session_key)


def _recall(request: HttpRequest) -> None:
    """Put a question that was kept where the others are.

    :raises InvalidRequestError: it is not known any more.
    """
    if _KEPT not in request.GET:
        return
    name = request.GET[_KEPT]
    question = SessionStore(name).get("question")
    if question is None:
        raise InvalidRequestError(
            gettext("The question was asked too long ago. Start again in the app.")
        )
    whole = QueryDict(question, mutable=True)
    whole[_KEPT] = name
    if _ASKED in request.GET:
        whole[_ASKED] = request.GET[_ASKED]
    request.GET = whole  # type: ignore[assignment]  # the stubs want one that cannot be changed


def _has_signed_in_since_asked(request: HttpRequest) -> bool:
    try:
        fingerprint, asked_at = signing.loads(
            request.GET.get(_ASKED, ""), salt=__name__, max_age=_ASKED_AT_MOST
        )
    except signing.BadSignature:
        return False
    is_this = fingerprint == _fingerprint(_question(request))
    return is_this and signed_in_at(request).timestamp() >= asked_at


def _question(request: HttpRequest) -> QueryDict:
    """What the app asked, in its order, and nothing else."""
    query = QueryDict(mutable=True)
    for name in request.GET:
        if name in PARAMETERS + PAGE_PARAMETERS:
            query[name] = request.GET[name]
    return query


def _fingerprint(query: QueryDict) -> str:
    known = {name: value for name, value in query.items() if name != _ASKED}
    return hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()


# --- Pages and ways back ------------------------------------------------------------------------


def _consent_page(request: HttpRequest, question: Question) -> dict[str, Any]:
    address = urlsplit(question.asked["redirect_uri"])
    return {
        "app": question.app,
        "destination": address.netloc or f"{address.scheme}:",
        "sentences": [ALL_SCOPES[scope] for scope in question.scopes],
        "action": f"{reverse('oauth2_provider:consent')}?{request.META['QUERY_STRING']}",
        "again": _to_another_account(request),
        **_place(),
    }


def _to_another_account(request: HttpRequest) -> str:
    """Where a page leads who wants to be somebody else: nowhere if too many long questions are
    kept, as most who see it go on as who they are."""
    try:
        return _sign_in_address(request)
    except TooManyAttempts:
        return ""


def _place() -> dict[str, str]:
    return {"business": settings.BUSINESS_NAME}


def _tell_app(error: OAuth2Error, redirect_uri: str) -> HttpResponse:
    # RFC 9207; in what the engine grants, it puts the issuer itself.
    told = add_params_to_uri(error.in_uri(redirect_uri), [("iss", settings.ISSUER)])
    return _back_to_app(told)


def _back_to_app(uri: str) -> HttpResponse:
    # The engine has compared it with what is registered; a link that runs a script never is.
    response: HttpResponse = OAuth2ResponseRedirect(uri, [urlsplit(uri).scheme])
    return response


def _refuse(request: HttpRequest, why: str, status: int = 400) -> HttpResponse:
    context = {"why": why, **_place()}
    return render(request, "identity/consent_refused.html", context, status=status)
