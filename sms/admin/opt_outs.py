"""The screen of who wants no texts, and who wants them again: by whom, when and how it was said."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from identity.times import time_column
from sms.admin.phone_search import PhoneSearch
from sms.admin.read_only import ReadOnly
from sms.admin.records import CompactRecords
from sms.models import ConsentChange
from sms.phone_numbers import national_form

SAID_COLOURS = {False: "danger", True: "success"}


@admin.register(ConsentChange)
class ConsentChangeAdmin(CompactRecords, PhoneSearch, ReadOnly, ModelAdmin):
    """Also of phones that are no customer's any more."""

    list_display = ("phone", "said_in_colour", "how", "words", "said_by", "when")
    list_filter = ("wants_texts", ("source", ChoicesDropdownFilter))
    list_select_related = ("said_by",)
    search_fields = ("phone_number", "words")
    search_help_text = _("Phone or words of the text")
    when = time_column("said_at", _("When"))
    list_per_page = 25
    show_full_result_count = False
    fields = ("phone", "said", "source", "words", "said_by", "said_at")
    readonly_fields = ("phone", "said", "said_at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may read the texts may know why one did not leave."""
        return request.user.has_perm("sms.view_message")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description=_("Phone"), ordering="phone_number")
    def phone(self, change: ConsentChange) -> str:
        return national_form(change.phone_number)

    @display(description=_("Said"), ordering="wants_texts", label=SAID_COLOURS)
    def said_in_colour(self, change: ConsentChange) -> tuple[bool, str]:
        return change.wants_texts, self.said(change)

    @display(description=_("Said"))
    def said(self, change: ConsentChange) -> str:
        return gettext("Texts again") if change.wants_texts else gettext("No texts")

    @display(description=_("How"), ordering="source")
    def how(self, change: ConsentChange) -> str:
        return str(change.get_source_display())
