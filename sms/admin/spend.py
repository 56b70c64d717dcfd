"""The page of what texts cost, day by day."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from sms.spend import spend_by_day, total_of

DAYS = 30


def door(messages_admin: ModelAdmin) -> URLPattern:
    """The page, for who may view texts."""

    def show(request: HttpRequest) -> HttpResponse:
        if not messages_admin.has_view_permission(request):
            raise PermissionDenied
        days = spend_by_day(DAYS)
        context = messages_admin.admin_site.each_context(request) | {
            "title": _("Spend on texts"),
            "days": days,
            "span": DAYS,
            "totals": total_of(days),
            "texts": sum(day.texts for day in days),
            "segments": sum(day.segments for day in days),
        }
        return TemplateResponse(request, "sms/spend.html", context)

    return path("spend/", messages_admin.admin_site.admin_view(show), name="sms_spend")
