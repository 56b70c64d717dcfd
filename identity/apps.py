"""The identity app's configuration."""

import re
from typing import Any, ClassVar

from corsheaders.signals import check_request_enabled
from django.apps import AppConfig
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from identity.rights_in_words import Subject


class IdentityConfig(AppConfig):
    name = "identity"
    verbose_name = _("People")
    rights: ClassVar = (
        Subject(
            "people",
            _("People"),
            {
                "identity.view_user": _("See who has an account"),
                "identity.add_user": _("Invite and add people"),
                "identity.change_user": _("Change and deactivate people, and give them roles"),
                "identity.delete_user": _("Delete people"),
            },
        ),
        Subject(
            "roles",
            _("Roles"),
            {
                "identity.view_role": _("See what each role may do"),
                "identity.add_role": _("Make roles"),
                "identity.change_role": _("Change what a role may do"),
                "identity.delete_role": _("Delete roles"),
            },
        ),
        Subject(
            "apps",
            _("Connected apps"),
            {
                "identity.view_application": _("See which apps are connected"),
                "identity.add_application": _("Connect apps"),
                "identity.change_application": _("Change apps, and end their access"),
                "identity.delete_application": _("Delete apps"),
            },
        ),
        Subject(
            "technical",
            _("Technical"),
            {
                "identity.view_technical": _("See signed-in browsers, tokens and the queue"),
                "identity.change_technical": _("End tokens, and discard failed tasks"),
            },
            is_technical=True,
        ),
    )

    def ready(self) -> None:
        # The one place that every sign-in passes, whichever page and whichever proof it was.
        user_logged_in.connect(_signed_in, dispatch_uid="identity.sessions")
        user_logged_out.connect(_signed_out, dispatch_uid="identity.sessions")
        check_request_enabled.connect(_is_of_an_app, dispatch_uid="identity.connected_apps")
        _take_back_admin_pages()


def _signed_in(sender: object, request: HttpRequest, user: Any, **facts: Any) -> None:
    from allauth.account.authentication import get_authentication_records

    from identity.provider.authorizations import end_session_authorizations
    from identity.session_store import delete_some_expired
    from identity.sessions import begin_session
    from identity.sign_ins import method_of, record_sign_in

    end_session_authorizations(begin_session(request, user))
    delete_some_expired()
    record_sign_in(request, user, method_of(get_authentication_records(request, user)))


def _signed_out(sender: object, request: HttpRequest, **facts: Any) -> None:
    """With the session ends what apps got in it."""
    from identity.provider.authorizations import end_session_authorizations
    from identity.sessions import is_left_for_good, session_id

    if request.user.is_authenticated and is_left_for_good(request):
        end_session_authorizations(session_id(request))


def _is_of_an_app(sender: object, request: HttpRequest, **facts: Any) -> bool:
    """Asked for every address, and with a yes even those that are not for other sites open up."""
    from identity.provider.connected_apps import is_registered_origin

    origin = request.headers.get("Origin", "")
    is_for_others = re.match(settings.CORS_URLS_REGEX, request.path_info) is not None
    return bool(origin) and is_for_others and is_registered_origin(origin)


def _take_back_admin_pages() -> None:
    """Those that allauth brings look like another house, and change by hand what people sign in
    with."""
    for model, screen in list(admin.site._registry.items()):
        if type(screen).__module__.startswith("allauth."):
            admin.site.unregister(model)
