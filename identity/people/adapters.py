"""What django-allauth asks us: where people may be sent, and what it may tell them."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from identity import two_factor
from identity.models import User
from identity.sessions import signed_in_at

_JUST_NOW = timedelta(minutes=5)


def home_of(user: User | AbstractBaseUser | AnonymousUser) -> str:
    """Where somebody goes who did not say where to: staff to the back office."""
    return reverse("admin:index" if getattr(user, "is_staff", False) else "home")


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
        """Who has just signed in need not say so twice."""
        if timezone.now() - signed_in_at(context.request) < _JUST_NOW:
            return False
        return super().is_reauthentication_required(app=app, **facts)

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> Any:
        """Who has a second factor shows that: else a password would be enough to take it away."""
        methods = super().get_reauthentication_methods(user)
        if isinstance(user, User) and two_factor.has_second_factor(user):
            return [method for method in methods if method["id"] != "reauthenticate"]
        return methods

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)
