"""The pages of the front door, where they differ from those that django-allauth brings."""

from typing import Any

from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from identity.people.adapters import home_of


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


@never_cache
def staff_door(request: HttpRequest) -> HttpResponse:
    """Where the back office sends who may not come in: to sign in, or a word to who has no role.

    Its own sign-in page would ask for a password only.
    """
    target = get_next_redirect_url(request) or reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(target, reverse("account_login"), REDIRECT_FIELD_NAME)
    if request.user.is_staff:
        return redirect(target)
    context = {"next": target, "home": home_of(request.user)}
    return render(request, "account/not_staff.html", context, status=403)
