"""The identity app's configuration."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest


class IdentityConfig(AppConfig):
    name = "identity"
    verbose_name = "People"

    def ready(self) -> None:
        # The one place that every sign-in passes, whichever page and whichever proof it was.
        user_logged_in.connect(_begin_session, dispatch_uid="identity.sessions")


def _begin_session(sender: object, request: HttpRequest, **facts: Any) -> None:
    from identity.sessions import begin_session

    begin_session(request)
