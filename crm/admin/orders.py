"""The screens of orders."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter
from unfold.decorators import display

from crm import orders
from crm.admin.colours import ORDER_COLOURS
from crm.admin.lists.moves import OrderMoves
from crm.admin.lists.tabs import StatusTabs
from crm.admin.lists.tools import ListTools
from crm.admin.operations import OperationsAdmin, changes_of
from crm.admin.order_page import OrderPage
from crm.admin.taking import TakingOrders, fieldsets_for, take
from crm.forms import OrderForm
from crm.models import Order, ViewedList
from crm.shown_values import seen_on
from crm.spreadsheets.resources import OrderResource
from identity.times import time_column
from sms.admin.colours import STATUS_COLOURS
from sms.admin.time_range import TimeRangeFilter
from sms.models import MessageStatus
from sms.money import spoken_sum


@admin.register(Order)
class OrderAdmin(TakingOrders, OrderPage, OrderMoves, StatusTabs, ListTools, OperationsAdmin):
    form = OrderForm
    viewed = ViewedList.ORDERS
    more_columns = ("reference", "taken", "changed")
    resource_classes: ClassVar = [OrderResource]
    list_display = (
        "order_number",
        "customer",
        "what",
        "money",
        "state",
        "text_state",
        "ordered",
        "next_steps",
    )
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("order_time", TimeRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("customer",)
    search_help_text = _("Item, order number, or the customer's name, code or phone")
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("customer",)
    ordered = time_column("order_time", _("Ordered"))
    taken = time_column("created_at", _("Entered"))
    changed = time_column("updated_at", _("Changed"))
    readonly_fields = ("created_at", "updated_at")

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        if obj is None:
            return fieldsets_for(request)
        order = ("customer", "item", "amount")
        return (
            (None, {"fields": ("status", *order)}),
            (_("Records"), {"fields": ("order_time", "reference", "created_at", "updated_at")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return super().get_queryset(request).with_sms_status()

    @display(description=_("Item"), ordering="item")
    def what(self, order: Order) -> str:
        return Truncator(order.item).chars(60)  # the whole of a long one hides the rest on a phone

    @display(description=_("Amount"), ordering="amount")
    def money(self, order: Order) -> str:
        return spoken_sum(order.currency, order.amount)

    @display(description=_("Status"), ordering="status", label=ORDER_COLOURS)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, str(order.get_status_display())

    @display(description=_("Text"), label=STATUS_COLOURS)
    def text_state(self, order: Order) -> tuple[str, str] | None:
        if order.sms_status is None:
            return None
        return order.sms_status, str(MessageStatus(order.sms_status).label)

    def save_model(
        self, request: HttpRequest, obj: Order, form: ModelForm[Order], change: bool
    ) -> None:
        if not change:
            take(request, obj, form)  # type: ignore[arg-type]  # its form for a new one
            return
        changes = changes_of(form)
        wanted, obj.status = changes.pop("status", None), form.initial["status"]
        orders.revise_order(obj, changes, wanted, seen=seen_on(form))

    def delete_model(self, request: HttpRequest, obj: Order) -> None:
        orders.delete_order(obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            orders.delete_order(order)
