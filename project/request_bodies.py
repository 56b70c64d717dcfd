"""How large may the body of a request be? One that is larger is refused before it is read."""

from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_PIECE = 64 * 1024
_IN_MEMORY = 1024 * 1024  # bytes; the rest of a body without a length goes to a file


class BodySizeMiddleware:
    """Under ``/api/``, answers 413 to a body that says to be too large."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/") and _length(request.META) > _most(request.META):
            return HttpResponse(status=413)  # ProblemsMiddleware says it in full
        return self.get_response(request)


class WholeBodies:
    """Gives a body that came in chunks the length that Django goes by; without, it reads nothing.

    Reads one byte more than is allowed at most, and the middleware sees that it is too large.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH")
        # Else the server does not end the body for us, and reading it would wait for ever.
        if not (is_chunked and environ.get("wsgi.input_terminated")):
            return self.application(environ, start_response)
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            missing = _most(environ) + 1
            while missing and (piece := environ["wsgi.input"].read(min(missing, _PIECE))):
                missing -= body.write(piece)
            environ["CONTENT_LENGTH"] = str(body.tell())
            body.seek(0)
            environ["wsgi.input"] = body
            return self.application(environ, start_response)


def _most(environ: WSGIEnvironment) -> int:
    is_form = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    limit: int = settings.UPLOAD_MAX_SIZE if is_form else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return limit


def _length(environ: WSGIEnvironment) -> int:
    try:
        return int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # as Django takes it
