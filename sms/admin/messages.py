"""The screen of texts: what was sent and what became of it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from sms.admin import phones
from sms.models import Attempt, DeliveryReport, Message
from sms.phone_numbers import find_phone_number, national_form

STATUS_COLOURS = {
    Message.Status.QUEUED: "info",
    Message.Status.CLAIMED: "info",
    Message.Status.SENDING: "info",
    Message.Status.SENT: "info",
    Message.Status.DELIVERED: "success",
    Message.Status.UNDELIVERED: "danger",
    Message.Status.UNCONFIRMED: "warning",
    Message.Status.HELD: "warning",
    Message.Status.FAILED: "danger",
    Message.Status.SUPPRESSED: "warning",
    Message.Status.CANCELLED: "warning",
}


class ReadOnly:
    """For what the machine writes: to look at, not to edit."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(ReadOnly, TabularInline):
    model = Attempt
    extra = 0
    fields = ("started_at", "finished_at", "gateway", "outcome", "detail")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("sms.view_message")


class DeliveryReportInline(ReadOnly, TabularInline):
    model = DeliveryReport
    extra = 0
    fields = ("received_at", "status", "failure_reason")
    readonly_fields = ("received_at",)  # not editable, so no field of a form

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("sms.view_message")


@admin.register(Message)
class MessageAdmin(ReadOnly, ModelAdmin):
    list_display = ("phone", "shortened", "state", "segments", "price", "created_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("phone_number", "text")
    search_help_text = "Phone or words of the text"
    list_per_page = 25
    show_full_result_count = False
    inlines: ClassVar = [AttemptInline, DeliveryReportInline]
    fieldsets = (
        (None, {"fields": ("phone", "text", "status", "failure_reason")}),
        ("Price", {"fields": ("encoding", "segments", "price")}),
        (
            "Times",
            {"fields": ("created_at", "next_attempt_at", "sent_at", "final_at")},
        ),
        ("Gateway", {"fields": ("gateway", "gateway_message_id")}),
    )
    readonly_fields = ("phone", "price")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """A phone is found in whichever form it is written."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if phone_number := find_phone_number(search_term):
            found |= queryset.filter(phone_number=phone_number)
        return found, may_repeat

    @display(description="Phone", ordering="phone_number")
    def phone(self, message: Message) -> str:
        return national_form(message.phone_number)

    @display(description="Text")
    def shortened(self, message: Message) -> str:
        return message.text if len(message.text) <= 80 else f"{message.text[:79]}…"

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def state(self, message: Message) -> tuple[str, str]:
        return message.status, message.get_status_display()

    @display(description="Price")
    def price(self, message: Message) -> str:
        return "" if message.cost is None else f"{message.currency} {message.cost:.2f}"

    def get_urls(self) -> list[URLPattern]:
        return [phones.door(self), *super().get_urls()]
