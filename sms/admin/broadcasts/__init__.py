"""The screens of broadcasts: their words, what they would do and cost, and how far they are."""

from django.contrib import admin
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from identity.times import time_column
from sms.admin.broadcasts.drafting import Drafting
from sms.admin.broadcasts.steering import Steering
from sms.admin.read_only import ReadOnly
from sms.admin.records import CompactRecords
from sms.models import Broadcast, BroadcastStatus
from sms.money import spoken_sum

STATE_COLOURS = {
    BroadcastStatus.READY: "info",
    BroadcastStatus.SENDING: "info",
    BroadcastStatus.PAUSED: "warning",
    BroadcastStatus.STOPPED: "danger",
    BroadcastStatus.DONE: "success",
}


@admin.register(Broadcast)
class BroadcastAdmin(CompactRecords, ReadOnly, Drafting, Steering):
    """Who writes and confirms has ``add_broadcast``; who pauses and stops, ``change_broadcast``.

    A broadcast begins on the list of customers, so that nothing is added here.
    """

    list_display = ("words", "state", "texts", "cost", "confirmed_by", "created")
    list_filter = ("status",)
    list_select_related = ("confirmed_by",)
    list_before_template = "sms/broadcasts_begin.html"
    created = time_column("created_at", _("Created"))
    list_per_page = 25
    show_full_result_count = False
    list_disable_select_all = True

    @display(description=_("Words"))
    def words(self, broadcast: Broadcast) -> str:
        return str(broadcast) or str(_("No words yet"))

    @display(description=_("State"), ordering="status", label=STATE_COLOURS)
    def state(self, broadcast: Broadcast) -> tuple[str, str]:
        return broadcast.status, broadcast.get_status_display()

    @display(description=_("Price"))
    def cost(self, broadcast: Broadcast) -> str:
        return "" if broadcast.price is None else spoken_sum(broadcast.currency, broadcast.price)

    def get_urls(self) -> list[URLPattern]:
        doors = {
            "words": self.words_view,
            "examples": require_POST(self.examples_view),
            "review": self.review_view,
            "discard": require_POST(self.discard_view),
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "stop": self.stop_view,
        }
        ours = [
            path(
                f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"sms_broadcast_{name}"
            )
            for name, view in doors.items()
        ]
        return [*ours, *super().get_urls()]
