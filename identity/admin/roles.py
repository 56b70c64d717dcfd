"""The screens of roles: what each may do, in words, and one to compare them."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from identity import rights, roles
from identity.models import Role, User
from identity.refusals import SaysWhyNot
from identity.rights_in_words import Subject, subjects
from identity.role_matrix import names_of, other_rights, role_matrix
from identity.signed_in import staff_of

admin.site.unregister(Group)


def field_of(subject: Subject) -> str:
    return f"may_{subject.key}"


def _offered(permissions: Collection[str]) -> list[Subject]:
    """The subjects of these permissions."""
    return [each for each in subjects() if not each.words.keys().isdisjoint(permissions)]


class RoleForm(forms.ModelForm[Role]):
    """What a role may do, by subject. Who fills it in chooses among what they may do themselves;
    whatever else the role may do stays."""

    by: User  # who fills it in: see ``get_form``

    class Meta:
        model = Role
        fields = ("name",)
        widgets = {"name": UnfoldAdminTextInputWidget}  # noqa: RUF012  # Django reads it once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = names_of(rights.permissions_within(self.by))
        known = self.instance.permissions.all() if self.instance.pk else Permission.objects.none()
        self.held = names_of(known)
        for subject in _offered(self.offered):
            choices = [each for each in subject.words.items() if each[0] in self.offered]
            self.fields[field_of(subject)] = forms.MultipleChoiceField(
                label=subject.title,
                choices=choices,
                required=False,
                widget=UnfoldAdminCheckboxSelectMultipleWidget,
                initial=[name for name in subject.words if name in self.held],
            )

    @property
    def permissions(self) -> list[Permission]:
        """All that the role is to have."""
        told = _offered(self.offered)
        asked = {name for subject in told for name in subject.words if name in self.offered}
        chosen = {name for subject in told for name in self.cleaned_data[field_of(subject)]}
        stays = {name: each for name, each in self.held.items() if name not in asked}
        return [*stays.values(), *(self.offered[name] for name in sorted(chosen))]


@admin.register(Role)
class RoleAdmin(SaysWhyNot, GroupAdmin, ModelAdmin):
    """What each role may do."""

    list_display = ("name", "people")
    list_before_template = "identity/admin/roles_before.html"
    readonly_fields = ("allows", "also")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(people_count=Count("user"))

    @display(description=gettext_lazy("People"), ordering="people_count")
    def people(self, role: Any) -> int:
        return int(role.people_count)

    @display(description=gettext_lazy("What it may do"))
    def allows(self, role: Group) -> str:
        held = names_of(role.permissions.all())
        told = [words for each in subjects() for name, words in each.words.items() if name in held]
        return ", ".join(map(str, told)) or _("Nothing")

    @display(description=gettext_lazy("Also"))
    def also(self, role: Group) -> str:
        """What is technical, and stays."""
        return ", ".join(other_rights(role)) or _("Nothing else")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if not self._may_write(request, obj):
            return super().get_form(request, obj, change, **kwargs)
        return type("RoleForm", (RoleForm,), {"by": request.user})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if not self._may_write(request, obj):
            return ((None, {"fields": ("name", "allows", "also")}),)
        told = _(
            "You give and take what you may do yourself. What else the role may do stays as it is."
        )
        offered = names_of(rights.permissions_within(staff_of(request)))
        fields = [field_of(subject) for subject in _offered(offered)]
        also = ["also"] if obj and other_rights(obj) else []
        return (
            (None, {"fields": ("name",)}),
            (_("What it may do"), {"fields": [*fields, *also], "description": told}),
        )

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, obj)

    # --- Comparing ------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        door = self.admin_site.admin_view(self.matrix)
        return [path("matrix/", door, name="identity_role_matrix"), *super().get_urls()]

    def matrix(self, request: HttpRequest) -> HttpResponse:
        """Which role may what: a table."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("What each role may do"),
            "matrix": role_matrix(),
        }
        return TemplateResponse(request, "identity/admin/matrix.html", context)

    # --- Writing --------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Nothing yet: the role and its permissions are saved together, just after."""

    def save_related(
        self, request: HttpRequest, form: ModelForm[Group], formsets: Any, change: bool
    ) -> None:
        assert isinstance(form, RoleForm)  # noqa: S101  # narrows the type
        roles.save_role(form.instance, form.permissions, by=staff_of(request))

    def delete_model(self, request: HttpRequest, obj: Role) -> None:  # type: ignore[override]  # ours
        roles.delete_role(obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Role]) -> None:
        for role in queryset:
            roles.delete_role(role, by=staff_of(request))
