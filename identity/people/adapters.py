"""What django-allauth asks us: where people may be sent, and what it may tell them."""

import logging
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from identity import two_factor
from identity.models import User
from identity.sessions import signed_in_at

logger = logging.getLogger(__name__)

_JUST_NOW = timedelta(minutes=5)


def home_of(user: User | AbstractBaseUser | AnonymousUser) -> str:
    """Where somebody goes who did not say where to: staff to the back office."""
    return reverse("admin:index" if getattr(user, "is_staff", False) else "home")


def is_known_elsewhere(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Can they sign in at the issuer that ``UPSTREAM_OIDC_ISSUER`` names?"""
    upstream = settings.UPSTREAM_OIDC
    if not upstream or user.pk is None:
        return False
    return SocialAccount.objects.filter(user_id=user.pk, provider=upstream["issuer"]).exists()


class AccountAdapter(DefaultAccountAdapter):
    """Ours is stricter about where to go, and knows two kinds of people."""

    def is_safe_url(self, url: str) -> bool:
        """Is it ours? The shipped one also takes what `ALLOWED_HOSTS` names, such as a proxy."""
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def is_ajax(self, request: HttpRequest) -> bool:
        """Only the script of the passkeys gets JSON; a page is a page however it is asked for."""
        match = request.resolver_match
        return match is not None and match.url_name == "mfa_login_webauthn"

    def is_reauthentication_required(self, *, app: str, **facts: object) -> bool:
        """Who has just signed in need not say so twice.

        :raises ReauthenticationRequired: they have neither password nor second factor to show
            here. allauth takes such a person for one who has just shown it.
        """
        if timezone.now() - signed_in_at(context.request) < _JUST_NOW:
            return False
        if not get_reauthentication_flows(context.request.user):
            raise ReauthenticationRequired
        return super().is_reauthentication_required(app=app, **facts)

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> Any:
        """Who has a second factor shows that: else a password would be enough to take it away.

        Who has nothing here, but an account elsewhere, signs in there anew.
        """
        methods = super().get_reauthentication_methods(user)
        if isinstance(user, User) and two_factor.has_second_factor(user):
            return [method for method in methods if method["id"] != "reauthenticate"]
        if not methods and is_known_elsewhere(user):
            url = reverse("reauthenticate_elsewhere")
            return [{"id": "elsewhere", "description": _("Sign in elsewhere"), "url": url}]
        return methods

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Make it the address of its user, unless another user has it: addresses are unique."""
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:
            text = _("Another account has the address {email}.")
            told = text.format(email=email_address.email)
            self.add_message(request, messages.ERROR, message=told)
            return False

    # --- Mail -----------------------------------------------------------------------------------

    def format_email_subject(self, subject: str) -> str:
        return f"{settings.BUSINESS_NAME}: {subject}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language that its reader chose; else in that of the page that sends it."""
        chosen = getattr(context.get("user"), "language", "")
        with translation.override(chosen or translation.get_language()):
            super().send_mail(template_prefix, email, {"public_url": settings.PUBLIC_URL} | context)

    def send_notification_mail(self, *arguments: Any, **facts: Any) -> None:
        try:
            super().send_notification_mail(*arguments, **facts)
        except OSError:  # of SMTP, too
            # What it tells of is done already, and must not look as if it had failed.
            logger.exception("A mail that tells of a change could not be sent.")

    def get_reset_password_from_key_url(self, key: str) -> str:
        names = dict(zip(("uidb36", "key"), key.split("-", 1), strict=True))
        return _link("account_reset_password_from_key", **names)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _link("account_confirm_email", key=emailconfirmation.key)


def _link(name: str, **parts: str) -> str:
    """For a mail. The shipped ones follow the Host header, which whoever asks for it may set."""
    return f"{settings.PUBLIC_URL}{reverse(name, kwargs=parts)}"
