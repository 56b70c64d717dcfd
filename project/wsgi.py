"""The WSGI application that gunicorn serves."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from project.request_bodies import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

django.setup(set_prefix=False)


class Utf8Request(WSGIRequest):
    """Takes the query and the body for UTF-8, as JSON is (RFC 8259, section 8.1) and our forms are.

    Django goes by the charset of the Content-Type. That may name any of Python's codecs, some of
    which decode no text, and none of our code has begun when it tries.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        self.content_type, self.content_params = kind, parameters


class Handler(WSGIHandler):
    request_class = Utf8Request


application = WholeBodies(Handler())
