"""What the screens have in common: their saves are operations."""

from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin

from crm.admin.refusals import REFUSALS, telling
from crm.errors import Refusal
from crm.spreadsheets.admin import SpreadsheetAdmin
from sms.phone_numbers import find_phone_number


class OperationsAdmin(SpreadsheetAdmin, SimpleHistoryAdmin, ModelAdmin):
    """A screen whose saves and deletes are operations, which may refuse."""

    list_per_page = 25
    show_full_result_count = False
    actions_on_top = True
    search_fields = ("search_text",)  # that there is a search; what it finds is said below

    class Media:
        css: ClassVar = {"all": ["sms/records.css", "crm/lists.css"]}

    # The transaction around a save or a delete is undone by the time the refusal gets here.

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except REFUSALS as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]  # for the form, below
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        refusal = getattr(request, "refusal", None)
        return telling(form, refusal) if refusal else form

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


def changes_of(form: ModelForm[Any]) -> dict[str, Any]:
    """What somebody changed on the page: the rest is as the row is by now, not as they saw it."""
    return {name: form.cleaned_data[name] for name in form.changed_data}
