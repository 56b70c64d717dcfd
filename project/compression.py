"""Pages are sent compressed: a list of orders is a tenth of its size on a phone's line."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressionMiddleware(GZipMiddleware):
    """Django's, for pages alone.

    What the API answers stays as it is: an ETag would tell of another body, and ``If-Match`` has to
    name the one that was sent (RFC 9110, 8.8.3.3). Against guessing a page's secrets by its length
    (BREACH), Django masks its CSRF token anew each time and adds a name of chance length.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
