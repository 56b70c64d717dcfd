"""The screen of connected apps: what kind, where people go back to, whom and what it is for."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from identity import rights
from identity.models import Application, Authorization, Consent, Role, User
from identity.models.provider import AppKind
from identity.provider import connected_apps
from identity.provider.authorizations import revoke_consent
from identity.refusals import SaysWhyNot, says_why_not
from identity.scopes import ALL_SCOPES
from identity.signed_in import staff_of
from identity.times import time_column

_SCOPES = [
    (scope, format_lazy("{}: {}", scope, sentence)) for scope, sentence in ALL_SCOPES.items()
]


class AppForm(forms.ModelForm[Application]):
    """An app, from whose kind its grant, its secret, its PKCE and its algorithm follow."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=AppKind.choices,
        widget=UnfoldAdminRadioSelectWidget,
        initial=AppKind.WEB_SERVER,
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may ask for"),
        choices=_SCOPES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Nothing chosen: everything. People see what it asks for, and say yes or no."),
    )
    service_roles = forms.ModelMultipleChoiceField(
        label=_("Roles of a machine"),
        queryset=Role.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("What an app that acts for itself may do: nothing but what you may, too."),
    )

    class Meta:
        model = Application
        fields = (
            *("name", "is_active", "redirect_uris", "post_logout_redirect_uris"),
            *("has_device_flow", "allowed_roles", "requires_pkce"),
        )
        labels: ClassVar = {
            "name": _("Name"),
            "redirect_uris": _("Redirect addresses"),
            "post_logout_redirect_uris": _("Addresses after signing out"),
            "allowed_roles": _("Whom it may sign in"),
        }
        help_texts: ClassVar = {
            "name": _("What people read when they are asked to let it in."),
            "redirect_uris": _("Where people are sent back to, one on a line, to the letter."),
            "post_logout_redirect_uris": _(
                "Where they may be sent once signed out, one on a line."
            ),
        }
        widgets: ClassVar = {
            "redirect_uris": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "post_logout_redirect_uris": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "allowed_roles": UnfoldAdminCheckboxSelectMultipleWidget,
        }

    by: User  # who fills it in, see below

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.instance
        if "service_roles" in self.fields:  # else it is only looked at
            self.fields["service_roles"].queryset = rights.roles_within(self.by)  # type: ignore[attr-defined]  # of such fields
        if app.pk and not app._state.adding:
            self.initial["kind"] = app.kind
            self.initial["scopes"] = app.allowed_scopes.split()
            self.initial["service_roles"] = app.user.groups.all() if app.user else []

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        self.instance.name = name  # the model says by itself where there is none
        if name and Application.objects.exclude(pk=self.instance.pk).filter(name=name).exists():
            raise forms.ValidationError(gettext("Another app has this name."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        # Without one the form is wrong anyway; the model still looks at its addresses.
        self.instance.kind = data.get("kind", AppKind.WEB_SERVER)
        self.instance.allowed_scopes = " ".join(data.get("scopes", []))
        return data


class ConsentInline(TabularInline):
    """Who let the app in. To delete a row is to take it back for them."""

    model = Consent
    extra = 0
    per_page = 25  # a form of thousands is slow to show, and too large to be taken back
    fields = readonly_fields = ("user", "scope", "created_at")
    verbose_name_plural = _("People who let it in")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        return super().get_queryset(request).select_related("user").order_by("-created_at", "pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("identity.view_application")

    has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(connected_apps.CHANGES)


admin.site.unregister(Application)  # the engine's screen, which came first


@admin.register(Application)
class ApplicationAdmin(SaysWhyNot, ModelAdmin):
    """Programs that sign people in, or call the API for themselves."""

    form = AppForm
    inlines = (ConsentInline,)
    list_display = ("name", "kind_name", "is_active", "people", "used")
    list_filter = ("is_active", "client_type", "authorization_grant_type")
    search_fields = ("name", "client_id")
    used = time_column("last_used_at", _("Last used"))
    readonly_fields = ("client_id", "discovery_url", "last_used_at")
    ordering = ("name",)
    list_per_page = 50
    show_full_result_count = False
    actions_detail = ("new_secret", "end_access")
    fieldsets = (
        (None, {"fields": ("name", "kind", "is_active")}),
        (
            _("Where people are sent"),
            {"fields": ("redirect_uris", "post_logout_redirect_uris", "has_device_flow")},
        ),
        (
            _("What it may"),
            {"fields": ("scopes", "allowed_roles", "service_roles", "requires_pkce")},
        ),
        (_("For its maker"), {"fields": ("client_id", "discovery_url", "last_used_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What its maker needs is there once the app is."""
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        return type(form.__name__, (form,), {"by": request.user})

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        apps = super().get_queryset(request).select_related("user")
        return apps.annotate(people_count=Count("consents"))

    @display(description=_("Kind"))
    def kind_name(self, app: Application) -> str:
        return str(app.kind.label).partition(":")[0]

    @display(description=_("People"), ordering="people_count")
    def people(self, app: Application) -> int:
        return int(app.people_count)  # type: ignore[attr-defined]  # annotated above

    @display(description=_("Discovery"))
    def discovery_url(self, app: Application) -> str:
        return settings.PUBLIC_URL + reverse("oauth2_provider:openid-metadata")

    # --- Who has its secret can do what it may --------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not connected_apps.holds_more(obj, staff_of(request)))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or not connected_apps.holds_more(obj, staff_of(request)))

    def has_keep_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self.has_change_permission(request, self._app(request, object_id))

    # --- Writing --------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Application, form: Any, change: bool) -> None:
        form.secret = connected_apps.save_app(obj, by=staff_of(request))
        if obj.kind == AppKind.MACHINE:
            chosen = form.cleaned_data["service_roles"]
            connected_apps.give_service_account(obj, chosen, by=staff_of(request))
        request.new_secret = form.secret  # type: ignore[attr-defined]  # for the answer, below

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for consent in formset.deleted_objects:
            revoke_consent(consent.user, consent.application)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What people allowed it goes with it; by itself that is only ended."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, needed - {str(Authorization._meta.verbose_name)}, protected

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        connected_apps.delete_app(obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        for app in queryset:
            connected_apps.delete_app(app, by=staff_of(request))

    def response_add(
        self, request: HttpRequest, obj: Application, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._shown_once(request, obj) or super().response_add(request, obj)

    def response_change(self, request: HttpRequest, obj: Application) -> HttpResponse:
        return self._shown_once(request, obj) or super().response_change(request, obj)

    # --- Secrets and ends -----------------------------------------------------------------------

    @action(description=_("New secret"), url_path="new-secret", permissions=["keep"])
    @says_why_not
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replace the secret of an app that has one, once that is confirmed."""
        app = self._app(request, object_id)
        if app is None or app.is_public:
            messages.error(request, gettext("This app has no secret: it could keep none."))
            return self._back(object_id)
        if request.method != "POST":
            told = gettext("The old one ends at once.")
            return self._ask(request, app, gettext("Give it a new secret?"), told)
        secret = connected_apps.renew_secret(app, by=staff_of(request))
        request.new_secret = secret  # type: ignore[attr-defined]  # for the answer, below
        self.log_change(request, app, "New secret.")
        return self._shown_once(request, app) or self._back(object_id)

    @action(description=_("End all access"), url_path="end-access", permissions=["keep"])
    @says_why_not
    def end_access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End its tokens, and what people allowed it, once that is confirmed."""
        app = self._app(request, object_id)
        if app is None:
            return self._back(object_id)
        if request.method != "POST":
            told = gettext(
                "Its tokens are dead at once, and people are asked again when it comes back."
            )
            return self._ask(request, app, gettext("End all access?"), told)
        connected_apps.end_tokens(app, by=staff_of(request))
        self.log_change(request, app, "Ended all access.")
        messages.success(request, gettext("{name} has no access any more.").format(name=app))
        return self._back(object_id)

    def _app(self, request: HttpRequest, object_id: str) -> Application | None:
        app: Application | None = self.get_object(request, object_id)
        return app

    def _back(self, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:identity_application_change", args=[object_id]))

    def _ask(self, request: HttpRequest, app: Application, title: str, told: str) -> HttpResponse:
        return self._page(request, app, "confirm", {"title": title, "told": told})

    def _shown_once(self, request: HttpRequest, app: Application) -> HttpResponse | None:
        """The page with a secret that was made now, which nobody can show again."""
        secret = getattr(request, "new_secret", "")
        if not secret:
            return None
        context = {
            "title": gettext("The secret of {name}").format(name=app),
            "secret": secret,
            "discovery_url": self.discovery_url(app),
        }
        response = self._page(request, app, "secret", context)
        add_never_cache_headers(response)
        return response

    def _page(
        self, request: HttpRequest, app: Application, name: str, context: dict[str, Any]
    ) -> HttpResponse:
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": app,
            "change_url": reverse("admin:identity_application_change", args=[app.pk]),
            **context,
        }
        return TemplateResponse(request, f"identity/admin/{name}.html", whole)
