"""The two steps of an import as forms, and the one of an export."""

from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from unfold.contrib.import_export.forms import ImportForm as UnfoldImportForm
from unfold.widgets import UnfoldBooleanSwitchWidget

from crm.spreadsheets.reading import FORMATS, MAX_BYTES, MAX_ROWS, format_of

_SALT = "crm.spreadsheets.uploaded"


class UploadForm(UnfoldImportForm):
    """A file, and for orders whether to text the customers. The format is told by the file."""

    field_order = ("import_file", "text_customers")

    def __init__(
        self, formats: Any, resources: Any, *, asks_to_text: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(formats, resources, **kwargs)
        self.fields["format"].required = False
        self.fields["format"].widget = forms.HiddenInput()
        file_field = self.fields["import_file"]
        file_field.label = _("Spreadsheet")
        told = _("CSV or XLSX, up to {most} rows. Columns are matched by their names.")
        file_field.help_text = told.format(most=f"{MAX_ROWS:,}")
        file_field.widget.attrs["accept"] = ".csv,.tsv,.txt,.xlsx"
        if asks_to_text:
            self.fields["text_customers"] = forms.BooleanField(
                label=_("Text the customers"),
                required=False,
                help_text=_(
                    "Each new order is texted to its customer, at your cost. Off: nobody is."
                ),
                widget=UnfoldBooleanSwitchWidget,
            )
            self.order_fields(self.field_order)

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if format_of(file.name) is None:
            raise forms.ValidationError(_("Choose a CSV or XLSX file."))
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 10 MB. Split it."))
        return file

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "import_file" in data:
            data["format"] = str(FORMATS.index(format_of(data["import_file"].name)))
            self.errors.pop("format", None)
        return data


class ConfirmForm(forms.Form):
    """What the check was about. The name of the stored upload is signed: it is a file's name."""

    import_file_name = forms.CharField(widget=forms.HiddenInput)
    original_file_name = forms.CharField(widget=forms.HiddenInput)
    format = forms.TypedChoiceField(
        coerce=str, choices=[(str(i), i) for i in range(len(FORMATS))], widget=forms.HiddenInput
    )
    text_customers = forms.BooleanField(widget=forms.HiddenInput, required=False)

    def clean_import_file_name(self) -> str:
        try:
            return str(signing.loads(self.cleaned_data["import_file_name"], salt=_SALT))
        except signing.BadSignature:
            raise forms.ValidationError(_("Upload the file again.")) from None


def signed_name(file_name: str) -> str:
    """The name of a stored upload as the confirmation carries it."""
    return signing.dumps(file_name, salt=_SALT)
