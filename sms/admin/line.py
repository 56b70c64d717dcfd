"""The line to the gateway, above the log: what holds texts up, and the button that lets them go."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from identity.models import User
from identity.signed_in import staff_of
from sms import line, line_events, status
from sms.models import Hold, Message

RESUME = "sms.resume_line"
_NEWS = timedelta(days=7)  # for which it is told what stopped the texts and let them go on


def line_of(request: HttpRequest) -> dict[str, Any]:
    """What the log shows above the texts, and which button."""
    now, known = timezone.now(), line.read_line()
    state = status.state_of(known)
    return {
        "line": known,
        "state": state,
        "reason": status.reason_of(known),
        "since": known.held_at if known.hold else known.broken_at,
        "trouble": known.trouble if status.is_news(known, now) else "",
        "waiting": Message.objects.filter(status__in=Message.WAITING).count(),
        "latest": line_events.latest(known.gateway, now - _NEWS),
        "may_decide": request.user.has_perm(RESUME),
        "may_stop": known.hold != Hold.STAFF,
        "is_stopped": state in ("held", "broken", "quiet"),
    }


def doors(messages_admin: ModelAdmin) -> list[URLPattern]:
    """To stop the texts and to let them go on, for who may."""
    wrap = messages_admin.admin_site.admin_view
    resume = _door(
        line.resume, _("Texts go on: one is tried first."), _("Nothing holds the texts up.")
    )
    stop = _door(
        line.stop, _("No more texts are sent until they are resumed."), _("They are stopped.")
    )
    return [
        path("resume/", wrap(resume), name="sms_line_resume"),
        path("stop/", wrap(stop), name="sms_line_stop"),
    ]


def _door(
    act: Callable[[User | None], bool], done: str | Promise, idle: str | Promise
) -> Callable[..., HttpResponse]:
    def door(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(RESUME):
            raise PermissionDenied
        messages.success(request, str(done if act(staff_of(request)) else idle))
        return redirect(reverse("admin:sms_message_changelist"))

    return door
