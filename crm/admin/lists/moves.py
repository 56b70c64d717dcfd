"""Orders moved from their list: those ticked, all that match, or the one of a row.

Nothing moves before a page has said how many would, and how many texts would go.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from crm import moving
from crm.admin.lists import move_words
from crm.admin.lists.tabs import STATUS_FILTER
from crm.admin.numbers import number_in
from crm.models import Order, OrderQuerySet, OrderStatus
from identity.form_keys import new_form_key
from identity.signed_in import staff_of

ACTIONS = {
    "mark_processing": OrderStatus.PROCESSING,
    "mark_completed": OrderStatus.COMPLETED,
    "mark_cancelled": OrderStatus.CANCELLED,
}
ROW_WORDS = {
    OrderStatus.PROCESSING: _("Process"),
    OrderStatus.COMPLETED: _("Complete"),
    OrderStatus.CANCELLED: _("Cancel"),
}
# For all but the first step, where a row is too narrow for their words.
ROW_ICONS = {
    OrderStatus.PROCESSING: "play_arrow",
    OrderStatus.COMPLETED: "check",
    OrderStatus.CANCELLED: "close",
}
SHOWN_ORDERS = 10
_ROW_BUTTON = "move"


class OrderMoves:
    """Before a ``ModelAdmin`` of orders."""

    actions = tuple(ACTIONS)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Of the moves, those that some order on this list can make."""
        offered: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]  # of the ModelAdmin beside it
        steps = moving.steps_from(request.GET.getlist(STATUS_FILTER) or OrderStatus.values)
        return {
            name: each
            for name, each in offered.items()
            if name not in ACTIONS or ACTIONS[name] in steps
        }

    def get_columns(self, request: HttpRequest) -> list[str]:
        """Without the buttons for who may not press them."""
        columns: list[str] = super().get_columns(request)  # type: ignore[misc]  # as above
        may_move = self.has_change_permission(request)  # type: ignore[attr-defined]  # as above
        return columns if may_move else [name for name in columns if name != "next_steps"]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and _ROW_BUTTON in request.POST:
            _choose_one(request)
        page: HttpResponse = super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]  # as above
        return page

    @display(description=_("Next step"))
    def next_steps(self, order: Order) -> SafeString | str:
        """What this order can do next: a button each, of the form that the list is in."""
        buttons = format_html_join(
            "",
            '<button name="{}" value="{} {}" aria-label="{} {}" title="{}">'
            '<span>{}</span><span class="material-symbols-outlined" aria-hidden="true">{}</span>'
            "</button>",
            (
                (_ROW_BUTTON, name, order.pk, words, order.order_number, words, words, icon)
                for name, words, icon in _steps_of(order)
            ),
        )
        return buttons and format_html('<span class="next-steps">{}</span>', buttons)

    @action(description=_("Mark as processing"), permissions=["change"])
    def mark_processing(self, request: HttpRequest, queryset: OrderQuerySet) -> HttpResponse | None:
        return self._move(request, queryset, OrderStatus.PROCESSING)

    @action(description=_("Mark as completed"), permissions=["change"])
    def mark_completed(self, request: HttpRequest, queryset: OrderQuerySet) -> HttpResponse | None:
        return self._move(request, queryset, OrderStatus.COMPLETED)

    @action(description=_("Cancel"), permissions=["change"])
    def mark_cancelled(self, request: HttpRequest, queryset: OrderQuerySet) -> HttpResponse | None:
        return self._move(request, queryset, OrderStatus.CANCELLED)

    def _move(
        self, request: HttpRequest, queryset: OrderQuerySet, status: OrderStatus
    ) -> HttpResponse | None:
        seen_at, form_key = _seen_at(request), request.POST.get("form_key", "")
        if seen_at is None or not form_key:
            return self._ask(request, queryset, status)
        # What came, or was moved, after the count that was confirmed was not meant.
        meant = queryset.filter(updated_at__lte=seen_at)
        moved = moving.move_orders(meant, status, by=staff_of(request), form_key=form_key)
        self._tell(request, moved, status)
        return None

    def _ask(
        self, request: HttpRequest, queryset: OrderQuerySet, status: OrderStatus
    ) -> HttpResponse:
        """The page that says what the move would do, with the button that does it."""
        seen_at = timezone.now()  # before the count
        preview = moving.preview_moves(queryset, status)
        is_for_all = request.POST.get("select_across") == "1"
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        shown = [] if is_for_all else queryset.select_related("customer")[:SHOWN_ORDERS]
        site: AdminSite = self.admin_site  # type: ignore[attr-defined]  # as above
        context = site.each_context(request) | {
            "title": move_words.question_of(preview),
            "preview": preview,
            "consequences": move_words.consequences_of(preview),
            "button": move_words.button_of(preview),
            "is_cancelling": status == OrderStatus.CANCELLED,
            "orders": shown,
            "more_orders": 0 if is_for_all else max(0, len(chosen) - SHOWN_ORDERS),
            "chosen": chosen[:1] if is_for_all else chosen,
            "select_across": int(is_for_all),
            "action": request.POST["action"],
            "seen_at": seen_at.isoformat(),
            "form_key": new_form_key(),
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "crm/confirm_moves.html", context)

    def _tell(self, request: HttpRequest, moved: moving.Moved, status: OrderStatus) -> None:
        if result := move_words.result_of(moved, status):
            messages.success(request, result)
        expected = request.POST.get("expected", "")
        for words in move_words.shortfalls_of(moved, number_in(expected)):
            messages.warning(request, words)


def _steps_of(order: Order) -> Iterator[tuple[str, str, str]]:
    """Of each step its name, its words and its icon."""
    return (
        (name, str(ROW_WORDS[status]), ROW_ICONS[status])
        for name, status in ACTIONS.items()
        if status in order.open_moves
    )


def _choose_one(request: HttpRequest) -> None:
    """Make of the button of a row what its order ticked and the action chosen would send."""
    name, _space, pk = request.POST[_ROW_BUTTON].partition(" ")
    chosen = request.POST.copy()
    del chosen[_ROW_BUTTON]
    chosen.pop("index", None)
    chosen["action"], chosen["select_across"] = name, "0"
    chosen.setlist(ACTION_CHECKBOX_NAME, [pk])
    request.POST = chosen  # type: ignore[assignment]  # a form's fields, not to be changed further


def _seen_at(request: HttpRequest) -> datetime | None:
    """When the page that was confirmed had counted; None where there was none."""
    try:
        moment = parse_datetime(request.POST.get("seen_at", ""))
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None
