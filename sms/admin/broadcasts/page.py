"""What the pages of one broadcast have in common: who may open them, and what all of them show."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from sms import line, status
from sms.broadcasts import drafts
from sms.models import Broadcast
from sms.quiet_hours import quiet_until

TITLES = {
    "words": _("Words of a broadcast"),
    "review": _("Broadcast to confirm"),
    "progress": _("Broadcast"),
    "stop": _("Stop a broadcast for good"),
}
CONFIRMED = "Confirmed."  # in its history
SHOWN_NAMES = 200  # of those who are left out, unless all are asked for


class BroadcastPages(ModelAdmin):
    """The base of the two parts of ``BroadcastAdmin``."""

    def find(self, request: HttpRequest, pk: Any, verb: str) -> Broadcast:
        """The broadcast, for who may do that with it.

        :raises PermissionDenied: who may not.
        :raises Http404: there is none.
        """
        if not request.user.has_perm(f"sms.{verb}_broadcast"):
            raise PermissionDenied
        broadcast = self.get_object(request, str(pk))
        if broadcast is None:
            raise Http404
        return broadcast

    def page(
        self, request: HttpRequest, broadcast: Broadcast, name: str, **context: Any
    ) -> HttpResponse:
        known = line.read_line()
        context |= self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": TITLES[name],
            "broadcast": broadcast,
            "chosen": broadcast.recipients.count(),
            "quiet_until": quiet_until(timezone.now()),
            "held_up": status.reason_of(known) if line.is_shut(known) else "",
            "may_write": request.user.has_perm("sms.add_broadcast"),
        }
        return TemplateResponse(request, f"sms/broadcast_{name}.html", context)

    def to(self, door: str, broadcast: Broadcast) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:sms_broadcast_{door}", args=[broadcast.pk]))


def shown(request: HttpRequest) -> int:
    """How many of those who are left out the page names: a few, or all where that was asked for."""
    return drafts.MOST_PEOPLE if "all" in request.GET else SHOWN_NAMES
