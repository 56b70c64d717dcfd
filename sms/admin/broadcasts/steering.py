"""A broadcast once it is confirmed: how far it is, and to pause it or to stop it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from sms.admin.broadcasts.page import CONFIRMED, BroadcastPages, shown
from sms.broadcasts import control, progress
from sms.errors import BroadcastRefusal
from sms.models import Broadcast


class Steering(BroadcastPages):
    """For who has ``change_broadcast``; who has ``view_broadcast`` sees how far it is."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """How far it is, and whom it leaves out."""
        if request.method == "POST":
            raise PermissionDenied
        broadcast = self.find(request, object_id, "view")
        left_out = broadcast.recipients.exclude(exclusion="").order_by("pk")
        found = progress.find_progress(broadcast)
        left_out_count = sum(found.excluded.values())
        return self.page(
            request,
            broadcast,
            "progress",
            progress=found,
            states=[(state.label, count) for state, count in found.states.items()],
            reasons=[(why.label, count) for why, count in found.excluded.items()],
            left_out=left_out[: shown(request)],
            left_out_count=left_out_count,
            more_left_out=max(0, left_out_count - shown(request)),
            done=self._done_with(broadcast),
            may_steer=request.user.has_perm("sms.change_broadcast"),
        )

    def _done_with(self, broadcast: Broadcast) -> QuerySet[LogEntry]:
        """Who paused, resumed and stopped it, and when; that it was confirmed is told by itself."""
        about = ContentType.objects.get_for_model(Broadcast)
        entries = LogEntry.objects.filter(content_type=about, object_id=str(broadcast.pk))
        later = entries.exclude(change_message=CONFIRMED)
        return later.select_related("user").order_by("action_time", "pk")

    def pause_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._steer(request, pk, control.pause, gettext_noop("Paused."))

    def resume_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._steer(request, pk, control.resume, gettext_noop("Resumed."))

    def stop_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Ask first, as there is no way back."""
        if request.method == "POST":
            return self._steer(request, pk, control.stop, gettext_noop("Stopped."))
        broadcast = self.find(request, pk, "change")
        return self.page(
            request,
            broadcast,
            "stop",
            unsent=progress.find_progress(broadcast).unsent,
            is_under_way=broadcast.status in Broadcast.UNDER_WAY,
        )

    def _steer(self, request: HttpRequest, pk: Any, move: Any, told: str) -> HttpResponse:
        broadcast = self.find(request, pk, "change")
        try:
            move(broadcast)
        except BroadcastRefusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.log_change(request, broadcast, told)
            self.message_user(request, _(told), messages.SUCCESS)
        return self.to("change", broadcast)
