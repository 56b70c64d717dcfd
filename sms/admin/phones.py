"""The simulated phones, each with its texts as their owner would read them."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from sms.models import Message
from sms.phone_numbers import national_form

SHOWN_PHONES, SHOWN_TEXTS = 30, 20


def door(messages: ModelAdmin) -> URLPattern:
    """The page, for who may view texts."""

    def show(request: HttpRequest) -> HttpResponse:
        if not messages.has_view_permission(request):
            raise PermissionDenied
        context = messages.admin_site.each_context(request) | {
            "title": _("Simulated phones"),
            "phones": simulated_phones(),
            "is_in_use": settings.SMS_GATEWAY == "simulator",
        }
        return TemplateResponse(request, "sms/phones.html", context)

    return path("phones/", messages.admin_site.admin_view(show), name="sms_phones")


def simulated_phones() -> list[dict[str, Any]]:
    """The phones last texted by the simulator, each with its newest texts, oldest first."""
    taken = Message.objects.filter(gateway="simulator", sent_at__isnull=False)
    taken = taken.exclude(text="")  # what was erased, with its phone
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
