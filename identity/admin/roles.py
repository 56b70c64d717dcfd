"""The screen of roles."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from identity import roles
from identity.admin.refusals import SaysWhyNot
from identity.models import Role
from identity.signed_in import staff_of

admin.site.unregister(Group)


@admin.register(Role)
class RoleAdmin(SaysWhyNot, GroupAdmin, ModelAdmin):
    """What each role may do."""

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Nothing yet: the role and its permissions are saved together, just after."""

    def save_related(
        self, request: HttpRequest, form: ModelForm[Group], formsets: Any, change: bool
    ) -> None:
        chosen = form.cleaned_data["permissions"]
        roles.save_role(form.instance, chosen, by=staff_of(request))

    def delete_model(self, request: HttpRequest, obj: Role) -> None:  # type: ignore[override]  # ours
        roles.delete_role(obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Role]) -> None:
        for role in queryset:
            roles.delete_role(role, by=staff_of(request))
