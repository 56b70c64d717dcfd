"""The pages that document the API: Swagger UI to try it out, ReDoc to read. All of it is ours to
serve; nothing is fetched from elsewhere."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from identity.models.provider import AppKind
from identity.provider import connected_apps
from identity.scopes import SCOPES

CLIENT_ID = "karani-api-docs"


def register_app() -> None:
    """Make Swagger UI's button "Authorize" work: it is an app like any other to our own provider.

    Again at each deploy, as ``PUBLIC_URL`` may have changed.
    """
    connected_apps.register_app(
        client_id=CLIENT_ID,
        name=f"{settings.BUSINESS_NAME} API docs",
        kind=AppKind.BROWSER_OR_MOBILE,
        redirect_uris=[_redirect_uri()],
    )


def _redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}{reverse('api-docs-oauth2-redirect')}"


@require_safe
@ensure_csrf_cookie
def swagger_ui(request: HttpRequest) -> HttpResponse:
    """Read the API and try it out: as the person signed in to this browser, or with a token."""
    options: dict[str, object] = {
        "url": reverse("api:openapi-json"),
        "oauth2RedirectUrl": _redirect_uri(),
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "oauth": {
            "clientId": CLIENT_ID,
            "usePkceWithAuthorizationCodeGrant": True,
            "scopes": [scope for scope in SCOPES if scope.endswith(":read")],  # ticked at first
        },
    }
    return render(request, "project/swagger_ui.html", _context(options))


@require_safe
def oauth2_redirect(request: HttpRequest) -> HttpResponse:
    """Where our provider sends the small window that Swagger UI opened."""
    return render(request, "project/oauth2_redirect.html", _context({}))


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """Read the API, on one long page."""
    return render(request, "project/redoc.html", _context({"url": reverse("api:openapi-json")}))


def _context(options: dict[str, object]) -> dict[str, object]:
    return {"title": f"{settings.BUSINESS_NAME} API", "options": options}
