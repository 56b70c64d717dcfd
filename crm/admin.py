"""The screens of customers and orders. What they save, the operations save."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, MultipleChoicesDropdownFilter
from unfold.decorators import action, display

from crm import audience, customers, notices, orders
from crm.errors import Refusal
from crm.forms import CustomerForm, OrderForm
from crm.models import Customer, CustomerQuerySet, Order
from crm.spreadsheets.admin import SpreadsheetAdmin
from crm.spreadsheets.resources import CustomerResource, OrderResource
from identity.models import User
from identity.signed_in import staff_of
from sms import opt_outs, reach
from sms.admin.colours import STATUS_COLOURS
from sms.admin.time_range import TimeRangeFilter
from sms.broadcasts import drafts
from sms.errors import BroadcastRefusal
from sms.models import ConsentSource, Message, MessageStatus
from sms.opt_outs import Word
from sms.phone_numbers import find_phone_number, national_form

ORDER_COLOURS = {
    Order.Status.PENDING: "warning",
    Order.Status.PROCESSING: "info",
    Order.Status.COMPLETED: "success",
    Order.Status.CANCELLED: "danger",
}
REACH_COLOURS = {
    "Yes": "success",
    "Opted out": "danger",
    "No mobile": "warning",
    "Unreachable": "warning",
}
SHOWN_REFUSALS = 5
SHOWN_ROWS = 10  # of the orders and texts on a customer's page
_NO_MOBILE = "{phone} is not a mobile number: no text gets there. Ask for a mobile number."
REFUSALS = (Refusal, ValidationError)


class OperationsAdmin(SpreadsheetAdmin, SimpleHistoryAdmin, ModelAdmin):
    """A screen whose saves and deletes are operations, which may refuse."""

    list_per_page = 25
    show_full_result_count = False
    actions_on_top = True
    search_fields = ("search_text",)  # that there is a search; what it finds is said below

    # The transaction around a save or a delete is undone by the time the refusal gets here.

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except REFUSALS as refusal:
            return self._told(request, refusal)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except REFUSALS as refusal:
            return self._told(request, refusal)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except REFUSALS as refusal:
            return self._told(request, refusal)

    def _told(self, request: HttpRequest, refusal: Refusal | ValidationError) -> HttpResponse:
        told = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
        self.message_user(request, " ".join(told), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What the API finds, and a phone in whichever form it is written.

        The whole of what was typed is looked for, and not each word somewhere: so does the API,
        whose contract is a substring, and one search that is asked in two places has one answer.
        """
        found = queryset.search(search_term)
        if phone_number := find_phone_number(search_term):
            found |= queryset.search(phone_number)
        return found, False

    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """An old version is to look at: the setting only hides the button that brings it back."""
        if request.method == "POST":
            raise PermissionDenied
        return super().history_form_view(request, object_id, version_id, extra_context)


def _changes(form: ModelForm[Any]) -> dict[str, Any]:
    """What somebody changed on the page: the rest is as the row is by now, not as they saw it."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


def _paragraphs(lines: Iterable[str]) -> SafeString:
    return format_html_join("", "<p>{}</p>", ((line,) for line in lines))


def _word(request: HttpRequest, *, opted_out: bool) -> Word:
    return Word(wants_texts=not opted_out, source=ConsentSource.STAFF, said_by=staff_of(request))


def _latest_of(customer: Customer, user: User) -> dict[str, Any]:
    """What the page of a customer shows below the facts, of what this one may see."""
    # As it is stored: a form that was refused has put what was typed into the record.
    phone_number = Customer.objects.values_list("phone_number", flat=True).get(pk=customer.pk)
    bought = customer.orders.order_by("-created_at", "-id")[:SHOWN_ROWS]
    texts = Message.objects.filter(phone_number=phone_number).order_by("-created_at")
    return {
        "stored_phone_number": phone_number,
        "shown": SHOWN_ROWS,
        "customer_orders": bought if user.has_perm("crm.view_order") else None,
        "customer_texts": texts[:SHOWN_ROWS] if user.has_perm("sms.view_message") else None,
    }


class TextsFilter(admin.SimpleListFilter):
    """Who is texted, and why others are not. Of what kind a phone is, no query can tell."""

    title = "texts"
    parameter_name = "texts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Sent"), ("opted_out", "Opted out"), ("unreachable", "Unreachable")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        """Of the list's own, which says of each whether they opted out and are reached."""
        conditions = {
            "yes": Q(sms_opted_out=False, unreachable=None),
            "opted_out": Q(sms_opted_out=True),
            "unreachable": Q(unreachable__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Customer)
class CustomerAdmin(OperationsAdmin):
    form = CustomerForm
    change_form_outer_after_template = "crm/customer.html"
    resource_classes: ClassVar = [CustomerResource]
    list_display = ("name", "code", "phone", "email", "texts_wanted", "created_at")
    list_filter = (TextsFilter, ("language", ChoicesDropdownFilter))
    search_help_text = "Name, code, phone or email"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at", "updated_at", "consent", "reached")
    actions = ("text_them",)
    fieldsets = (
        (None, {"fields": ("name", "phone_number", "email", "language", "sms_opted_out")}),
        ("Texts", {"fields": ("consent", "reached")}),
        ("Records", {"fields": ("code", "user", "created_at", "updated_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        """To link an account is to let it see the customer's orders: not for all who sell."""
        facts, texts, (title, options) = self.fieldsets
        hidden = set() if request.user.has_perm("identity.change_user") else {"user"}
        shown = tuple(name for name in options["fields"] if name not in hidden)
        known = () if obj is None else (texts,)  # of a new one, nobody said anything yet
        return (facts, *known, (title, {"fields": shown}))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if customer := context.get("original"):
            context |= _latest_of(customer, staff_of(request))
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).with_opt_out().with_reach()

    @display(description="Phone", ordering="phone_number")
    def phone(self, customer: Customer) -> str:
        return national_form(customer.phone_number)

    @display(description="Texts", label=REACH_COLOURS)
    def texts_wanted(self, customer: Customer) -> str:
        if customer.sms_opted_out:
            return "Opted out"
        if not customer.takes_texts:
            return "No mobile"
        return "Unreachable" if customer.unreachable else "Yes"

    @display(description="What was said of texts")
    def consent(self, customer: Customer) -> SafeString | str:
        said = opt_outs.history_of(customer.phone_number)
        return _paragraphs(map(opt_outs.describe, said)) or "Nothing: texts are sent."

    @display(description="Reached by text")
    def reached(self, customer: Customer) -> str:
        return reach.obstacle_of(customer.phone_number) or "Nothing is known to keep texts away."

    def save_model(
        self, request: HttpRequest, obj: Customer, form: ModelForm[Customer], change: bool
    ) -> None:
        word = _word(request, opted_out=form.cleaned_data["sms_opted_out"])
        if change:
            changes = _changes(form)
            is_said = changes.pop("sms_opted_out", None) is not None
            customers.update_customer(obj, changes, word=word if is_said else None)
        else:
            customers.register_customer(obj, word=word)
        if not obj.takes_texts:
            self.message_user(request, _NO_MOBILE.format(phone=self.phone(obj)), messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        customers.delete_customer(obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        for customer in queryset:
            customers.delete_customer(customer)

    def has_text_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sms.add_broadcast")

    @action(description="Text them", permissions=["text"])
    def text_them(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        """Begin a broadcast to these; what it says is written on the page that follows."""
        try:
            begun = drafts.choose_people(audience.people_of(queryset), staff_of(request))
        except BroadcastRefusal as refusal:
            return self.message_user(request, str(refusal), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:sms_broadcast_words", args=[begun.pk]))


@admin.register(Order)
class OrderAdmin(OperationsAdmin):
    form = OrderForm
    resource_classes: ClassVar = [OrderResource]
    list_display = (
        "order_number",
        "customer",
        "what",
        "money",
        "state",
        "text_state",
        "order_time",
    )
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("order_time", TimeRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("customer",)
    search_help_text = "Item, order number, or the customer's name, code or phone"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("customer",)
    readonly_fields = ("order_number", "currency", "texts", "created_at", "updated_at")
    actions = ("mark_processing", "mark_completed", "mark_cancelled")

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        order = ("customer", "item", "amount")
        if obj is None:
            return ((None, {"fields": order}), ("More", {"fields": ("order_time", "reference")}))
        return (
            (None, {"fields": ("order_number", "status", *order, "currency")}),
            ("Texts to the customer", {"fields": ("texts",)}),
            ("Records", {"fields": ("order_time", "reference", "created_at", "updated_at")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return super().get_queryset(request).with_sms_status()

    @display(description="Item", ordering="item")
    def what(self, order: Order) -> str:
        return Truncator(order.item).chars(60)  # the whole of a long one hides the rest on a phone

    @display(description="Amount", ordering="amount")
    def money(self, order: Order) -> str:
        return f"{order.currency} {notices.spoken_amount(order.amount)}"

    @display(description="Status", ordering="status", label=ORDER_COLOURS)
    def state(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description="Text", label=STATUS_COLOURS)
    def text_state(self, order: Order) -> tuple[str, str] | None:
        if order.sms_status is None:
            return None
        return order.sms_status, str(MessageStatus(order.sms_status).label)

    @display(description="Texts")
    def texts(self, order: Order) -> SafeString | str:
        rows = Message.objects.filter(about_id=order.pk).order_by("created_at")
        lines = format_html_join(
            "",
            '<p><a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>: {}</p>',
            (
                (
                    reverse("admin:sms_message_change", args=[row.pk]),
                    row.get_status_display(),
                    row.text,
                )
                for row in rows
            ),
        )
        return lines or "None"

    def save_model(
        self, request: HttpRequest, obj: Order, form: ModelForm[Order], change: bool
    ) -> None:
        if not change:
            orders.place_order(obj)
            return
        changes = _changes(form)
        wanted, obj.status = changes.pop("status", None), form.initial["status"]
        orders.revise_order(obj, changes, wanted)

    def delete_model(self, request: HttpRequest, obj: Order) -> None:
        orders.delete_order(obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        for order in queryset:
            orders.delete_order(order)

    @action(description="Mark as processing", permissions=["change"])
    def mark_processing(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._move_all(request, queryset, Order.Status.PROCESSING)

    @action(description="Mark as completed", permissions=["change"])
    def mark_completed(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._move_all(request, queryset, Order.Status.COMPLETED)

    @action(description="Cancel", permissions=["change"])
    def mark_cancelled(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._move_all(request, queryset, Order.Status.CANCELLED)

    def _move_all(self, request: HttpRequest, queryset: QuerySet[Order], status: str) -> None:
        moved, refused = orders.change_statuses(queryset, status)
        if moved:
            self.message_user(request, f"{moved} now {status.lower()}.", messages.SUCCESS)
        for refusal in refused[:SHOWN_REFUSALS]:
            self.message_user(request, str(refusal), messages.ERROR)
        if more := len(refused[SHOWN_REFUSALS:]):
            self.message_user(request, f"{more} more could not be moved either.", messages.ERROR)
