"""The forms of the front door. What can be guessed in them is limited by `identity.guard`."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core import context
from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from identity import guard
from identity.errors import TooManyAttempts, WrongSignIn
from identity.models import User


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; see `project.client_addresses`."""
    return str(request.META["REMOTE_ADDR"])


def too_many(refusal: TooManyAttempts) -> ValidationError:
    """What a form says to who is to wait."""
    return ValidationError(str(refusal), code="too_many_attempts")


def _user_of(name: str, password: str) -> User:
    user = authenticate(context.request, username=name, password=password)
    if not isinstance(user, User):
        raise ValidationError(str(WrongSignIn()), code="wrong_sign_in")
    return user


class SignInForm(forms.Form):
    """A name and a password, with the API's limit of failures: they share their counts."""

    username = forms.CharField(
        label="Username or email address",
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    user: User

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The field to begin in: the name, or the password where the name is known.
        first = "password" if self.initial.get("username") else "username"
        self.fields[first].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        if self.errors:  # no try: a field is missing
            return self.cleaned_data
        name, password = self.cleaned_data["username"], self.cleaned_data["password"]
        try:
            with guard.attempt("sign_in", account=name, address=address_of(context.request)):
                self.user = _user_of(name, password)
        except TooManyAttempts as refusal:
            raise too_many(refusal) from None
        return self.cleaned_data

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        """Called by allauth's view: on to what else the person has to show, or in."""
        credentials = {"username": self.cleaned_data["username"]}
        login = Login(user=self.user, redirect_url=redirect_url)
        return perform_password_login(request, credentials, login)
