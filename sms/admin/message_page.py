"""The page of one text: what became of it and why, and what staff may do about it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from identity.models import User
from identity.signed_in import staff_of
from sms import decisions, timeline
from sms.admin.colours import STATUS_COLOURS
from sms.errors import (
    MessageCannotBeCancelled,
    MessageCannotBeRetried,
    PhoneOptedOut,
    PhoneTakesNoTexts,
)
from sms.models import Message, MessageStatus
from sms.phone_numbers import national_form, takes_texts
from sms.subjects import subjects_of

REFUSALS = (MessageCannotBeCancelled, MessageCannotBeRetried, PhoneOptedOut, PhoneTakesNoTexts)
DECIDE = "sms.add_message"


def story_of(request: HttpRequest, message: Message) -> dict[str, Any]:
    """What the page shows above the facts, and which buttons."""
    may_decide = request.user.has_perm(DECIDE)
    may_queue = may_decide and takes_texts(message.phone_number)  # else it would be refused
    return {
        "message": message,
        "tone": STATUS_COLOURS[MessageStatus(message.status)],
        "subjects": [_link_to(record) for record in subjects_of(message, staff_of(request))],
        "meaning": timeline.meaning_of(message),
        "steps": timeline.steps_of(message),
        "next_try": timeline.next_try_of(message),
        "may_retry": may_queue and message.status == MessageStatus.FAILED,
        "may_send_again": may_queue and message.status == MessageStatus.UNCONFIRMED,
        "may_cancel": may_decide and message.status in Message.CANCELLABLE,
    }


def _link_to(record: Model) -> tuple[str, str, str]:
    """What it is, its name and the address of its page."""
    about = record._meta
    address = reverse(f"admin:{about.app_label}_{about.model_name}_change", args=[record.pk])
    return capfirst(str(about.verbose_name)), str(record), address


def doors(messages_admin: ModelAdmin) -> list[URLPattern]:
    """What is done about a text, for who may send texts."""
    made = {
        "retry": _door(decisions.retry_message, _says(gettext_lazy("The text is queued again."))),
        "send_again": _asked_first(
            messages_admin,
            _door(decisions.send_again, _says(gettext_lazy("The text is queued once more."))),
        ),
        "cancel": _door(decisions.cancel_message, _tell_cancelled),
    }
    wrap = messages_admin.admin_site.admin_view
    return [
        path(f"<uuid:message_id>/{name.replace('_', '-')}/", wrap(door), name=f"sms_message_{name}")
        for name, door in made.items()
    ]


def _says(words: Promise) -> Callable[[Message], str]:
    def told(message: Message) -> str:
        return str(words)

    return told


def _tell_cancelled(message: Message) -> str:
    if message.status == MessageStatus.UNCONFIRMED:
        return _("The text is not sent again. Whether it arrived before is still not known.")
    return _("The text is cancelled.")


def _door(
    decide: Callable[[Message, User], Message], told: Callable[[Message], str]
) -> Callable[..., HttpResponse]:
    def door(request: HttpRequest, message_id: UUID) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        message = get_object_or_404(Message, pk=message_id)
        try:
            decided = decide(message, staff_of(request))
        except REFUSALS as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, told(decided))
        return redirect(reverse("admin:sms_message_change", args=[message_id]))

    return door


def _asked_first(
    messages_admin: ModelAdmin, door: Callable[..., HttpResponse]
) -> Callable[..., HttpResponse]:
    """A page that warns of the double, whose button then goes through the door."""

    def ask(request: HttpRequest, message_id: UUID) -> HttpResponse:
        if request.method != "GET":
            return door(request, message_id)
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        message = get_object_or_404(Message, pk=message_id)
        is_in_doubt = message.status == MessageStatus.UNCONFIRMED
        context = messages_admin.admin_site.each_context(request) | {
            "title": _("Send again?"),
            "message": message,
            "phone": national_form(message.phone_number),
            "refusal": "" if is_in_doubt else str(MessageCannotBeRetried(message)),
        }
        return TemplateResponse(request, "sms/send_again.html", context)

    return ask
