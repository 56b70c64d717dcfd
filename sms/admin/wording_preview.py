"""The preview of a wording while it is written: asked for again and again, and saves nothing."""

import time

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin

from identity.signed_in import staff_of
from sms.models import MessageTemplate
from sms.previews import Preview, preview

MOST_A_MINUTE = 120  # of one person: who types without a pause asks about this often
_WINDOW = 60  # seconds


def door(templates: ModelAdmin) -> URLPattern:
    """The preview of what was typed, as a piece of a page, for who may change the wording."""

    @require_POST
    def show(request: HttpRequest, pk: int) -> HttpResponse:
        if not templates.has_change_permission(request):
            raise PermissionDenied
        if wait := _wait(request):
            return HttpResponse(status=429, headers={"Retry-After": str(wait)})
        template = get_object_or_404(MessageTemplate, pk=pk)
        template.body = request.POST.get("body", "").strip()  # as the form does
        seen = preview_for(request, template, request.POST.get("search", "")[:200])
        return TemplateResponse(request, "sms/wording_preview.html", {"preview": seen})

    view = templates.admin_site.admin_view(show)
    return path("<int:pk>/preview/", view, name="sms_messagetemplate_preview")


def preview_for(request: HttpRequest, template: MessageTemplate, search: str = "") -> Preview:
    """What somebody of the staff sees, who may not see everybody's orders."""
    return preview(template, staff_of(request), search)


def _wait(request: HttpRequest) -> int:
    """Count the request; 0, or in how many seconds the person may ask again.

    Where the cache fails there is no limit, as for the API.
    """
    window, elapsed = divmod(int(time.time()), _WINDOW)
    key = f"sms.preview:{window}:{request.user.pk}"
    try:
        cache.add(key, 0, timeout=2 * _WINDOW)
        is_too_often = cache.incr(key) > MOST_A_MINUTE
    except (RedisError, ValueError):
        return 0
    return _WINDOW - elapsed if is_too_often else 0
