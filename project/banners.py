"""What must nobody overlook, whatever page they are on? That no worker is there, that texts are
stopped, and that no customer gets a real text.

All of it is asked of the database in one query a page; of who is not staff, nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from identity.models import User
from project import workers
from project.health_page import VIEW_HEALTH
from project.models import Worker
from sms import line

_KEPT = "standing"  # with the request
# A web server that has just started gives the worker, which may have started with it, its time.
_STARTED_AT = timezone.now()


@dataclass(frozen=True)
class Banner:
    """Words above the page; ``kind`` is "danger" or "calm", and ``exactly`` when it was."""

    kind: str
    words: str
    links: Sequence[tuple[str, str]] = ()  # each the words and the address
    exactly: str = ""


@dataclass(frozen=True)
class _Standing:
    are_texts_stopped: bool = False
    is_worker_missed: bool = False
    worker_seen_at: datetime | None = None


def badge(request: HttpRequest) -> list[str] | None:
    """Unfold's ``ENVIRONMENT``: beside the title."""
    return [_("Texts stopped"), "danger"] if are_texts_stopped(request) else None


def are_texts_stopped(request: HttpRequest) -> bool:
    """Told to who may see the texts, where it says why."""
    return request.user.has_perm("sms.view_message") and _standing(request).are_texts_stopped


def context(request: HttpRequest) -> dict[str, Any]:
    """Unfold's ``GLOBAL_CALLBACK``: what all its pages may show."""
    return {"banners": banners(request)}


def banners(request: HttpRequest) -> list[Banner]:
    """What is above this page, for this one."""
    if not request.user.is_staff:
        return []
    shown = [_worker_is_missed(request)] if _standing(request).is_worker_missed else []
    if settings.SMS_GATEWAY != "africastalking":
        shown.append(_no_real_texts(request))
    return shown


def _standing(request: HttpRequest) -> _Standing:
    standing: _Standing | None = getattr(request, _KEPT, None)
    if standing is None:
        standing = _ask(request.user) if isinstance(request.user, User) else _Standing()
        setattr(request, _KEPT, standing)
    return standing


def _ask(user: User) -> _Standing:
    now = timezone.now()
    newest = Worker.objects.order_by("-seen_at").values("seen_at")[:1]
    # Of a row that is surely there: the user's own, which says nothing to it.
    rows = User.objects.filter(pk=user.pk).values_list(
        Exists(line.shut_lines()), Exists(workers.left_waiting(now)), Subquery(newest)
    )
    is_stopped, is_wanted, seen_at = rows.get()
    had_its_time = now - _STARTED_AT > workers.GONE
    is_missed = had_its_time and workers.is_missed(seen_at, is_wanted, now)
    return _Standing(is_stopped, is_missed, seen_at)


def _worker_is_missed(request: HttpRequest) -> Banner:
    seen_at = _standing(request).worker_seen_at
    if seen_at is None:
        words, exactly = _("No texts are sent: no worker has been seen yet."), ""
    else:
        words = _("No texts are sent: the worker was last seen {time} ago.")
        words = words.format(time=timesince(seen_at))
        exactly = date_format(timezone.localtime(seen_at), "j M Y H:i:s")
    if request.user.has_perm(VIEW_HEALTH):
        return Banner("danger", words, [(_("What to do"), _health("workers"))], exactly)
    advice = _("They wait, and none is lost. Tell whoever runs Karani.")
    return Banner("danger", f"{words} {advice}", exactly=exactly)


def _no_real_texts(request: HttpRequest) -> Banner:
    links = []
    if settings.SMS_GATEWAY == "console":
        words = _("Texts are printed: no customer gets one.")
    else:
        words = _("Simulator: no customer gets a text.")
        if request.user.has_perm("sms.view_message"):
            links.append((_("Simulated phones"), reverse("admin:sms_phones")))
    # On the first page alone: on a phone it takes a line of its own.
    if request.path == reverse("admin:index") and request.user.has_perm(VIEW_HEALTH):
        links.append((_("Send real texts"), _health("gateway")))
    return Banner("calm", words, links)


def _health(check: str) -> str:
    return f"{reverse('admin:health')}#{check}"
