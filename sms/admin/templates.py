"""The screens of the wording."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import Case, Value, When
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanSwitchWidget

from sms import events, wording
from sms.admin import wording_preview
from sms.models import MessageTemplate
from sms.previews import cost_of
from sms.prices import price_per_segment


class _SwitchForm(ModelForm[MessageTemplate]):
    """A row of the list, whose switch says what it switches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = gettext("Send “{wording}”").format(wording=self.instance)
        self.fields["is_active"].widget.attrs["aria-label"] = name


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin):
    list_display = ("name", "written_in", "shortened", "is_active")
    list_editable = ("is_active",)
    fields = ("name", "written_in", "is_active", "words", "body")
    readonly_fields = ("name", "written_in", "words")
    change_form_after_template = "sms/wording.html"

    class Media:
        css = {"all": ("sms/wording.css",)}  # noqa: RUF012  # Django reads it so
        js = ("sms/wording.js",)

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return ("name", "written_in", "shortened", _costs(), "is_active")

    def get_ordering(self, request: HttpRequest) -> Any:
        """By event, in the order of what happens; then by language."""
        names = enumerate(events.event_names())
        known = [When(event=name, then=Value(place)) for place, name in names]
        return [Case(*known, default=Value(len(known))), "event", "language"]

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        widgets = {"is_active": UnfoldBooleanSwitchWidget}
        options = {"form": _SwitchForm, "widgets": widgets}
        return super().get_changelist_form(request, **kwargs | options)

    @display(description=_("Sent when"))
    def name(self, template: MessageTemplate) -> str:
        return template.event_label

    @display(description=_("Language"))
    def written_in(self, template: MessageTemplate) -> str:
        return template.get_language_display()

    @display(description=_("Words"))
    def shortened(self, template: MessageTemplate) -> str:
        return Truncator(template.body).chars(100)

    @display(description=_("Words to fill in"))
    def words(self, template: MessageTemplate) -> str:
        event = events.find_event(template.event)
        variables = event.variables if event else {}
        return render_to_string("sms/wording_words.html", {"variables": variables})

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        written = context["adminform"].form
        template = MessageTemplate(event=context["original"].event, body=context["original"].body)
        template.language = context["original"].language
        if "body" in written.fields:
            template.body = written["body"].value() or ""
        context["preview"] = wording_preview.preview_for(request, template)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: MessageTemplate, form: Any, change: bool
    ) -> None:
        wording.change_wording(obj, form.changed_data)

    def get_urls(self) -> list[URLPattern]:
        return [wording_preview.door(self), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # one for each event and language, made when the app is set up

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # to send nothing, it is switched off


def _costs() -> Callable[[MessageTemplate], str]:
    """A column of what each text costs; the price is looked up once, for all of a page."""
    price = cache(price_per_segment)

    @display(description=_("Costs about"))
    def costs(template: MessageTemplate) -> str:
        return str(cost_of(template, price()))

    return costs
