"""The page that the link of an invitation opens: who was invited makes their account, and is in."""

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from identity import guard, invitations
from identity.accounts import name_parts
from identity.errors import InvitationIsOver, TooManyAttempts
from identity.models import Invitation, User
from identity.people.forms import address_of
from identity.sessions import leave_to_sign_in


class AcceptForm(forms.Form):
    """What who was invited is called, and signs in with."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=200,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    username = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=150,
        help_text=gettext_lazy("You sign in with it. Letters, digits and @ . + - _ only."),
        widget=forms.TextInput(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = " ".join(map(str, password_validators_help_texts()))

    @property
    def user(self) -> User:
        facts = self.cleaned_data
        return User(username=facts["username"], **name_parts(facts["name"]))

    def tell(self, refusal: ValidationError) -> None:
        """What is wrong, beside its field where there is one."""
        for field, texts in refusal.message_dict.items():
            self.add_error(field if field in self.fields else None, texts)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Only the form uses it up: programs that look what a link in a chat leads to open it, too.

    Who is signed in here as somebody else is told so, and is out once the new account is made.
    """
    try:
        found = _find(request, secret)
        invitations.check_open(found)
        form = AcceptForm(request.POST or None, initial={"name": found.name})
        if request.method == "POST" and form.is_valid():
            user = invitations.accept(found, form.user, form.cleaned_data["password"])
            return _go_on(request, user)
    except TooManyAttempts as refusal:
        return _say(request, str(refusal), 429)
    except InvitationIsOver as refusal:
        return _say(request, str(refusal), 410)
    except ValidationError as refusal:
        form.tell(refusal)
    return render(request, "identity/invitation.html", {"invitation": found, "form": form})


def _find(request: HttpRequest, secret: str) -> Invitation:
    with guard.attempt("invitation", account="", address=address_of(request)):
        found = invitations.find_by_secret(secret)
        if found is None:
            raise InvitationIsOver(_("This link is not whole. Open it again as you got it."))
        return found


def _say(request: HttpRequest, why: str, status: int) -> HttpResponse:
    return render(request, "identity/invitation_refused.html", {"why": why}, status=status)


def _go_on(request: HttpRequest, user: User) -> HttpResponse:
    leave_to_sign_in(request)
    record_authentication(request, user, "invitation")
    return perform_login(request, Login(user=user))
