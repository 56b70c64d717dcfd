"""What may a page of ours load, and who may put it in a frame? (Content Security Policy Level 3)

Nothing comes from another host. Pages outside the admin run no code but files of ours. The admin's
components evaluate expressions, and set styles on elements; the documentation pages do the latter,
and read the API in a worker.

There is no ``form-action``: browsers would hold it against the redirect that ends a consent form.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_EVERYWHERE = "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
_PAGES = f"default-src 'self'; img-src 'self' data:; {_EVERYWHERE}"
_TOOLS = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; "
    f"script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; {_EVERYWHERE}"
)
_TOOL_PATHS = ("/admin/", "/api/")


class ContentSecurityMiddleware:
    """Puts the policy on each page of HTML."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            is_tool = request.path_info.startswith(_TOOL_PATHS)
            policy = _TOOLS if is_tool else _PAGES
            response.setdefault("Content-Security-Policy", policy)
        return response
