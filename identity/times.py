"""How is a moment told on a screen? As people say it: the exact time is shown on hover."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # the stubs' name for a translation to come

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_SAID_IN_HOURS = timedelta(hours=6)  # also over midnight


def ago(moment: datetime) -> SafeString:
    """``3 hours ago``, in the business's time zone, as an element that a browser understands."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "j M Y H:i:s"),
        words_for(moment, timezone.now()),
    )


def words_for(moment: datetime, now: datetime) -> str:
    """``3 hours ago``, ``yesterday 14:05``, ``21 Sep 14:05``, or ``21 Sep 2025``."""
    passed = now - moment
    local, today = timezone.localtime(moment), timezone.localdate(now)
    if timedelta(0) <= passed and (passed < _SAID_IN_HOURS or local.date() == today):
        return _words_for_length(passed)
    hour = date_format(local, "H:i")
    days = {
        today - timedelta(days=1): _("yesterday {hour}"),
        today: _("today {hour}"),
        today + timedelta(days=1): _("tomorrow {hour}"),
    }
    if words := days.get(local.date()):
        return words.format(hour=hour)
    return date_format(local, "j M H:i" if local.year == today.year else "j M Y")


def _words_for_length(passed: timedelta) -> str:
    if passed < _MINUTE:
        return _("just now")
    if passed < _HOUR:
        count = passed // _MINUTE
        return ngettext("{count} minute ago", "{count} minutes ago", count).format(count=count)
    count = passed // _HOUR
    return ngettext("{count} hour ago", "{count} hours ago", count).format(count=count)


def time_column(field: str, title: "str | _StrPromise") -> Callable[[Any, Any], SafeString | None]:
    """A column of a list in the admin, as an attribute of its ``ModelAdmin``."""

    def column(_admin: Any, row: Any) -> SafeString | None:
        moment = getattr(row, field)
        return None if moment is None else ago(moment)

    admin_column: Any = column
    admin_column.short_description, admin_column.admin_order_field = title, field
    return column
