"""The page for a form that was sent without the token of the page it belongs to, or with an old one
(CSRF): mostly a page that stood open while its reader signed in or out elsewhere."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

# Where only forms go, and the page that has the form. Both read the same query.
_PAGE_OF = {
    "oauth2_provider:consent": "oauth2_provider:authorize",
    "oauth2_provider:end-session-confirm": "oauth2_provider:end-session",
}


@never_cache
def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Nothing was done; to load the page again gets its form a good token."""
    if request.path.startswith("/api/"):
        return HttpResponseForbidden()  # `project.problems` says it in the API's way
    return render(request, "identity/stale_form.html", {"page": _page_of(request)}, status=403)


def _page_of(request: HttpRequest) -> str:
    """The address of the page with the form, which is to be loaded again."""
    match = request.resolver_match
    if match is not None and match.view_name in _PAGE_OF:
        query = request.META["QUERY_STRING"]
        return f"{reverse(_PAGE_OF[match.view_name])}{'?' if query else ''}{query}"
    # Some forms go to where there is no page. Our own pages, and they alone, are told as theirs.
    referrer = request.headers.get("Referer", "")
    if referrer and url_has_allowed_host_and_scheme(
        referrer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        parts = urlsplit(referrer)
        page = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        if not page.startswith("//"):  # which would be the name of another site
            return page
    return request.get_full_path()
