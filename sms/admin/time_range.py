"""A list narrowed to a time from and to, by the clock of the business."""

from datetime import UTC, datetime

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.utils import parse_datetime_str

_EDGES = {"from": "00:00:00", "to": "23:59:59.999999"}  # of a day


class TimeRangeFilter(RangeDateTimeFilter):
    """Unfold's, which hands the times on without their time zone. Both ends are taken in."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        for end, lookup in (("from", "gte"), ("to", "lte")):
            if moment := self._moment(end):
                queryset = queryset.filter(**{f"{self.parameter_name}__{lookup}": moment})
        return queryset

    def _moment(self, end: str) -> datetime | None:
        """What was entered; nothing where that is no time, or none that a database can tell.

        A day without a time is taken in whole.
        """
        day, hour = (
            self.used_parameters.get(f"{self.parameter_name}_{end}_{part}") for part in "01"
        )
        moment = parse_datetime_str(f"{day} {hour or _EDGES[end]}") if day else None
        try:
            return moment and timezone.make_aware(moment).astimezone(UTC)
        except OverflowError:  # the first day or the last that Python knows, elsewhere
            return None
