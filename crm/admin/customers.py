"""The screens of customers."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from crm import audience, customers, duplicates, merging
from crm.admin import (
    customer_distinctions,
    customer_erasing,
    customer_merging,
    customer_notes,
    customer_texting,
)
from crm.admin.customer_page import REACH_COLOURS, back_to, page_of, reach_of
from crm.admin.lists.tools import ListTools
from crm.admin.operations import OperationsAdmin, changes_of
from crm.errors import CustomerIsErased
from crm.forms import CustomerForm
from crm.models import Customer, CustomerQuerySet, ViewedList
from crm.shown_values import seen_on
from crm.spreadsheets.resources import CustomerResource
from identity.signed_in import staff_of
from identity.times import time_column
from sms import opt_outs, reach
from sms.broadcasts import drafts
from sms.errors import BroadcastRefusal
from sms.models import ConsentSource
from sms.opt_outs import Word
from sms.phone_numbers import national_form

_NO_MOBILE = _("{phone} is not a mobile number: no text gets there. Ask for a mobile number.")


def _paragraphs(lines: Iterable[str]) -> SafeString:
    return format_html_join("", "<p>{}</p>", ((line,) for line in lines))


def _word(request: HttpRequest, *, opted_out: bool) -> Word:
    return Word(wants_texts=not opted_out, source=ConsentSource.STAFF, said_by=staff_of(request))


class TextsFilter(admin.SimpleListFilter):
    """Who is texted, and why others are not. Of what kind a phone is, no query can tell."""

    title = _("texts")
    parameter_name = "texts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("yes", pgettext_lazy("to a customer", "Sent")),
            ("opted_out", _("Opted out")),
            ("unreachable", _("Unreachable")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        """Of the list's own, which says of each whether they opted out and are reached."""
        conditions = {
            "yes": Q(sms_opted_out=False, unreachable=None),
            "opted_out": Q(sms_opted_out=True),
            "unreachable": Q(unreachable__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class LikenessFilter(admin.SimpleListFilter):
    """Who may be there twice. A customer's page knows more of them, and why."""

    title = _("likely the same person")
    parameter_name = "alike"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("name_key", _("Another with the same name")),
            ("email", _("Another with the same email")),
        ]

    def queryset(self, request: HttpRequest, queryset: CustomerQuerySet) -> CustomerQuerySet:  # type: ignore[override]  # it is these
        known = self.value()
        is_known = known in ("name_key", "email")
        return duplicates.sharing(queryset, known) if known and is_known else queryset


@admin.register(Customer)
class CustomerAdmin(ListTools, OperationsAdmin):
    form = CustomerForm
    change_form_outer_before_template = "crm/customer.html"
    change_form_outer_after_template = "crm/customer_changes.html"
    viewed = ViewedList.CUSTOMERS
    more_columns = ("language", "changed")
    resource_classes: ClassVar = [CustomerResource]
    list_display = ("name", "code", "phone", "email", "texts_wanted", "added")
    list_filter = (TextsFilter, LikenessFilter, ("language", ChoicesDropdownFilter))
    search_help_text = _("Name, code, phone or email")
    ordering = ("-created_at", "-id")
    added = time_column("created_at", _("Added"))
    changed = time_column("updated_at", _("Changed"))
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at", "updated_at", "consent", "reached")
    actions = ("text_them",)
    fieldsets = (
        (None, {"fields": ("name", "phone_number", "email", "language", "sms_opted_out")}),
        (_("Texts"), {"fields": ("consent", "reached")}),
        (_("Records"), {"fields": ("code", "user", "created_at", "updated_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        """To link an account is to let it see the customer's orders: not for all who sell."""
        if obj is not None and obj.is_erased:
            return ((None, {"fields": ("code", "created_at", "updated_at")}),)
        facts, texts, (title, options) = self.fieldsets
        hidden = set() if request.user.has_perm(merging.LINK_ACCOUNTS) else {"user"}
        shown = tuple(name for name in options["fields"] if name not in hidden)
        known = () if obj is None else (texts,)  # of a new one, nobody said anything yet
        return (facts, *known, (title, {"fields": shown}))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if customer := context.get("original"):
            context |= page_of(customer, staff_of(request))
        return super().render_change_form(request, context, *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        is_erased = obj is not None and obj.is_erased
        return not is_erased and super().has_change_permission(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where a customer is chosen, such as for an order, not one who was forgotten."""
        is_choice = request.path == reverse("admin:autocomplete")
        known = queryset.filter(erased_at=None) if is_choice else queryset
        return super().get_search_results(request, known, search_term)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Who saves a page whose customer was forgotten meanwhile is told so, on what it is now."""
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except PermissionDenied:
            customer = self.get_object(request, object_id) if object_id else None
            if (
                customer is None
                or not customer.is_erased
                or not self.has_change_permission(request)
            ):
                raise
            return self._told(request, CustomerIsErased(customer))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).with_opt_out().with_reach()

    @display(description=_("Phone"), ordering="phone_number")
    def phone(self, customer: Customer) -> str:
        return national_form(customer.phone_number)

    @display(description=_("Texts"), label=REACH_COLOURS)
    def texts_wanted(self, customer: Customer) -> tuple[str, str]:
        known = reach_of(customer)
        return known.value, str(known.label)

    @display(description=_("What was said of texts"))
    def consent(self, customer: Customer) -> SafeString | str:
        said = opt_outs.history_of(customer.phone_number)
        return _paragraphs(map(opt_outs.describe, said)) or gettext("Nothing: texts are sent.")

    @display(description=_("Reached by text"))
    def reached(self, customer: Customer) -> str:
        obstacle = reach.obstacle_of(customer.phone_number)
        return obstacle or gettext("Nothing is known to keep texts away.")

    def get_urls(self) -> list[URLPattern]:
        rooms = (
            *(customer_notes, customer_texting),
            *(customer_distinctions, customer_merging, customer_erasing),
        )
        return [*(door for room in rooms for door in room.doors(self)), *super().get_urls()]

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """The address of a record that was merged leads to the one it went into."""
        kept = merging.kept_for(pk=object_id)
        if kept is None or not self.has_view_permission(request, kept):
            return super()._get_obj_does_not_exist_redirect(request, opts, object_id)
        told = _("That record was merged into this one, as it says below.")
        self.message_user(request, told, messages.INFO)
        return back_to(kept)

    def save_model(
        self, request: HttpRequest, obj: Customer, form: ModelForm[Customer], change: bool
    ) -> None:
        word = _word(request, opted_out=form.cleaned_data["sms_opted_out"])
        if change:
            changes = changes_of(form)
            is_said = changes.pop("sms_opted_out", None) is not None
            said = word if is_said else None
            customers.update_customer(obj, changes, seen=seen_on(form), word=said)
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

    @action(description=_("Text them"), permissions=["text"])
    def text_them(self, request: HttpRequest, queryset: CustomerQuerySet) -> HttpResponse | None:
        """Begin a broadcast to these; what it says is written on the page that follows."""
        try:
            begun = drafts.choose_people(audience.people_of(queryset), staff_of(request))
        except BroadcastRefusal as refusal:
            return self.message_user(request, str(refusal), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:sms_broadcast_words", args=[begun.pk]))
