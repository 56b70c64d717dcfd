"""The pages where somebody makes an account, to see and place their own orders.

The account is made when its owner opens the link that the form sends by mail, and not before: its
facts are in the link, sealed. So neither the answer to the form nor signing in afterwards tells who
sent it whether an account has the address, or whether the business knows the phone; only who reads
the mail of the address learns of it. Nothing is kept of a sign-up that nobody completes.
"""

import json
import secrets
from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

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
from identity.sealing import CannotOpen, seal, unseal
from identity.sessions import leave_to_sign_in

LINK_IS_GOOD_FOR = timedelta(days=3)
_PURPOSE = "sign_up"  # of the seal
_BEGUN = "sign_up"  # in the session: the secret of the last sign-up, and where it is to lead


class SignUpForm(ContactForm):
    """Who they are, and what they sign in with."""

    email = forms.EmailField(
        label="Email address", max_length=254, widget=forms.EmailInput({"autocomplete": "email"})
    )
    username = forms.CharField(
        max_length=150,
        validators=[RegexValidator(rf"^{USERNAME_PATTERN}\Z", USERNAME_RULE)],
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=1024,
        strip=False,
        help_text=" ".join(map(str, password_validators_help_texts())),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


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
            return redirect("account_email_verification_sent")
        except TooManyAttempts as refusal:
            form.add_error(None, str(refusal))
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
    is_known = _take_out(errors, "email", EMAIL_IS_TAKEN)
    if errors:
        raise ValidationError(errors)
    with guard.attempt("mail", account=user.email, address=request.META["REMOTE_ADDR"]):
        browser = secrets.token_urlsafe(16)
        request.session[_BEGUN] = {"browser": browser, "next": get_next_redirect_url(request)}
        sent = facts | {"password": make_password(facts["password"]), "browser": browser}
        sealed = seal(json.dumps(sent, ensure_ascii=False), purpose=_PURPOSE)
    if is_known:
        # To the address that we have: the typed one may only look like it to the database.
        address = User.objects.filter(email__iexact=user.email).values_list("email", flat=True)[0]
        get_adapter().send_mail("account/email/account_already_exists", address, {})
        return
    link = settings.PUBLIC_URL + reverse("complete_sign_up", args=[sealed])
    get_adapter().send_mail("crm/email/sign_up", user.email, {"user": user, "link": link})


def _errors(user: User, password: str | None, facts: dict[str, str]) -> dict[str, Any]:
    """What is wrong, by field. A phone that is on record is not: the account is made without it."""
    errors = registration_errors(user, password, _customer(facts))
    _take_out(errors, "phone_number", PHONE_NUMBER_IS_TAKEN)
    return errors


def _take_out(errors: dict[str, Any], field: str, message: str) -> bool:
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
def complete_sign_up(request: HttpRequest, sealed: str) -> HttpResponse:
    """Where the link of the mail leads: the account is made once its owner says so.

    Not by opening it, as programs that look for harm in mails open links, too. It signs in the
    browser in which the form was filled in, and no other: a link that somebody was sent by a
    stranger must not have them act in the stranger's account.
    """
    try:
        facts = json.loads(unseal(sealed, purpose=_PURPOSE, max_age=LINK_IS_GOOD_FOR))
    except CannotOpen:
        return render(request, "crm/complete_sign_up.html", {}, status=410)
    user = _user(facts)
    user.password = facts["password"]
    errors = _errors(user, None, facts)
    if request.method == "POST" and not errors:
        try:
            register_confirmed(user, _customer(facts))
            return _go_on(request, user, facts["browser"])
        except ValidationError as refusal:  # of two at the same moment, the slower one
            errors = refusal.message_dict
    return render(request, "crm/complete_sign_up.html", {"applicant": user, "errors": errors})


def _go_on(request: HttpRequest, user: User, browser: str) -> HttpResponse:
    begun = request.session.get(_BEGUN, {"browser": "", "next": None})
    if not constant_time_compare(begun["browser"], browser):
        messages.success(request, "Your account is ready.")
        return redirect(f"{reverse('account_login')}?{urlencode({'login_hint': user.username})}")
    leave_to_sign_in(request)
    record_authentication(request, user, "sign_up")
    return perform_login(request, Login(user=user, signup=True, redirect_url=begun["next"]))
