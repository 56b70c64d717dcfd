"""A tab for each status above the list of orders, which says how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.views import ChangeList

from crm.admin.lists.change_list import ColumnsChangeList
from crm.models import OrderStatus
from crm.sales import TO_FULFIL

STATUS_FILTER = "status__exact"


@dataclass(frozen=True)
class Tab:
    """Some statuses, and the list narrowed to them."""

    title: str
    count: int
    link: str
    is_current: bool


class CountedPaginator(Paginator[Any]):
    """Takes the count of the rows from who has counted them already."""

    @cached_property
    def count(self) -> int:
        counted: int | None = getattr(self.object_list, "counted", None)
        return super().count if counted is None else counted


class TabbedChangeList(ColumnsChangeList):
    """Counts the orders of each status under what else narrows the list.

    One query, in place of the one that counts the rows for the pages: their number is a sum of
    these.
    """

    tabs: list[Tab]

    def get_results(self, request: HttpRequest) -> None:
        counts = self._counts(request)
        chosen = request.GET.getlist(STATUS_FILTER) or list(OrderStatus)
        self.tabs = [
            self._tab(title, statuses, counts, set(chosen)) for title, statuses in _tabs().items()
        ]
        self.queryset.counted = sum(counts.get(status, 0) for status in set(chosen))
        super().get_results(request)

    def _counts(self, request: HttpRequest) -> dict[str, int]:
        of_filters = [spec.expected_parameters() for spec in self.filter_specs]
        by_status = next(each for each in of_filters if STATUS_FILTER in each)
        rows = self.get_queryset(request, exclude_parameters=by_status)
        if not rows.query.where:  # the index of statuses has all that is asked for
            return dict(rows.order_by().values_list("status").annotate(count=Count("*")))
        # Grouped, a database may walk that index for them all, and look each row up: where
        # something else narrows the list, the index of that is the one to take.
        counts = {each: Count("pk", filter=Q(status=each)) for each in OrderStatus.values}
        return rows.order_by().aggregate(**counts)

    def _tab(
        self, title: str, statuses: Sequence[str], counts: dict[str, int], chosen: set[str]
    ) -> Tab:
        is_all = set(statuses) == set(OrderStatus)
        return Tab(
            title=title,
            count=sum(counts.get(status, 0) for status in statuses),
            link=self.get_query_string({STATUS_FILTER: None if is_all else list(statuses)}),
            is_current=set(statuses) == chosen,
        )


class StatusTabs:
    """Before a ``ModelAdmin`` of orders."""

    paginator = CountedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TabbedChangeList


def _tabs() -> dict[str, Sequence[str]]:
    return {
        _("All"): list(OrderStatus),
        _("To fulfil"): TO_FULFIL,
        **{str(status.label): [status] for status in OrderStatus},
    }
