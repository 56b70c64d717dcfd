"""The palette's own address: the list that its box fetches, and a page where no script runs."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from identity.signed_in import staff_of
from project.palette import doors, records
from project.palette.entries import Entry, Group
from sms.phone_numbers import find_phone_number, national_form


@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """What the typed ``s`` means; ``fragment`` asks for the list alone."""
    text = " ".join(request.GET.get("s", "").replace("\0", "").split())
    groups = look_for(request, text)
    found = sum(len(group.entries) for group in groups)
    next_ = [] if groups else next_steps(request, text)
    context = {
        "text": text,
        "groups": groups or next_,
        "found": found,
        "summary": _summary(text, found, bool(next_)),
        "longest": records.LONGEST,
    }
    if "fragment" in request.GET:
        return TemplateResponse(request, "project/palette_results.html", context | {"live": True})
    context |= admin.site.each_context(request) | {"title": _("Search")}
    return TemplateResponse(request, "project/palette_page.html", context)


def look_for(request: HttpRequest, text: str) -> Sequence[Group]:
    """All that this person can do and open, or what the text means of that and of the records."""
    groups = [
        doors.actions(request, text),
        *records.find_records(staff_of(request), text),
        doors.pages(request, text),
    ]
    return [group for group in groups if group.entries]


def next_steps(request: HttpRequest, text: str) -> Sequence[Group]:
    """Where nothing is found: to add the customer, with what was typed filled in already."""
    door = doors.NEW_CUSTOMER
    if len(text) > records.LONGEST or not door.is_for(request):
        return []
    phone_number = find_phone_number(text)
    facts = {"phone_number": phone_number} if phone_number else {"name": text}
    shown = national_form(phone_number) if phone_number else text
    title = _("New customer: {text}").format(text=shown)
    link = f"{reverse(door.url)}?{urlencode(facts)}"
    return [Group(_("Next"), [Entry(title, link, door.icon)])]


def _summary(text: str, found: int, may_add: bool) -> str:
    """How many there are, or what to do where there are none."""
    if not text:
        return _("Type a name, a phone, an item or an order number.")
    if found:
        return ngettext("{count} result", "{count} results", found).format(count=found)
    if may_add:
        return _("Nothing is found for “{text}”. Add it, or write less of it.").format(text=text)
    return _("Nothing is found for “{text}”. Check how it is written, or write less of it.").format(
        text=text
    )
