"""The screen of invitations: whom somebody asked in, and what became of it."""

import logging
from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from identity import invitations, rights, sealing
from identity.models import Invitation, User
from identity.refusals import SaysWhyNot, says_why_not
from identity.signed_in import staff_of

logger = logging.getLogger(__name__)

_NEW_LINK = "new_invitation"  # where the session keeps it, sealed, until it was shown
_CONSOLE = "django.core.mail.backends.console.EmailBackend"  # which sends nothing


class InvitationForm(forms.ModelForm[Invitation]):
    """Whom to invite, and to what: no more than the one who invites may do."""

    by: User  # who fills it in: see ``get_form``

    class Meta:
        model = Invitation
        fields = ("name", "email", "roles")
        widgets: ClassVar = {"roles": UnfoldAdminCheckboxSelectMultipleWidget}
        help_texts: ClassVar = {
            "roles": gettext_lazy(
                "What they may do in the back office: nothing but what you may, too."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "roles" in self.fields:  # else it is only looked at
            self.fields["roles"].queryset = rights.roles_within(self.by)  # type: ignore[attr-defined]  # of such fields

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        invitations.check_email(email)
        return email


@admin.register(Invitation)
class InvitationAdmin(SaysWhyNot, ModelAdmin):
    """For who may add users. The link is shown once; later it can only be given another one."""

    form = InvitationForm
    list_display = ("name", "email", "role_names", "state", "story", "invited_by")
    list_select_related = ("invited_by", "accepted_by")
    list_per_page = 25
    show_full_result_count = False
    search_fields = ("name", "email")
    readonly_fields = ("standing", "story", "invited_by", "created_at")
    actions_detail = ("renew", "revoke")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        return type(form.__name__, (form,), {"by": request.user})

    def get_fieldsets(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        known = ("standing", "story", "invited_by", "created_at") if obj else ()
        return ((None, {"fields": ("name", "email", "roles", *known)}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return super().get_queryset(request).prefetch_related("roles")

    @display(description=gettext_lazy("Roles"))
    def role_names(self, invitation: Invitation) -> str:
        return ", ".join(role.name for role in invitation.roles.all())

    @display(
        description=gettext_lazy("State"),
        label={"open": "info", "accepted": "success", "expired": "warning", "revoked": "danger"},
    )
    def state(self, invitation: Invitation) -> tuple[str, str]:
        return invitation.state.value, str(invitation.state.label)

    @display(description=gettext_lazy("State"))
    def standing(self, invitation: Invitation) -> str:
        return str(invitation.state.label)

    @display(description=gettext_lazy("What became of it"))
    def story(self, invitation: Invitation) -> str:
        """By whom and when it was accepted, or how long it is good."""
        if invitation.accepted_at:
            told = _("By {name}, {time}")
            return told.format(name=invitation.accepted_by, time=_time(invitation.accepted_at))
        if invitation.revoked_at:
            return _time(invitation.revoked_at)
        return _("Good until {time}").format(time=_time(invitation.expires_at))

    # --- Who may --------------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(invitations.INVITES)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(invitations.INVITES)

    has_answer_permission = has_add_permission  # for one that was not answered yet

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission

    # --- Writing --------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Nothing yet: the invitation and its roles are saved together, just after."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        chosen = list(form.cleaned_data["roles"])
        secret = invitations.invite(form.instance, chosen, by=staff_of(request))
        _keep(request, form.instance, secret)
        request.invited = form.instance  # type: ignore[attr-defined]  # for the mail, below

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().add_view(request, *args, **kwargs)
        # Nobody waits for the mail server within the transaction that has just ended.
        invited: Invitation | None = getattr(request, "invited", None)
        return response if invited is None else _send(request, invited)

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(_page_of(obj))  # `add_view` goes to the link

    @action(description=gettext_lazy("Renew"), permissions=["answer"])
    @says_why_not
    def renew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another link, once that is confirmed."""
        found = self._found(request, object_id)
        if request.method != "POST":
            told = _("They get another link, good for a week. The one before opens nothing then.")
            return self._ask(request, found, _("Renew the invitation?"), told)
        _keep(request, found, invitations.renew(found, by=staff_of(request)))
        self.log_change(request, found, "Renewed.")
        return _send(request, found)

    @action(description=gettext_lazy("Revoke"), permissions=["answer"])
    @says_why_not
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it, once that is confirmed."""
        found = self._found(request, object_id)
        if request.method != "POST":
            told = _("The link opens nothing any more. You can invite them anew.")
            return self._ask(request, found, _("Revoke the invitation?"), told)
        invitations.revoke(found, by=staff_of(request))
        self.log_change(request, found, "Revoked.")
        messages.success(request, _("The link opens nothing any more."))
        return HttpResponseRedirect(_page_of(found))

    # --- The link -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        door = never_cache(self.admin_site.admin_view(self.link))
        return [
            path("<uuid:object_id>/link/", door, name="identity_invitation_link"),
            *super().get_urls(),
        ]

    def link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The link, this once; later there is nothing to show of it."""
        found = self._found(request, object_id)
        kept = request.session.get(_NEW_LINK, {})
        secret = ""
        if kept.get("id") == str(found.pk) and request.method == "GET":
            del request.session[_NEW_LINK]
            secret = sealing.unseal(kept["sealed"])
        context = {"title": _("The link for {name}").format(name=found)}
        if secret:
            context |= {"link": _link_of(secret), "is_mailed": kept["is_mailed"]}
        return self._page(request, found, "link", context)

    def _found(self, request: HttpRequest, object_id: str) -> Invitation:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Invitation | None = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        return found

    def _ask(self, request: HttpRequest, found: Invitation, title: str, told: str) -> HttpResponse:
        return self._page(request, found, "confirm", {"title": title, "told": told})

    def _page(
        self, request: HttpRequest, found: Invitation, name: str, context: dict[str, Any]
    ) -> HttpResponse:
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": found,
            "change_url": _page_of(found),
            **context,
        }
        return TemplateResponse(request, f"identity/admin/{name}.html", whole)


def _keep(request: HttpRequest, invitation: Invitation, secret: str) -> None:
    """Until the next page shows it. Sealed: the table of sessions is to open no door."""
    kept = {"id": str(invitation.pk), "sealed": sealing.seal(secret), "is_mailed": False}
    request.session[_NEW_LINK] = kept


def _send(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Mail the link where mail goes out; then show it, with whether it was mailed."""
    kept = request.session[_NEW_LINK]
    if invitation.email and settings.EMAIL_BACKEND != _CONSOLE:
        facts = {
            "invitation": invitation,
            "inviter": staff_of(request).get_full_name() or staff_of(request).username,
            "business": settings.BUSINESS_NAME,
            "days": invitations.GOOD_FOR.days,
            "link": _link_of(sealing.unseal(kept["sealed"])),
        }
        try:
            get_adapter(request).send_mail("identity/email/invitation", invitation.email, facts)
            request.session[_NEW_LINK] = kept | {"is_mailed": True}
        except OSError:  # of SMTP, too; the page with the link says that nothing was sent
            logger.exception("The mail of an invitation could not be sent.")
    return HttpResponseRedirect(reverse("admin:identity_invitation_link", args=[invitation.pk]))


def _link_of(secret: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('invitation', args=[secret])}"


def _page_of(invitation: Invitation) -> str:
    return reverse("admin:identity_invitation_change", args=[invitation.pk])


def _time(moment: Any) -> str:
    return date_format(localtime(moment), "j M Y, H:i")
