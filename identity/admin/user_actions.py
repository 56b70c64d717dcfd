"""What is done to one person's account at once, each after a second look."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from identity import accounts, two_factor
from identity.models import User
from identity.refusals import says_why_not
from identity.signed_in import staff_of


class UserActions:
    """The buttons on the page of a user."""

    actions_detail = ("deactivate", "reactivate", "end_access", "remove_second_factor")

    # --- Closing an account, and opening it again -----------------------------------------------

    def has_deactivate_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self._may_change_another(request, object_id, is_active=True)

    def has_reactivate_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self._may_change_another(request, object_id, is_active=False)

    @action(description=gettext_lazy("Deactivate"), permissions=["deactivate"])
    @says_why_not
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shut somebody out, once that is confirmed."""
        user = self._user(request, object_id)
        if user is None or request.method != "POST":
            title = _("Deactivate the account?")
            told = _(
                "Signed out everywhere at once, and every token ends: their own, and those of apps "
                "that act for them. So do their invitations. What they did stays. You can "
                "reactivate the account, but sessions and tokens do not come back."
            )
            return self._ask(request, user, title, told)
        accounts.deactivate(user, by=staff_of(request))
        told = _("{name} cannot sign in any more, and is signed out everywhere.").format(name=user)
        return self._done(request, user, "Deactivated.", told)

    @action(description=gettext_lazy("Reactivate"), permissions=["reactivate"])
    @says_why_not
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let somebody in again, once that is confirmed."""
        user = self._user(request, object_id)
        if user is None or request.method != "POST":
            title = _("Reactivate the account?")
            told = _("They can sign in again, with the roles and the password they have.")
            return self._ask(request, user, title, told)
        accounts.reactivate(user, by=staff_of(request))
        told = _("{name} can sign in again.").format(name=user)
        return self._done(request, user, "Reactivated.", told)

    # --- Sessions and tokens alone --------------------------------------------------------------

    def has_end_access_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self._may_change_another(request, object_id)

    @action(
        description=gettext_lazy("Sign out everywhere"),
        url_path="end-access",
        permissions=["end_access"],
    )
    @says_why_not
    def end_access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For a phone that was lost, once that is confirmed."""
        user = self._user(request, object_id)
        if user is None or request.method != "POST":
            title = _("Sign out everywhere?")
            told = _(
                "Every browser is signed out at once, and every token ends: their own, and those "
                "of apps that act for them. They can sign in again."
            )
            return self._ask(request, user, title, told)
        accounts.end_access(user, by=staff_of(request))
        told = _("{name} is signed out everywhere.").format(name=user)
        return self._done(request, user, "Signed out everywhere.", told)

    # --- A lost second factor -------------------------------------------------------------------

    def has_remove_second_factor_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Not for one's own: who takes that off has to show it first, on the page of their
        account."""
        return self._may_change_another(request, object_id)

    @action(
        description=gettext_lazy("Remove second factor"),
        url_path="remove-second-factor",
        permissions=["remove_second_factor"],
    )
    @says_why_not
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let somebody who lost it in with their password alone, once that is confirmed."""
        user = self._user(request, object_id)
        if user is None or request.method != "POST":
            title = _("Remove the second factor?")
            told = _(
                "Their app, passkeys and recovery codes open nothing any more, and the password "
                "alone lets in whoever knows it. Make sure that it is they who ask."
            )
            return self._ask(request, user, title, told)
        if not two_factor.remove_second_factor(user, by=staff_of(request)):
            messages.info(request, _("{name} has no second factor.").format(name=user))
            return self._back(user)
        get_adapter(request).send_notification_mail("account/email/second_factor_removed", user)
        told = _("{name} signs in without a second factor now.").format(name=user)
        return self._done(request, user, "Removed the second factor.", told)

    # --- For all of them ------------------------------------------------------------------------

    def _may_change_another(
        self, request: HttpRequest, object_id: str, is_active: bool | None = None
    ) -> bool:
        """May they change this person, who is somebody else and in this state?"""
        user = self._user(request, object_id)
        screen: Any = self
        if user is None:
            return bool(screen.has_change_permission(request))
        is_meant = is_active is None or user.is_active == is_active
        may: bool = screen.has_change_permission(request, user)
        return may and is_meant and user != request.user

    def _user(self, request: HttpRequest, object_id: str) -> User | None:
        user: User | None = self.get_object(request, object_id)  # type: ignore[attr-defined]  # ModelAdmin's
        return user

    def _ask(self, request: HttpRequest, user: User | None, title: str, told: str) -> HttpResponse:
        if user is None:
            return self._back(user)
        screen: Any = self
        context = {
            **screen.admin_site.each_context(request),
            "opts": screen.opts,
            "original": user,
            "change_url": reverse("admin:identity_user_change", args=[user.pk]),
            "title": title,
            "told": told,
        }
        return TemplateResponse(request, "identity/admin/confirm.html", context)

    def _done(self, request: HttpRequest, user: User, logged: str, told: str) -> HttpResponse:
        self.log_change(request, user, logged)  # type: ignore[attr-defined]  # ModelAdmin's
        messages.success(request, told)
        return self._back(user)

    def _back(self, user: User | None) -> HttpResponse:
        if user is None:
            return HttpResponseRedirect(reverse("admin:identity_user_changelist"))
        return HttpResponseRedirect(reverse("admin:identity_user_change", args=[user.pk]))
