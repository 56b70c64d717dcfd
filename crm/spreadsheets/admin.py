"""Import and export in the admin: upload, look at what it would do, run it, see what came of it."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from import_export.admin import ImportExportMixin
from import_export.results import Result, RowResult
from unfold.contrib.import_export.forms import ExportForm

from crm.spreadsheets.forms import ConfirmForm, UploadForm, signed_name
from crm.spreadsheets.reading import FORMATS, UnreadableSheet
from crm.spreadsheets.resources import OrderResource, RowProblem, SheetResource
from crm.spreadsheets.uploads import keep_upload, take_upload

SHOWN_ROWS, SHOWN_PROBLEMS = 50, 400  # a page of 300 kB at most


@dataclass(frozen=True)
class Outcome:
    """What an import did, or would do."""

    created: int
    updated: int
    unchanged: int
    problems: list[RowProblem]  # the first ones
    more_problems: int
    is_repeatable: bool  # the same sheet again would change nothing
    wrong_rows: int
    headers: list[str]
    rows: list[tuple[str, list[str]]]  # the first good ones: what becomes of each, and its cells

    @property
    def good_rows(self) -> int:
        return self.created + self.updated


class SpreadsheetAdmin(ImportExportMixin):
    """django-import-export's screens, made ours.

    Its own refuse a file for one bad row, and show every row there is. Here the good rows go in,
    the bad ones are listed, and the page stays small.
    """

    resource_classes: ClassVar[list[type[SheetResource]]]
    export_form_class = ExportForm
    formats: ClassVar = list(FORMATS)
    import_formats: ClassVar = list(FORMATS)
    export_formats: ClassVar = list(FORMATS)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Upload a sheet, and see what an import of it would do. Nothing is written."""
        self._refuse_without_permission(request)
        form = UploadForm(
            self.import_formats,
            self.resource_classes,
            data=request.POST or None,
            files=request.FILES or None,
            asks_to_text=self._asks_to_text,
        )
        if not (request.method == "POST" and form.is_valid()):
            return self._page(request, form=form)
        upload = form.cleaned_data["import_file"]
        choice = {
            "original_file_name": upload.name,
            "format": form.cleaned_data["format"],
            "text_customers": form.cleaned_data.get("text_customers", False),
        }
        data = upload.read()
        try:
            outcome = self._import(data, choice, dry_run=True)
        except UnreadableSheet as error:
            form.add_error("import_file", str(error))
            return self._page(request, form=form)
        confirm = None
        if outcome.good_rows:
            confirm = ConfirmForm(
                initial=choice | {"import_file_name": signed_name(keep_upload(data))}
            )
        return self._page(request, outcome=outcome, confirm_form=confirm, choice=choice)

    @method_decorator(require_POST)
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the import that was looked at."""
        self._refuse_without_permission(request)
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._start_again(request)
        try:
            data = take_upload(form.cleaned_data["import_file_name"])  # once: of two clicks, one
            outcome = self._import(data, form.cleaned_data, dry_run=False)
        except (FileNotFoundError, UnreadableSheet):
            return self._start_again(request)
        return self._page(request, outcome=outcome, is_done=True, choice=form.cleaned_data)

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Download the rows that the list showed."""
        try:
            return super().export_action(request)
        except IncorrectLookupParameters:  # as the list itself does: forget the filter
            return HttpResponseRedirect(request.path)

    def _import(self, data: bytes, choice: dict[str, Any], *, dry_run: bool) -> Outcome:
        """Read the sheet and run it through the resource.

        :raises UnreadableSheet: the file as a whole makes no sense.
        """
        sheet = FORMATS[int(choice["format"])]().create_dataset(data)
        resource = self.resource_classes[0](text_customers=choice["text_customers"])
        result = resource.take_in(
            sheet, choice["original_file_name"], dry_run=dry_run, keeps_instances=True
        )
        return _outcome(resource, result)

    def _page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        opts = self.model._meta
        context |= self.admin_site.each_context(request) | {
            "opts": opts,
            "title": _("Import {records}").format(records=opts.verbose_name_plural),
            "media": self.media,
        }
        return TemplateResponse(request, "crm/import.html", context)

    def _start_again(self, request: HttpRequest) -> HttpResponse:
        messages.error(request, _("This import is over or was not checked. Upload the file again."))
        return self._page(
            request,
            form=UploadForm(
                self.import_formats, self.resource_classes, asks_to_text=self._asks_to_text
            ),
        )

    @property
    def _asks_to_text(self) -> bool:
        return self.resource_classes[0] is OrderResource

    def _refuse_without_permission(self, request: HttpRequest) -> None:
        if not self.has_import_permission(request):
            raise PermissionDenied


def _outcome(resource: SheetResource, result: Result) -> Outcome:
    problems = list(resource.problems(result))
    shown = islice((row for row in result.rows if row.is_valid()), SHOWN_ROWS)
    labels = {"new": _("New"), "update": _("Update"), "skip": _("Unchanged")}
    fields = [
        field for field in resource.get_import_fields() if field.column_name in resource.headers
    ]
    return Outcome(
        created=result.totals[RowResult.IMPORT_TYPE_NEW],
        updated=result.totals[RowResult.IMPORT_TYPE_UPDATE],
        unchanged=result.totals[RowResult.IMPORT_TYPE_SKIP],
        problems=problems[:SHOWN_PROBLEMS],
        more_problems=max(0, len(problems) - SHOWN_PROBLEMS),
        is_repeatable=resource.is_repeatable,
        wrong_rows=len({problem.row for problem in problems}),
        headers=resource.get_export_headers([field.column_name for field in fields]),
        rows=[
            (
                labels[row.import_type],
                [str(resource.export_field(field, row.instance) or "") for field in fields],
            )
            for row in shown
        ],
    )
