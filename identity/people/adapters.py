"""What django-allauth asks us: where people may be sent, and what it may tell them."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from identity.models import User


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

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)
