"""May a broadcast text people now, or do they sleep? Texts about orders ask for no hour."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.utils import timezone


def quiet_until(now: datetime) -> datetime | None:
    """When the quiet hours that it is in end, by the business's clock; None outside of them."""
    if settings.SMS_QUIET_HOURS is None:
        return None
    begin, end = settings.SMS_QUIET_HOURS
    here = now.astimezone(timezone.get_default_timezone())
    if not _is_between(here.time(), begin, end):
        return None
    is_over_today = here.time() < end
    day = here.date() if is_over_today else here.date() + timedelta(days=1)
    return datetime.combine(day, end, tzinfo=here.tzinfo)


def _is_between(moment: time, begin: time, end: time) -> bool:
    if begin < end:
        return begin <= moment < end
    return moment >= begin or moment < end  # over midnight
