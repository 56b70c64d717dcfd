"""A broadcast until it is confirmed: its words, whom it would reach and what it would cost."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from identity.signed_in import staff_of
from sms.admin.broadcasts.page import CONFIRMED, BroadcastPages, shown
from sms.broadcasts import control, drafts, reviews
from sms.errors import BroadcastHasMoved, BroadcastRefusal
from sms.models import Broadcast, BroadcastStatus


class Words(forms.CharField):
    """Text of some lines, whose ends are counted as one character, as a browser and a phone do."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class WordsForm(forms.Form):
    """What a broadcast says, in one language or in two."""

    english = Words(
        label=_("In English"),
        required=False,
        max_length=Broadcast.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    swahili = Words(
        label=_("In Kiswahili"),
        required=False,
        max_length=Broadcast.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_(
            "Each gets the text in their language; what you leave empty, in the other one."
        ),
    )


class Drafting(BroadcastPages):
    """For who has ``add_broadcast``."""

    def words_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Write what it says."""
        broadcast = self.find(request, pk, "add")
        if broadcast.status != BroadcastStatus.READY:
            return self.to("change", broadcast)
        written = {"english": broadcast.english, "swahili": broadcast.swahili}
        form = WordsForm(request.POST or None, initial=written)
        if request.method == "POST" and self._takes(request, form, broadcast):
            return self.to("review", broadcast)
        shown = request.POST if request.method == "POST" else written
        found = reviews.examples(broadcast, shown.get("english", ""), shown.get("swahili", ""))
        return self.page(
            request, broadcast, "words", form=form, examples=found, is_being_written=True
        )

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
        broadcast = self.find(request, pk, "add")
        written = (request.POST.get(name, "") for name in ("english", "swahili"))
        found = reviews.examples(broadcast, *written)
        context = {"examples": found, "is_being_written": True}
        return TemplateResponse(request, "sms/broadcast_examples.html", context)

    def review_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show what it would do, and send it once that is confirmed."""
        broadcast = self.find(request, pk, "add")
        if request.method == "POST" and self._confirms(request, broadcast):
            return self.to("change", broadcast)
        if broadcast.status != BroadcastStatus.READY:
            return self.to("change", broadcast)
        if not (broadcast.english or broadcast.swahili):
            return self.to("words", broadcast)
        review = reviews.review(broadcast)
        return self.page(
            request,
            broadcast,
            "review",
            review=review,
            examples=reviews.examples(broadcast, broadcast.english, broadcast.swahili),
            reasons=[(why.label, count) for why, count in review.reasons.items()],
            left_out=review.excluded[: shown(request)],
            more_left_out=len(review.excluded[shown(request) :]),
        )

    def _confirms(self, request: HttpRequest, broadcast: Broadcast) -> bool:
        """Send it as it was seen; else say why not, and False."""
        try:
            control.confirm(broadcast, request.POST.get("seen", ""), staff_of(request))
        except (BroadcastRefusal, ValidationError) as refusal:
            told = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
            self.message_user(request, " ".join(told), messages.ERROR)
            broadcast.refresh_from_db()
            return False
        self.log_change(request, broadcast, CONFIRMED)
        self.message_user(request, gettext("The broadcast is on its way."), messages.SUCCESS)
        return True

    def discard_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Forget one that was never confirmed."""
        broadcast = self.find(request, pk, "add")
        try:
            drafts.discard(broadcast)
        except BroadcastRefusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return self.to("change", broadcast)
        return HttpResponseRedirect(reverse("admin:sms_broadcast_changelist"))
