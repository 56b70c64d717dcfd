"""The screens of what the machine keeps to know people and their programs again: for who may see
what is technical. No secret is on them: most rows have none, and a browser's session, whose key
opens it, has no page and no link."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from identity import personal_tokens, session_tokens
from identity.browsers import browser_name
from identity.models import Authorization, BrowserSession, PersonalAccessToken, SessionToken
from identity.provider import authorizations
from identity.times import time_column

VIEW, CHANGE = "identity.view_technical", "identity.change_technical"


class Technical(ModelAdmin):
    """To look at, and to end; not to edit."""

    list_per_page = 25
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(VIEW)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(BrowserSession)
class BrowserSessionAdmin(Technical):
    """Where people are signed in. That ends on the page of the person."""

    list_display = ("person", "browser", "signed_in", "until")
    list_display_links = None
    list_select_related = ("user",)
    ordering = ("-signed_in_at",)
    search_fields = ("user__username",)
    fields = ("user",)
    signed_in = time_column("signed_in_at", gettext_lazy("Signed in"))
    until = time_column("expire_date", gettext_lazy("Good until"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrowserSession]:
        live = super().get_queryset(request).filter(expire_date__gt=timezone.now())
        return live.exclude(user=None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request)

    @display(description=gettext_lazy("Person"), ordering="user__username")
    def person(self, row: BrowserSession) -> str:
        url = reverse("admin:identity_user_change", args=[row.user_id])
        return format_html('<a class="inline-block py-1 underline" href="{}">{}</a>', url, row.user)

    @display(description=gettext_lazy("Browser"))
    def browser(self, row: BrowserSession) -> str:
        return browser_name(row.user_agent)


class Tokens(Technical):
    """Those that were not ended, newest first."""

    ordering = ("-id",)
    actions = ("end",)
    end_one: Callable[[Any], None]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(revoked_at=None)

    @action(description=gettext_lazy("End those chosen"), permissions=["end"])
    def end(self, request: HttpRequest, queryset: Iterable[Any]) -> None:
        """They give no access from here on."""
        rows = list(queryset)
        for row in rows:
            type(self).end_one(row)
            self.log_change(request, row, "Ended.")
        told = ngettext("{count} was ended.", "{count} were ended.", len(rows))
        messages.success(request, told.format(count=len(rows)))


@admin.register(PersonalAccessToken)
class PersonalTokenAdmin(Tokens):
    """What people made for programs of theirs."""

    list_display = ("name", "user", "may", "used", "until")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = readonly_fields = ("name", "user", "may", "created_at", "expires_at", "last_used_at")
    used = time_column("last_used_at", gettext_lazy("Last used"))
    until = time_column("expires_at", gettext_lazy("Good until"))
    end_one = staticmethod(personal_tokens.revoke_token)

    @display(description=gettext_lazy("What it may do"))
    def may(self, row: PersonalAccessToken) -> str:
        return ", ".join(row.scopes)


@admin.register(SessionToken)
class SessionTokenAdmin(Tokens):
    """Who signed in to the API with a password. One that is ended takes its renewals with it."""

    list_display = ("user", "since", "until")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = readonly_fields = ("user", "created_at", "access_expires_at", "refresh_expires_at")
    since = time_column("created_at", gettext_lazy("Signed in or renewed"))
    until = time_column("refresh_expires_at", gettext_lazy("Good until"))
    end_one = staticmethod(session_tokens.revoke_family)


@admin.register(Authorization)
class AuthorizationAdmin(Tokens):
    """Which apps act for whom. What an app has for itself ends on the page of the app."""

    list_display = ("application", "user", "scope", "since")
    list_select_related = ("application", "user")
    search_fields = ("application__name", "user__username")
    fields = readonly_fields = ("application", "user", "scope", "auth_time", "created_at")
    since = time_column("created_at", gettext_lazy("Let in"))
    end_one = staticmethod(authorizations.end_authorization)
