"""The rows of a list whose columns people choose."""

from typing import Any

from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from crm.saved_views import COLUMNS


class ColumnsChangeList(ChangeList):
    """Sorted by the names of columns.

    Django numbers them as they are shown, with the box to tick if there is one: an address would
    sort by another column for whoever has chosen others, or may do less.
    """

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        if numbers := self._translated(self.params.pop(ORDER_VAR, ""), to_numbers=True):
            self.params[ORDER_VAR] = numbers
        return super().get_queryset(request, exclude_parameters)

    def get_query_string(
        self, new_params: dict[str, Any] | None = None, remove: list[str] | None = None
    ) -> str:
        if new_params and new_params.get(ORDER_VAR):
            names = self._translated(new_params[ORDER_VAR], to_numbers=False)
            new_params = new_params | {ORDER_VAR: names}
        return super().get_query_string(new_params, remove)

    def get_filters_params(self, params: Any = None) -> Any:
        """Without the columns, which narrow nothing."""
        found = super().get_filters_params(params)
        found.pop(COLUMNS, None)
        return found

    def _translated(self, sorting: str, *, to_numbers: bool) -> str:
        """``-ordered.amount`` as ``-7.4`` or back, without what is not shown."""
        numbers = {str(name): str(number) for number, name in enumerate(self.list_display)}
        names = {number: name for name, number in numbers.items()}
        known = (numbers | dict(zip(names, names, strict=True))) if to_numbers else names
        parts = [part.rpartition("-") for part in sorting.split(".")]
        return ".".join(f"{minus}{known[name]}" for _, minus, name in parts if name in known)
