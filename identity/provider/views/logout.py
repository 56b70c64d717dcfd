"""An app asks to sign its person out here, too (OpenID Connect RP-Initiated Logout 1.0)."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from oauth2_provider.http import OAuth2ResponseRedirect
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import InvalidRequestError

from identity.models import Application, User
from identity.provider.authorizations import end_session_authorizations
from identity.provider.id_tokens import Hint, NotOurs, read_hint
from identity.provider.server import refuse_malformed
from identity.sessions import session_id


class Refused(Exception):
    """The request cannot be trusted: nobody is signed out, and nobody is sent anywhere."""


@dataclass(frozen=True)
class Request:
    """What the app asks, checked."""

    app: Application | None
    hint: Hint | None
    back_to: str  # empty where it names no address


@never_cache
@csrf_exempt  # a POST changes nothing: it asks the same as a GET
@require_http_methods(["GET", "HEAD", "POST"])
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign the person out of this session, and the apps that they let in from it.

    They are asked first, unless the app shows that it knows this session: else any page in the
    world could sign people out with a link.
    """
    if request.method == "POST":
        # From another site, without the person's cookie: as a GET it comes with it.
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}")
    try:
        asked = _read(request.GET)
    except Refused as refusal:
        return _refuse(request, str(refusal))
    if not isinstance(request.user, User):
        if asked.hint:  # the browser's session has ended already; what came of it need not
            end_session_authorizations(asked.hint.sid)
        return _go_on(request, asked)
    if asked.hint and asked.hint.sid and asked.hint.sid == session_id(request):
        return _sign_out(request, asked)
    context = {
        "app": asked.app,
        "action": f"{reverse('oauth2_provider:end-session-confirm')}?{request.GET.urlencode()}",
        "stay": reverse("home"),
        "business": settings.BUSINESS_NAME,
    }
    return render(request, "identity/end_session.html", context)


@never_cache
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """The person's yes, on the page that asked them."""
    try:
        asked = _read(request.GET)
    except Refused as refusal:
        return _refuse(request, str(refusal))
    if isinstance(request.user, User):
        return _sign_out(request, asked)
    return _go_on(request, asked)


def _read(parameters: QueryDict) -> Request:
    """
    :raises Refused: the hint is not ours, the app unknown, or the address not one of its own.
    """
    try:
        refuse_malformed(parameters)
    except InvalidRequestError as error:
        raise Refused(error.description) from None
    hint = None
    if text := parameters.get("id_token_hint"):
        try:
            hint = read_hint(text)
        except NotOurs:
            raise Refused("The id_token_hint is no ID token of ours.") from None
    client_id = parameters.get("client_id") or (hint.client_id if hint else "")
    if hint and client_id != hint.client_id:
        raise Refused("The id_token_hint was given to another app.")
    app = Application.objects.filter(client_id=client_id, is_active=True).first()
    if client_id and app is None:
        raise Refused("The app is not known.")
    return Request(app, hint, _back_to(app, parameters))


def _back_to(app: Application | None, parameters: QueryDict) -> str:
    uri = parameters.get("post_logout_redirect_uri", "")
    if not uri:
        return ""
    if app is None:
        raise Refused("The app did not say who it is: client_id or id_token_hint is missing.")
    if not app.post_logout_redirect_uri_allowed(uri):
        raise Refused("The post_logout_redirect_uri is not registered for this app.")
    state = parameters.get("state")
    return str(add_params_to_uri(uri, [("state", state)])) if state else uri


def _sign_out(request: HttpRequest, asked: Request) -> HttpResponse:
    if asked.hint:
        end_session_authorizations(asked.hint.sid)
    logout(request)
    return _go_on(request, asked)


def _go_on(request: HttpRequest, asked: Request) -> HttpResponse:
    if not asked.back_to:
        return HttpResponseRedirect(reverse("home"))
    response: HttpResponse = OAuth2ResponseRedirect(
        asked.back_to, [asked.back_to.partition(":")[0]]
    )
    return response


def _refuse(request: HttpRequest, why: str) -> HttpResponse:
    context = {"why": why, "business": settings.BUSINESS_NAME}
    return render(request, "identity/end_session_refused.html", context, status=400)
