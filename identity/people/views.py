"""The pages of the front door, where they differ from those that django-allauth brings."""

from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME as NEXT
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from identity import two_factor
from identity.administrators import is_administrator
from identity.models import User
from identity.people.adapters import home_of
from identity.people.forms import NewEmailForm, count_mail
from identity.people.middleware import GOES_ON_TO
from identity.sealing import CannotOpen
from identity.sessions import leave_to_sign_in


class SignInView(account.LoginView):
    """Signs in who was not, and anew who was: as the same person, or as another.

    ``?next=`` is an address of ours to go on to; ``?login_hint=`` a name to begin with.
    """

    def get_initial(self) -> dict[str, Any]:
        return super().get_initial() | {"username": self.request.GET.get("login_hint", "")[:254]}

    def get_context_data(self, **facts: Any) -> dict[str, Any]:
        upstream = settings.UPSTREAM_OIDC and settings.UPSTREAM_OIDC["name"]
        return super().get_context_data(**facts) | {"upstream": upstream}

    def form_valid(self, form: Any) -> HttpResponse:
        leave_to_sign_in(self.request)
        return super().form_valid(form)


class PasskeySignInView(webauthn.LoginWebAuthnView):
    """Signs in by a passkey alone; like the other, anew who was signed in."""

    def form_valid(self, form: Any) -> HttpResponse:
        leave_to_sign_in(self.request)
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
        context = super().get_context_data(**facts)
        kept = context["authenticators"]
        return context | {
            "lost": [
                name
                for name in ("totp", "recovery_codes")
                if name in kept and not two_factor.can_be_opened(kept[name].instance)
            ],
            "has_second_factor": two_factor.has_second_factor(user),
            "is_required": is_required,
            "goes_on_to": self.request.session.get(GOES_ON_TO),
        }


def for_its_owner(view: Any) -> Any:
    """A page to set up a second factor on: who signed up with the address of somebody else could
    keep them out with one for good. allauth minds every address of the account, also a new one that
    waits to take the place of a confirmed one.
    """

    @wraps(view)
    def page(request: HttpRequest, *parts: Any, **names: Any) -> Any:
        user = request.user
        mine = EmailAddress.objects.filter(user_id=user.pk, verified=False)
        if mine.filter(email__iexact=getattr(user, "email", "")).exists():
            messages.error(request, gettext("Confirm your email address first."))
            return redirect("account_email")
        return view(request, *parts, **names)

    return page


def _lost_recovery_codes(request: HttpRequest) -> HttpResponse:
    messages.error(request, gettext("Your recovery codes open nothing any more."))
    return redirect("mfa_generate_recovery_codes")


class RecoveryCodesView(recovery_codes.ViewRecoveryCodesView):
    """The recovery codes or, where they cannot be read any more, the way to new ones."""

    def get(self, request: HttpRequest, *parts: Any, **names: Any) -> HttpResponse:
        try:
            return super().get(request, *parts, **names)
        except CannotOpen:
            return _lost_recovery_codes(request)


class RecoveryCodesFileView(recovery_codes.DownloadRecoveryCodesView):
    """The same in a file."""

    def dispatch(self, request: HttpRequest, *parts: Any, **names: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *parts, **names)
        except CannotOpen:
            return _lost_recovery_codes(request)


class NewRecoveryCodesView(recovery_codes.GenerateRecoveryCodesView):
    """Makes new ones in place of those that are left, if any can be read."""

    def get_context_data(self, **facts: Any) -> dict[str, Any]:
        try:
            return super().get_context_data(**facts)
        except CannotOpen:
            # What allauth's own view does before it reads them.
            return super(recovery_codes.GenerateRecoveryCodesView, self).get_context_data(**facts)


@reauthentication_required(app="allauth.account")
def email(request: HttpRequest) -> HttpResponse:
    """The address of an account: whether it is confirmed, and to have another one.

    The new one takes the place of the old one when it is confirmed, not before: one with a mistake
    in it would lock its owner out. Whether somebody else has it is told to who reads its mail.
    """
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # narrows the type: see the decorator
    mine = EmailAddress.objects.filter(user_id=user.pk)
    address = user.email.lower()
    form = NewEmailForm(request.POST if "change" in request.POST else None)
    if form.is_bound and form.is_valid():
        new = form.cleaned_data["email"].lower()
        mine.filter(verified=False).exclude(email__in=[address, new]).delete()
        _send_confirmation(request, new)
        return redirect("account_email")
    problem = ""
    if "send" in request.POST:
        try:
            count_mail(address)
            _send_confirmation(request, address)
            return redirect("account_email")
        except ValidationError as refusal:
            problem = " ".join(refusal.messages)
    context = {
        "form": form,
        "problem": problem,
        "is_confirmed": mine.filter(email=address, verified=True).exists(),
        "waiting": mine.filter(verified=False).exclude(email=address).first(),
    }
    return render(request, "account/email.html", context)


def _send_confirmation(request: HttpRequest, email: str) -> None:
    if email:
        address, _ = EmailAddress.objects.get_or_create(user=request.user, email=email)
        send_verification_email_to_address(request, address)


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
