"""The screen of what people texted to us, and what came of it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from identity.times import time_column
from sms.admin.phone_search import PhoneSearch
from sms.admin.read_only import ReadOnly
from sms.admin.records import CompactRecords
from sms.models import IncomingText
from sms.phone_numbers import find_phone_number, national_form

MEANING_COLOURS = {
    IncomingText.Meaning.STOP: "danger",
    IncomingText.Meaning.START: "success",
    IncomingText.Meaning.HELP: "info",
    IncomingText.Meaning.OTHER: "warning",
}


@admin.register(IncomingText)
class IncomingTextAdmin(CompactRecords, PhoneSearch, ReadOnly, ModelAdmin):
    list_display = ("phone", "text", "asks_for", "received")
    list_filter = (("meaning", ChoicesDropdownFilter),)
    search_fields = ("phone_number", "text")
    search_help_text = _("Phone or words of the text")
    received = time_column("received_at", _("Received"))
    list_per_page = 25
    show_full_result_count = False
    fields = ("phone", "text", "meaning", "sent_at", "received_at")
    readonly_fields = ("phone", "received_at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may read the texts to people may read those from them."""
        return request.user.has_perm("sms.view_message")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description=_("Phone"), ordering="phone_number")
    def phone(self, incoming: IncomingText) -> str:
        known = find_phone_number(incoming.phone_number)  # as it came: it may be no number
        return national_form(known) if known else incoming.phone_number

    @display(description=_("Asks for"), ordering="meaning", label=MEANING_COLOURS)
    def asks_for(self, incoming: IncomingText) -> tuple[str, str]:
        return incoming.meaning, incoming.get_meaning_display()
