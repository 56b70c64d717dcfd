"""The pages where somebody makes an account, to see and place their own orders.

The form makes no account, but sends a link by mail, with the facts of the account in it, sealed. It
is made where the link leads. So neither the answer to the form nor signing in afterwards tells who
sent it whether an account has the address, or whether the business knows the phone; only who reads
the mail of the address learns of it. And a sign-up that nobody completes leaves no trace of whom it
was for but in the session of the browser.
"""

import json
import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from crm.contact_form import ContactForm
from crm.models import PHONE_NUMBER_IS_TAKEN, Customer
from crm.registration import (
    USERNAME_PATTERN,
    USERNAME_RULE,
    register_confirmed,
    registration_errors,
)
from identity import guard
from identity.accounts import EMAIL_IS_TAKEN, name_parts
from identity.errors import TooManyAttempts
from identity.models import User
from identity.people.adapters import home_of
from identity.people.forms import check_password
from identity.sealing import CannotOpen, seal, unseal
from identity.sessions import leave_to_sign_in

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # the stubs' name for a translation to come

logger = logging.getLogger(__name__)

LINK_IS_GOOD_FOR = timedelta(days=3)
_PURPOSE = "sign_up"  # of the seal
_BEGUN = "sign_up"  # in the session: the last one's secret, its address, and where it is to lead


def _rules_of_passwords() -> str:
    return " ".join(map(str, password_validators_help_texts()))


class SignUpForm(ContactForm):
    """Who they are, and what they sign in with."""

    email = forms.EmailField(
        label=gettext_lazy("Email address"),
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    username = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=150,
        validators=[RegexValidator(rf"^{USERNAME_PATTERN}\Z", USERNAME_RULE)],
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1024,
        strip=False,
        help_text=lazy(_rules_of_passwords, str)(),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class PasswordForm(forms.Form):
    """The password that the account is to have, from who says to have chosen it."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1024,
        strip=False,
        help_text=gettext_lazy("The one that you chose when you signed up."),
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        check_password(self.user, password)
        return password


@never_cache
@sensitive_post_parameters("password")
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for an account: a link to complete it goes to the address."""
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, address = form.cleaned_data["username"], request.META["REMOTE_ADDR"]
        try:
            with guard.attempt("registration", account=name, address=address):
                _send_link(request, form.cleaned_data)
            return redirect("sign_up_sent")
        except TooManyAttempts as refusal:
            form.add_error(None, str(refusal))
        except OSError:  # of SMTP, too
            logger.exception("The mail of a sign-up could not be sent.")
            told = _("We could not send a mail there. Check it, or try again later.")
            form.add_error("email", told)
        except ValidationError as refusal:
            form.add_error(None, refusal)  # which names the fields
    context = {"form": form, "next": get_next_redirect_url(request)}
    return render(request, "crm/sign_up.html", context)


def _send_link(request: HttpRequest, facts: dict[str, Any]) -> None:
    """By mail: the link that completes the account, or a word that the address has one already.

    Either way it is one mail, one hash of the password and one secret in the session. A name that
    is taken is told, as who chooses one needs to know.

    :raises TooManyAttempts: the address got enough mails.
    :raises ValidationError: naming each wrong field.
    """
    user = _user(facts)
    errors = _errors(user, facts["password"], facts)
    is_known = _take_out(errors, "email", str(EMAIL_IS_TAKEN))
    if errors:
        raise ValidationError(errors)
    with guard.attempt("mail", account=user.email, address=request.META["REMOTE_ADDR"]):
        browser = secrets.token_urlsafe(16)
        request.session[_BEGUN] = {
            "browser": browser,
            "next": get_next_redirect_url(request),
            "email": user.email,
        }
        sent = facts | {"password": make_password(facts["password"]), "browser": browser}
        sealed = seal(json.dumps(sent, ensure_ascii=False), purpose=_PURPOSE)
    if is_known:
        # To the address that we have: the typed one may only look like it to the database.
        address = User.objects.filter(email__iexact=user.email).values_list("email", flat=True)[0]
        get_adapter().send_mail("account/email/account_already_exists", address, {})
        return
    link = settings.PUBLIC_URL + reverse("complete_sign_up", args=[sealed])
    get_adapter().send_mail("crm/email/sign_up", user.email, {"link": link})


@never_cache
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """What to do now: read the mail. It tells nothing but the address that was typed."""
    if _BEGUN not in request.session:
        return redirect("account_signup")
    return render(request, "crm/sign_up_sent.html", {"email": request.session[_BEGUN]["email"]})


def _errors(user: User, password: str | None, facts: dict[str, str]) -> dict[str, Any]:
    """What is wrong, by field. A phone that is on record is not: the account is made without it."""
    errors = registration_errors(user, password, _customer(facts))
    _take_out(errors, "phone_number", PHONE_NUMBER_IS_TAKEN)
    return errors


def _take_out(errors: dict[str, Any], field: str, message: "str | _StrPromise") -> bool:
    """Leave this message of the field untold, and say whether it was there."""
    is_there = message in errors.get(field, [])
    if is_there:
        del errors[field]
    return is_there


def _user(facts: dict[str, str]) -> User:
    return User(username=facts["username"], email=facts["email"], **name_parts(facts["name"]))


def _customer(facts: dict[str, str]) -> Customer:
    return Customer(name=facts["name"], phone_number=facts["phone_number"], email=facts["email"])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def complete_sign_up(request: HttpRequest, sealed: str) -> HttpResponse:
    """Where the link of the mail leads: its owner has the account made, and is signed in.

    A button does that, as programs that look for harm in mails open links, too. In another browser
    than that of the form the password of the form is asked for. Else whoever reads the mail could
    confirm an account to which a stranger has the password; or be led, by a link that a stranger
    passes on, into an account of the stranger.

    A link is not remembered: if the account is deleted, it makes it anew as long as it is good.
    """
    try:
        facts = json.loads(unseal(sealed, purpose=_PURPOSE, max_age=LINK_IS_GOOD_FOR))
    except CannotOpen:
        return render(request, "crm/complete_sign_up.html", {}, status=410)
    user = _user(facts)
    user.password = facts["password"]
    begun = request.session.get(_BEGUN, {"browser": "", "next": None})
    if request.user.is_authenticated and request.user.email == user.email:  # a second click
        return redirect(begun["next"] or home_of(request.user))
    is_ours = constant_time_compare(begun["browser"], facts["browser"])
    form = None if is_ours else PasswordForm(user, request.POST or None)
    errors = _errors(user, None, facts)
    if request.method == "POST" and not errors and (form is None or form.is_valid()):
        try:
            register_confirmed(user, _customer(facts))
            return _go_on(request, user, begun["next"] if is_ours else None)
        except ValidationError as refusal:  # of two at the same moment, the slower one
            errors = refusal.message_dict
    context = {"applicant": user, "form": form, "errors": errors}
    return render(request, "crm/complete_sign_up.html", context)


def _go_on(request: HttpRequest, user: User, address: str | None) -> HttpResponse:
    leave_to_sign_in(request)
    record_authentication(request, user, "sign_up")
    return perform_login(request, Login(user=user, signup=True, redirect_url=address))
