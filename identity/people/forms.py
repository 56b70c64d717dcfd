"""The forms of the front door. What can be guessed in them is limited by `identity.guard`."""

from typing import Any, ClassVar

from allauth.account.forms import (
    ChangePasswordForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    default_token_generator,
)
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.account.models import Login
from allauth.core import context
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from allauth.socialaccount.models import SocialAccount
from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity import guard, two_factor
from identity.errors import TooManyAttempts, WrongCode, WrongSignIn
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
        label=_("Username or email address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
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


class _OurWords(forms.BaseForm):
    """Labels as all our forms have them: in plain case, and not a second time inside the field."""

    labels: ClassVar[dict[str, Any]] = {}  # lazily translated

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)


class PasswordAgainForm(_OurWords, ReauthenticateForm):
    """Before something that a stranger at somebody's desk is not to do."""

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        check_password(self.user, password)
        return password


def check_password(user: User, password: str) -> None:
    """It is guessed here as it is at the sign-in, and counted with it.

    :raises ValidationError: it is another one, or was tried too often.
    """
    try:
        address = address_of(context.request)
        with guard.attempt("sign_in", account=user.username, address=address):
            if not user.check_password(password):
                raise ValidationError(gettext("Wrong password."), code="wrong_password")
    except TooManyAttempts as refusal:
        raise too_many(refusal) from None


# --- Passwords and email addresses --------------------------------------------------------------


class _NewPassword(_OurWords):
    labels: ClassVar = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("New password, once more"),
    }


class NewPasswordForm(_NewPassword, ChangePasswordForm):
    """The old password, and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""  # the page has the way to who forgot it

    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data["oldpassword"]
        check_password(self.user, password)
        return password


class FirstPasswordForm(_NewPassword, SetPasswordForm):
    """A password for somebody who has none, but an account elsewhere."""


class PasswordByLinkForm(_NewPassword, ResetPasswordKeyForm):
    """A password in place of one that was forgotten."""


class ForgottenPasswordForm(_OurWords, ResetPasswordForm):
    """Sends a link to the address of an account or, where there is none, a word that there is none:
    so the answer is the same, and takes as long."""

    labels: ClassVar = {"email": _("Email address")}

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            count_mail(self.cleaned_data["email"])
        return self.cleaned_data

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        # Who has no password and comes from nowhere else is no person, but a service account.
        known = User.objects.filter(email__iexact=email, is_active=True)
        self.users = [user for user in known if user.has_usable_password() or is_linked(user)]
        return email

    def save(self, request: HttpRequest, **facts: Any) -> str:
        # To the address that we have: the typed one may only look like it to the database.
        email: str = self.users[0].email if self.users else self.cleaned_data["email"]
        request_password_reset(request, email, self.users, default_token_generator)
        return email


def is_linked(user: User) -> bool:
    """Do they sign in with an account that they have elsewhere?"""
    return bool(SocialAccount.objects.filter(user_id=user.pk).exists())


def count_mail(email: str) -> None:
    """
    :raises ValidationError: it got enough of them.
    """
    try:
        with guard.attempt("mail", account=email, address=address_of(context.request)):
            pass
    except TooManyAttempts as refusal:
        raise too_many(refusal) from None


class NewEmailForm(forms.Form):
    """The address that an account is to have once it is confirmed."""

    email = forms.EmailField(
        label=_("New email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            count_mail(self.cleaned_data["email"])
        return self.cleaned_data


# --- The second factor --------------------------------------------------------------------------

_NO_PASSKEY = _("This passkey was not taken. Try again.")


class _Code(mfa.BaseAuthenticateForm):
    """A code of an app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "autofocus": True}
        ),
    )

    @property
    def is_in_vain(self) -> bool:
        return two_factor.has_lost_codes(self.user)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        address = address_of(context.request)
        try:
            self.authenticator = two_factor.spend_code(self.user, code, address=address)
        except WrongCode as refusal:
            raise ValidationError(str(refusal), code="wrong_code") from None
        except TooManyAttempts as refusal:
            raise too_many(refusal) from None
        self.authenticator.user = self.user
        return code


class FirstCodeForm(_OurWords, totp.ActivateTOTPForm):
    """What a new app shows first, to be sure that it has the secret."""

    labels: ClassVar = {"code": _("The code that the app shows now")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class CodeForm(_Code, mfa.AuthenticateForm):
    """To finish a sign-in."""


class CodeAgainForm(_Code, mfa.ReauthenticateForm):
    """Before something that a stranger at somebody's desk is not to do."""


class _Passkey(webauthn.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except (AttributeError, KeyError, TypeError, ValueError):
            # The libraries read what anybody may send as if a browser had sent it.
            raise ValidationError(_NO_PASSKEY, code="wrong_passkey") from None


class PasskeyForm(_Passkey):
    """To finish a sign-in."""


class PasskeyAgainForm(_Passkey, webauthn.ReauthenticateWebAuthnForm):
    """Before something that a stranger at somebody's desk is not to do."""


class PasskeySignInForm(_Passkey, webauthn.LoginWebAuthnForm):
    """In place of a name and a password."""


class NewPasskeyForm(webauthn.AddWebAuthnForm):
    """A key of this device, or one to plug in."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        help_text=_("To tell it from others, such as: my phone."),
    )
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without a password"),
        required=False,
        initial=True,
        help_text=_("It then asks for a finger, a face or a PIN."),
    )

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except (AttributeError, KeyError, TypeError, ValueError):
            # The libraries read what anybody may send as if a browser had sent it.
            raise ValidationError(_NO_PASSKEY, code="wrong_passkey") from None
