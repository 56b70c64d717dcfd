"""The screens of texts: what was sent and what became of it, and the wording."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from sms import events, wording
from sms.models import Attempt, DeliveryReport, Message, MessageTemplate
from sms.phone_numbers import find_phone_number, national_form
from sms.segments import count_segments

# The queue's own tables are for its worker; a text's state is on the text.
for queue_model in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(queue_model)

STATUS_COLOURS = {
    Message.Status.QUEUED: "info",
    Message.Status.CLAIMED: "info",
    Message.Status.SENDING: "info",
    Message.Status.SENT: "info",
    Message.Status.DELIVERED: "success",
    Message.Status.UNDELIVERED: "danger",
    Message.Status.UNCONFIRMED: "warning",
    Message.Status.FAILED: "danger",
    Message.Status.SUPPRESSED: "warning",
    Message.Status.CANCELLED: "warning",
}

SHOWN_PHONES, SHOWN_TEXTS = 30, 20


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
        phones = path("phones/", self.admin_site.admin_view(self.phones_view), name="sms_phones")
        return [phones, *super().get_urls()]

    def phones_view(self, request: HttpRequest) -> HttpResponse:
        """The simulated phones, each with its texts as their owner would read them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": "Simulated phones",
            "phones": simulated_phones(),
        }
        return TemplateResponse(request, "sms/phones.html", context)


def simulated_phones() -> list[dict[str, Any]]:
    """The phones last texted by the simulator, each with its newest texts, oldest first."""
    taken = Message.objects.filter(gateway="simulator", sent_at__isnull=False)
    newest = (
        taken.order_by()
        .values("phone_number")
        .annotate(last=Max("sent_at"))
        .order_by("-last")[:SHOWN_PHONES]
    )
    numbers = [row["phone_number"] for row in newest]
    threads: dict[str, list[Message]] = {number: [] for number in numbers}
    rank = Window(RowNumber(), partition_by="phone_number", order_by="-sent_at")
    texts = taken.filter(phone_number__in=numbers).annotate(rank=rank)
    for message in texts.filter(rank__lte=SHOWN_TEXTS).order_by("sent_at"):
        threads[message.phone_number].append(message)
    return [
        {"number": national_form(number), "messages": messages}
        for number, messages in threads.items()
    ]


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin):
    list_display = ("__str__", "body", "is_active")
    fields = ("name", "body", "is_active", "words", "preview", "price")
    readonly_fields = ("name", "words", "preview", "price")

    @display(description="Sent when")
    def name(self, template: MessageTemplate) -> str:
        return str(template)

    @display(description="Words you can use")
    def words(self, template: MessageTemplate) -> str:
        event = events.find_event(template.event)
        return ", ".join(f"{{{name}}}" for name in event.variables) if event else ""

    @display(description="Example")
    def preview(self, template: MessageTemplate) -> str:
        event = events.find_event(template.event)
        return template.render(event.variables) if event else template.body

    @display(description="Length")
    def price(self, template: MessageTemplate) -> str:
        count = count_segments(self.preview(template))
        noun = "message" if count.segments == 1 else "messages"
        return f"{count.segments} {noun} ({count.encoding})"

    def save_model(
        self, request: HttpRequest, obj: MessageTemplate, form: Any, change: bool
    ) -> None:
        wording.change_wording(obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # one for each event and language, made when the app is set up

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # to send nothing, it is switched off
