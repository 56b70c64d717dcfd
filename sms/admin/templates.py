"""The screen of the wording."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from sms import events, wording
from sms.models import MessageTemplate
from sms.segments import count_segments


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
