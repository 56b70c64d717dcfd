"""The screens of saved views: one's own, and those that are shared.

A view is saved above its list, and applied there.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display

from crm import saved_views
from crm.admin.operations import changes_of
from crm.models import SavedView, ViewedList
from identity.signed_in import staff_of
from identity.times import time_column


class SavedViewForm(forms.ModelForm[SavedView]):
    class Meta:
        model = SavedView
        fields: ClassVar = ["name", "is_shared", "list", "query"]
        widgets: ClassVar = {"list": forms.HiddenInput, "query": forms.HiddenInput}

    def clean_name(self) -> str:
        """A new one replaces one's own of the same name; another is not renamed over it."""
        name, view = str(self.cleaned_data["name"]), self.instance
        others = SavedView.objects.filter(owner=view.owner_id, list=view.list).exclude(pk=view.pk)
        if view.owner_id and others.filter(name=name).exists():
            raise forms.ValidationError(_("There is another view with this name."))
        return name

    def clean(self) -> dict[str, Any] | None:
        """The address as it is kept; and what is wrong with one that cannot be."""
        cleaned = super().clean()
        if cleaned and {"list", "query"} <= {*cleaned}:
            cleaned["query"] = saved_views.clean_query(cleaned["list"], cleaned["query"])
        return cleaned


@admin.register(SavedView)
class SavedViewAdmin(ModelAdmin):
    form = SavedViewForm
    actions = None
    list_display = ("name", "list", "owner", "is_shared", "changed")
    list_select_related = ("owner",)
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ("shows",)
    changed = time_column("updated_at", gettext_lazy("Changed"))

    @display(description=gettext_lazy("Shows"))
    def shows(self, view: SavedView) -> str:
        return f"{view.get_list_display()}: {view.query or _('all')}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        return super().get_queryset(request).visible_to(staff_of(request))

    def get_fields(self, request: HttpRequest, obj: SavedView | None = None) -> list[str]:
        shared = ["is_shared"] if request.user.has_perm(saved_views.SHARE) else []
        return ["name", *shared, *(["list", "query"] if obj is None else ["shows"])]

    def has_view_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        return any(request.user.has_perm(each.permission) for each in ViewedList)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        may_see = self.has_view_permission(request, obj)
        return may_see and (obj is None or saved_views.is_kept_by(obj, staff_of(request)))

    def has_delete_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: SavedView, form: forms.ModelForm[SavedView], change: bool
    ) -> None:
        if change:
            saved_views.revise_view(obj, changes_of(form), by=staff_of(request))
            return
        facts = (obj.list, obj.name, obj.query)
        saved = saved_views.save_view(staff_of(request), *facts, is_shared=obj.is_shared)
        obj.pk, obj.query = saved.pk, saved.query

    def delete_model(self, request: HttpRequest, obj: SavedView) -> None:
        saved_views.delete_view(obj, by=staff_of(request))

    def response_add(
        self, request: HttpRequest, obj: SavedView, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Back to the list, as the view shows it."""
        self.message_user(
            request, _("The view “{name}” is saved.").format(name=obj.name), messages.SUCCESS
        )
        model = "order" if obj.list == ViewedList.ORDERS else "customer"
        return HttpResponseRedirect(reverse(f"admin:crm_{model}_changelist") + f"?{obj.query}")
