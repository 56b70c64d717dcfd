"""The screen of texts: what was sent and what became of it."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter
from unfold.decorators import action, display

from identity.signed_in import staff_of
from identity.times import time_column
from sms import decisions
from sms.admin import line, message_page, phones, spend
from sms.admin.colours import STATUS_COLOURS
from sms.admin.phone_search import PhoneSearch
from sms.admin.read_only import ReadOnly
from sms.admin.records import CompactRecords
from sms.admin.time_range import TimeRangeFilter
from sms.models import Message, MessageQuerySet
from sms.money import spoken_sum
from sms.phone_numbers import national_form


def _told(queued: int) -> str:
    if not queued:
        return gettext("None of these has failed in a way that can be tried again.")
    told = ngettext("{count} text is queued again.", "{count} texts are queued again.", queued)
    return told.format(count=queued)


@admin.register(Message)
class MessageAdmin(CompactRecords, PhoneSearch, ReadOnly, ModelAdmin):
    list_display = ("phone", "shortened", "state", "segments", "price", "created")
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("created_at", TimeRangeFilter),
        "may_be_double",
    )
    created = time_column("created_at", _("Created"))
    list_filter_submit = True
    search_fields = ("phone_number", "text")
    search_help_text = _("Phone or words of the text")
    list_per_page = 25
    show_full_result_count = False
    list_before_template = "sms/line.html"
    actions = ("try_again",)
    change_form_outer_before_template = "sms/message.html"
    fields = ("phone", "text", "encoding", "segments", "price", "gateway_message_id")
    readonly_fields = ("phone", "price")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, (extra_context or {}) | line.line_of(request))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= message_page.story_of(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=_("Phone"), ordering="phone_number")
    def phone(self, message: Message) -> str:
        return national_form(message.phone_number)

    @display(description=_("Text"))
    def shortened(self, message: Message) -> str:
        return message.text if len(message.text) <= 80 else f"{message.text[:79]}…"

    @display(description=_("Status"), ordering="status", label=STATUS_COLOURS)
    def state(self, message: Message) -> tuple[str, str]:
        state = message.get_status_display()
        if message.may_be_double:
            state = gettext("{state}, may come twice").format(state=state)
        return message.status, state

    @display(description=_("Price"))
    def price(self, message: Message) -> str:
        return "" if message.cost is None else spoken_sum(message.currency, message.cost)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(message_page.DECIDE)

    @action(description=_("Try again those that failed"), permissions=["decide"])
    def try_again(self, request: HttpRequest, queryset: MessageQuerySet) -> None:
        """Of those chosen, queue again which failed for certain: none of them comes twice."""
        queued, refused, left = decisions.retry_failed(queryset, staff_of(request))
        self.message_user(request, _told(queued), messages.SUCCESS if queued else messages.WARNING)
        if left:
            more = gettext("{count} more failed: choose them again to try those, too.")
            more = more.format(count=f"{left:,}")
            self.message_user(request, more, messages.WARNING)
        for why, count in refused.items():
            self.message_user(request, f"{why} ({count})", messages.ERROR)

    def get_urls(self) -> list[URLPattern]:
        above = [phones.door(self), spend.door(self), *line.doors(self), *message_page.doors(self)]
        return [*above, *super().get_urls()]
