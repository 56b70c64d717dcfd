"""What stands above a list: the views of it, and the columns to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode

from django.contrib import messages
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.views import ChangeList

from crm import saved_views
from crm.admin.lists.change_list import ColumnsChangeList
from crm.admin.numbers import number_in
from crm.models import SavedView, ViewedList
from crm.saved_views import COLUMNS
from identity.signed_in import staff_of

_CHOSEN = "chosen_columns"  # kept with the request


@dataclass(frozen=True)
class Column:
    """A column, and whether and as the how manieth it is shown."""

    name: str
    title: str
    is_shown: bool
    place: int


class ListTools:
    """Before a ``ModelAdmin``: its list in the views and with the columns that people like."""

    viewed: ClassVar[ViewedList]
    more_columns: ClassVar[Sequence[str]] = ()  # that are not shown unless chosen
    list_before_template = "crm/list_tools.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ColumnsChangeList

    def get_columns(self, request: HttpRequest) -> list[str]:
        """All that may be chosen, those first that a list comes with."""
        as_it_comes: list[str] = list(super().get_list_display(request))  # type: ignore[misc]  # of the ModelAdmin beside it
        return [*as_it_comes, *self.more_columns]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """As the address says, else as this one chose, else as the list comes."""
        columns = self.get_columns(request)
        asked = request.GET.get(COLUMNS, "").split(",")
        for wanted in (asked, self._chosen(request)):
            if shown := [name for name in dict.fromkeys(wanted) if name in columns]:
                return shown
        return [name for name in columns if name not in self.more_columns]

    def _chosen(self, request: HttpRequest) -> list[str]:
        """Asked for once for each page."""
        chosen: list[str] | None = getattr(request, _CHOSEN, None)
        if chosen is None:
            chosen = saved_views.columns_of(staff_of(request), self.viewed)
            setattr(request, _CHOSEN, chosen)
        return chosen

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        tools = self._tools(request) if request.method == "GET" else {}
        page: HttpResponse = super().changelist_view(request, (extra_context or {}) | tools)  # type: ignore[misc]  # as above
        return page

    def _tools(self, request: HttpRequest) -> dict[str, Any]:
        here = _cleaned(self.viewed, request)
        views = SavedView.objects.visible_to(staff_of(request)).filter(list=self.viewed)
        found = [
            {"view": view, "link": f"?{view.query}", "is_current": view.query == here}
            for view in views.select_related("owner")
        ]
        shown = self.get_list_display(request)
        as_seen = parse_qs(here) | {COLUMNS: [",".join(shown)]}
        return {
            "views": found,
            "current_view": next((each["view"] for each in found if each["is_current"]), None),
            "viewed": self.viewed.value,
            "may_share": request.user.has_perm(saved_views.SHARE),
            "query_as_seen": saved_views.clean_query(self.viewed, urlencode(as_seen, doseq=True)),
            "query_here": here,
            "columns": self._columns(request, shown),
            "columns_link": reverse(f"admin:crm_{self._model_name}_columns"),
        }

    def _columns(self, request: HttpRequest, shown: Sequence[str]) -> list[Column]:
        """Those that are shown first, as they are."""
        others = [name for name in self.get_columns(request) if name not in shown]
        screen: Any = self  # is a ModelAdmin, too
        titles = {name: label_for_field(name, screen.model, screen) for name in [*shown, *others]}
        return [
            Column(name, capfirst(str(titles[name])), name in shown, place)
            for place, name in enumerate([*shown, *others], 1)
        ]

    @property
    def _model_name(self) -> str:
        return str(self.model._meta.model_name)  # type: ignore[attr-defined]  # as above

    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the columns that were ticked, by the places that were given to them."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]  # as above
            raise PermissionDenied
        known = self.get_columns(request)
        chosen = [] if "reset" in request.POST else request.POST.getlist("column")
        ticked = [name for name in known if name in chosen]
        ticked.sort(key=lambda name: number_in(request.POST.get(f"place_{name}", "")))
        if not saved_views.choose_columns(staff_of(request), self.viewed, ticked, known):
            messages.info(request, _("The list is shown as it comes."))
        here = _query_of(self.viewed, request.POST.get("query", ""))
        query = {name: value for name, value in parse_qs(here).items() if name != COLUMNS}
        address = reverse(f"admin:crm_{self._model_name}_changelist")
        return HttpResponseRedirect(f"{address}?{urlencode(query, doseq=True)}".removesuffix("?"))

    def get_urls(self) -> list[URLPattern]:
        door = self.admin_site.admin_view(require_POST(self.columns_view))  # type: ignore[attr-defined]  # as above
        name = f"crm_{self._model_name}_columns"
        return [path("columns/", door, name=name), *super().get_urls()]  # type: ignore[misc]  # as above


def _cleaned(viewed: str, request: HttpRequest) -> str:
    return _query_of(viewed, request.GET.urlencode())


def _query_of(viewed: str, query: str) -> str:
    """What of it the list knows; nothing, of one that is too long."""
    try:
        return saved_views.clean_query(viewed, query)
    except ValidationError:
        return ""
