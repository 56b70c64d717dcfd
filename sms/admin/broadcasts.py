"""The screens of broadcasts: their words, what they would do and cost, and how far they are."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from identity.models import User
from sms import line, status
from sms.admin.read_only import ReadOnly
from sms.broadcasts import control, drafts, progress, reviews
from sms.errors import BroadcastHasMoved, BroadcastRefusal
from sms.models import Broadcast, BroadcastStatus
from sms.quiet_hours import quiet_until

STATE_COLOURS = {
    BroadcastStatus.READY: "info",
    BroadcastStatus.SENDING: "info",
    BroadcastStatus.PAUSED: "warning",
    BroadcastStatus.STOPPED: "danger",
    BroadcastStatus.DONE: "success",
}
TITLES = {
    "words": "Words of a broadcast",
    "review": "Broadcast to confirm",
    "progress": "Broadcast",
    "stop": "Stop a broadcast for good",
}
CONFIRMED = "Confirmed."
SHOWN_NAMES = 200  # of those who are left out, unless all are asked for


class Words(forms.CharField):
    """Text of some lines, whose ends are counted as one character, as a browser and a phone do."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class WordsForm(forms.Form):
    """What a broadcast says, in one language or in two."""

    english = Words(
        label="In English",
        required=False,
        max_length=Broadcast.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    swahili = Words(
        label="In Kiswahili",
        required=False,
        max_length=Broadcast.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Each gets the text in their language; what you leave empty, in the other one.",
    )


@admin.register(Broadcast)
class BroadcastAdmin(ReadOnly, ModelAdmin):
    """Who writes and confirms has ``add_broadcast``; who pauses and stops, ``change_broadcast``.

    A broadcast begins on the list of customers, so that nothing is added here.
    """

    list_display = ("words", "state", "texts", "cost", "confirmed_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("confirmed_by",)
    list_before_template = "sms/broadcasts_begin.html"
    list_per_page = 25
    show_full_result_count = False
    list_disable_select_all = True

    @display(description="Words")
    def words(self, broadcast: Broadcast) -> str:
        return str(broadcast) or "No words yet"

    @display(description="State", ordering="status", label=STATE_COLOURS)
    def state(self, broadcast: Broadcast) -> tuple[str, str]:
        return broadcast.status, broadcast.get_status_display()

    @display(description="Price")
    def cost(self, broadcast: Broadcast) -> str:
        return "" if broadcast.price is None else f"{broadcast.currency} {broadcast.price:,.2f}"

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

    # --- Until it is confirmed ------------------------------------------------------------------

    def words_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Write what it says."""
        broadcast = self._find(request, pk, "add")
        if broadcast.status != BroadcastStatus.READY:
            return self._to("change", broadcast)
        written = {"english": broadcast.english, "swahili": broadcast.swahili}
        form = WordsForm(request.POST or None, initial=written)
        if request.method == "POST" and self._takes(request, form, broadcast):
            return self._to("review", broadcast)
        shown = request.POST if request.method == "POST" else written
        found = reviews.examples(broadcast, shown.get("english", ""), shown.get("swahili", ""))
        return self._page(request, broadcast, "words", form=form, examples=found)

    def _takes(self, request: HttpRequest, form: WordsForm, broadcast: Broadcast) -> bool:
        if not form.is_valid():
            return False
        try:
            drafts.write_words(broadcast, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        except BroadcastHasMoved as refusal:
            form.add_error(None, str(refusal))
        return form.is_valid()

    def examples_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """How what is being written would read, and how long it is."""
        broadcast = self._find(request, pk, "add")
        written = (request.POST.get(name, "") for name in ("english", "swahili"))
        found = reviews.examples(broadcast, *written)
        return TemplateResponse(request, "sms/broadcast_examples.html", {"examples": found})

    def review_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show what it would do, and send it once that is confirmed."""
        broadcast = self._find(request, pk, "add")
        if request.method == "POST" and self._confirms(request, broadcast):
            return self._to("change", broadcast)
        if broadcast.status != BroadcastStatus.READY:
            return self._to("change", broadcast)
        if not (broadcast.english or broadcast.swahili):
            return self._to("words", broadcast)
        review = reviews.review(broadcast)
        return self._page(
            request,
            broadcast,
            "review",
            review=review,
            examples=reviews.examples(broadcast, broadcast.english, broadcast.swahili),
            reasons=[(why.label, count) for why, count in review.reasons.items()],
            left_out=review.excluded[: _shown(request)],
            more_left_out=len(review.excluded[_shown(request) :]),
        )

    def _confirms(self, request: HttpRequest, broadcast: Broadcast) -> bool:
        """Send it as it was seen; else say why not, and False."""
        try:
            control.confirm(broadcast, request.POST.get("seen", ""), _staff(request))
        except (BroadcastRefusal, ValidationError) as refusal:
            told = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
            self.message_user(request, " ".join(told), messages.ERROR)
            broadcast.refresh_from_db()
            return False
        self.log_change(request, broadcast, CONFIRMED)
        self.message_user(request, "The broadcast is on its way.", messages.SUCCESS)
        return True

    def discard_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Forget one that was never confirmed."""
        broadcast = self._find(request, pk, "add")
        try:
            drafts.discard(broadcast)
        except BroadcastRefusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return self._to("change", broadcast)
        return HttpResponseRedirect(reverse("admin:sms_broadcast_changelist"))

    # --- Under way ------------------------------------------------------------------------------

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
        broadcast = self._find(request, object_id, "view")
        left_out = broadcast.recipients.exclude(exclusion="").order_by("pk")
        found = progress.find_progress(broadcast)
        left_out_count = sum(found.excluded.values())
        return self._page(
            request,
            broadcast,
            "progress",
            progress=found,
            states=[(state.label, count) for state, count in found.states.items()],
            reasons=[(why.label, count) for why, count in found.excluded.items()],
            left_out=left_out[: _shown(request)],
            left_out_count=left_out_count,
            more_left_out=max(0, left_out_count - _shown(request)),
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
        return self._steer(request, pk, control.pause, "Paused.")

    def resume_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        return self._steer(request, pk, control.resume, "Resumed.")

    def stop_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Ask first, as there is no way back."""
        if request.method == "POST":
            return self._steer(request, pk, control.stop, "Stopped.")
        broadcast = self._find(request, pk, "change")
        return self._page(
            request,
            broadcast,
            "stop",
            unsent=progress.find_progress(broadcast).unsent,
            is_under_way=broadcast.status in Broadcast.UNDER_WAY,
        )

    def _steer(self, request: HttpRequest, pk: Any, move: Any, told: str) -> HttpResponse:
        broadcast = self._find(request, pk, "change")
        try:
            move(broadcast)
        except BroadcastRefusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.log_change(request, broadcast, told)
            self.message_user(request, told, messages.SUCCESS)
        return self._to("change", broadcast)

    # --- What these have in common --------------------------------------------------------------

    def _find(self, request: HttpRequest, pk: Any, verb: str) -> Broadcast:
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

    def _page(
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

    def _to(self, door: str, broadcast: Broadcast) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:sms_broadcast_{door}", args=[broadcast.pk]))


def _shown(request: HttpRequest) -> int:
    """How many of those who are left out the page names: a few, or all where that was asked for."""
    return drafts.MOST_PEOPLE if "all" in request.GET else SHOWN_NAMES


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # narrows the type: staff are signed in
    return request.user
