"""The screen of users."""

from copy import copy
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from identity import accounts, rights
from identity.admin.user_actions import UserActions
from identity.models import User
from identity.refusals import SaysWhyNot, says_why_not
from identity.signed_in import staff_of
from identity.times import time_column


class PasswordForm(AdminPasswordChangeForm):
    """A new password for somebody, or none."""

    by: User  # who fills it in: see ``user_change_password``

    def save(self, commit: bool = True) -> User:
        facts = self.cleaned_data
        password = facts["password1"] if facts["set_usable_password"] else None
        accounts.set_password(self.user, password, by=self.by)
        return self.user


@admin.register(User)
class UserAdmin(UserActions, SaysWhyNot, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # Django's is generic in its stubs only
    """Who may sign in. Somebody with a role is staff; nobody sets that by hand, and forgets it."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = PasswordForm
    list_display = ("username", "full_name", "email", "role_names", "state", "signed_in")
    list_filter = ("is_active", "groups")
    list_before_template = "identity/admin/users_before.html"
    filter_horizontal = ()
    autocomplete_fields: ClassVar = []
    signed_in = time_column("last_login", gettext_lazy("Signed in"))
    readonly_fields = ("standing", "browsers", "last_login", "date_joined", "subject")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Access"), {"fields": ("standing", "groups", "is_superuser")}),
        (gettext_lazy("Records"), {"fields": ("last_login", "browsers", "date_joined", "subject")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2", "groups")}),)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @display(description=gettext_lazy("Name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description=gettext_lazy("Roles"))
    def role_names(self, user: User) -> str:
        return ", ".join(role.name for role in user.groups.all())

    @display(
        description=gettext_lazy("State"),
        ordering="is_active",
        label={"active": "success", "deactivated": "danger"},
    )
    def state(self, user: User) -> tuple[str, str]:
        return ("active", _("Active")) if user.is_active else ("deactivated", _("Deactivated"))

    @display(description=gettext_lazy("State"))
    def standing(self, user: User) -> str:
        return self.state(user)[1]

    @display(description=gettext_lazy("Signed-in browsers"))
    def browsers(self, user: User) -> str:
        return f"{user.browser_sessions.filter(expire_date__gt=timezone.now()).count()}"

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The roles that the one who asks may give; whose page they may change has no other."""
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        kwargs["queryset"] = rights.roles_within(staff_of(request))
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        kwargs["label"] = _("Roles")
        kwargs["help_text"] = _(
            "What the person may do in the back office. You give the roles that allow nothing but "
            "what you may do yourself."
        )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only a superuser makes superusers; and why there is nothing to change, where it is so."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.is_superuser:
            return fieldsets
        shown = [
            (title, options | {"fields": [f for f in options["fields"] if f != "is_superuser"]})
            for title, options in fieldsets
        ]
        if obj is not None and rights.holds_more(obj, staff_of(request)):
            shown[0][1]["description"] = _("You only look: {name} may do more than you.").format(
                name=obj
            )
        return shown

    # --- Nobody raises their own rights ---------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not rights.holds_more(obj, staff_of(request)))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or not rights.holds_more(obj, staff_of(request)))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Nothing yet: the person and their roles are saved together, just after."""

    def save_related(
        self, request: HttpRequest, form: ModelForm[User], formsets: Any, change: bool
    ) -> None:
        chosen = form.cleaned_data["groups"]
        accounts.save_account(form.instance, chosen, by=staff_of(request))

    @says_why_not
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """With a form that knows who asks; this screen itself serves others at the same time."""
        screen = copy(self)

        class AskedForm(PasswordForm):
            by = staff_of(request)

        screen.change_password_form = AskedForm
        return super(UserAdmin, screen).user_change_password(request, *args, **kwargs)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What is theirs alone goes with them: its model says so, in whichever app it is."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        models = {relation.related_model for relation in User._meta.related_objects}
        theirs = [model for model in models if getattr(model, "goes_with_its_owner", False)]
        return shown, counts, needed - {str(it._meta.verbose_name) for it in theirs}, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        accounts.delete_account(obj, by=staff_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            accounts.delete_account(user, by=staff_of(request))
