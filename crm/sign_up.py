"""The page where somebody makes an account, to see and place their own orders."""

from typing import Any

from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.signup import complete_signup
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from django import forms
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from crm.contact_form import ContactForm
from crm.models import PHONE_NUMBER_IS_TAKEN, Customer
from crm.registration import (
    USERNAME_PATTERN,
    USERNAME_RULE,
    register_untold,
    registration_errors,
)
from identity import guard
from identity.accounts import EMAIL_IS_TAKEN
from identity.errors import TooManyAttempts
from identity.models import User

MANDATORY = EmailVerificationMethod.MANDATORY


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
    """Make an account and the record of the customer whose it is."""
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, address = form.cleaned_data["username"], request.META["REMOTE_ADDR"]
        try:
            with guard.attempt("registration", account=name, address=address):
                return _sign_up(request, form.cleaned_data)
        except TooManyAttempts as refusal:
            form.add_error(None, str(refusal))
        except ValidationError as refusal:
            form.add_error(None, refusal)  # which names the fields
    context = {"form": form, "next": get_next_redirect_url(request)}
    return render(request, "crm/sign_up.html", context)


def _sign_up(request: HttpRequest, facts: dict[str, Any]) -> HttpResponse:
    """The answer is that a mail was sent: to make the account complete, or to who has one already.

    So the answer tells nobody who has an account here, or whose phone the business knows: an
    account with a phone that is on record is made like any other, but gets no record of its own,
    and what its owner finds at My orders says what to do. Who signs in to it afterwards does see
    that. It takes one hash of the password each way. A name that is taken is told, as who chooses
    one needs to know.

    :raises ValidationError: naming each wrong field.
    """
    password = facts["password"]
    user = User(username=facts["username"], email=facts["email"])
    customer = Customer(
        name=facts["name"], phone_number=facts["phone_number"], email=facts["email"]
    )
    errors = registration_errors(user, password, customer)
    is_known = _take_out(errors, "email", EMAIL_IS_TAKEN)
    _take_out(errors, "phone_number", PHONE_NUMBER_IS_TAKEN)
    if errors:
        raise ValidationError(errors)
    if is_known:
        make_password(password)
        # To the address that we have: the typed one may only look like it to the database.
        address = User.objects.filter(email__iexact=user.email).values_list("email", flat=True)[0]
        nobody = Login(user=None, email=address, signup=True, email_verification=MANDATORY)
        return perform_login(request, nobody)
    register_untold(user, password, customer)
    record_authentication(request, user, "sign_up")
    return complete_signup(
        request,
        user=user,
        email_verification=MANDATORY,
        redirect_url=get_next_redirect_url(request),
    )


def _take_out(errors: dict[str, Any], field: str, message: str) -> bool:
    """Leave this message of the field untold, and say whether it was there."""
    is_there = message in errors.get(field, [])
    if is_there:
        del errors[field]
    return is_there
