"""The pages of the front door, where they differ from those that django-allauth brings."""

from typing import Any

from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.mfa.base import views as mfa
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME as NEXT
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from identity import two_factor
from identity.people.adapters import home_of
from identity.people.middleware import GOES_ON_TO
from identity.roles import is_administrator


class SignInView(account.LoginView):
    """Signs in who was not, and anew who was: as the same person, or as another.

    ``?next=`` is an address of ours to go on to; ``?login_hint=`` a name to begin with.
    """

    def get_initial(self) -> dict[str, Any]:
        return super().get_initial() | {"username": self.request.GET.get("login_hint", "")[:254]}

    def form_valid(self, form: Any) -> HttpResponse:
        # What is still to show, such as a code, is asked of who is not signed in.
        logout(self.request)
        return super().form_valid(form)


class PasskeySignInView(webauthn.LoginWebAuthnView):
    """Signs in by a passkey alone; like the other, anew who was signed in."""

    def form_valid(self, form: Any) -> HttpResponse:
        logout(self.request)
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        super().form_invalid(form)  # tells what is wrong with a message
        return redirect(passthrough_next_redirect_url(self.request, reverse("account_login"), NEXT))


class PasskeyAgainView(webauthn.ReauthenticateWebAuthnView):
    """Shows itself again where a passkey was not taken, not the sign-in page."""

    def form_invalid(self, form: Any) -> HttpResponse:
        super().form_invalid(form)
        url = reverse("mfa_reauthenticate_webauthn")
        return redirect(passthrough_next_redirect_url(self.request, url, NEXT))


class TwoFactorView(mfa.IndexView):
    """What somebody signs in with beside the password."""

    def get_context_data(self, **facts: Any) -> dict[str, Any]:
        user = self.request.user
        is_required = settings.REQUIRE_TWO_FACTOR and is_administrator(user)
        return super().get_context_data(**facts) | {
            "has_second_factor": two_factor.has_second_factor(user),
            "is_required": is_required,
            "goes_on_to": self.request.session.get(GOES_ON_TO),
        }


@never_cache
def staff_door(request: HttpRequest) -> HttpResponse:
    """Where the back office sends who may not come in: to sign in, or a word to who has no role.

    Its own sign-in page would ask for a password only.
    """
    target = get_next_redirect_url(request) or reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(target, reverse("account_login"), NEXT)
    if request.user.is_staff:
        return redirect(target)
    context = {"next": target, "home": home_of(request.user)}
    return render(request, "account/not_staff.html", context, status=403)
