"""The forms that staff fill in: a person writes a code in small letters and a phone as dialled."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from crm.amount_field import AmountField
from crm.errors import ChangedMeanwhile
from crm.models import Customer, CustomerNote, Order
from crm.shown_values import remember_what_was_shown, show_conflict
from crm.texting import MOST_CHARACTERS
from identity.form_keys import OneUseForm
from sms import opt_outs
from sms.phone_numbers import parse_phone_number


class CustomerForm(forms.ModelForm[Customer]):
    """A customer, with the code optional and the phone in national form or E.164."""

    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        help_text=_("As it is dialled here, such as 0722 000000, or with + and the country code."),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel", "autocomplete": "off"}),
    )
    sms_opted_out = forms.BooleanField(
        label=_("No texts"),
        required=False,
        help_text=_("The owner of this phone asked for no more texts."),
        widget=UnfoldBooleanSwitchWidget,
    )

    class Meta:
        model = Customer
        fields: ClassVar = ["name", "phone_number", "email", "language", "code", "user"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_known = bool(self.instance.code)
        if "code" in self.fields:
            self.fields["code"].required = is_known
            if not is_known:
                self.fields["code"].help_text = _("Left empty, the next free one is given.")
        if is_known:
            self.initial["sms_opted_out"] = opt_outs.is_opted_out(self.instance.phone_number)
            remember_what_was_shown(self)

    def show_conflict(self, conflict: ChangedMeanwhile) -> None:
        show_conflict(self, conflict)

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).strip().upper()

    def clean_phone_number(self) -> str:
        return parse_phone_number(self.cleaned_data["phone_number"])

    def _get_validation_exclusions(self) -> set[str]:
        exclude: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        # An empty code is no error here: the operation gives one.
        return exclude if self.cleaned_data.get("code") else exclude | {"code"}


class OrderForm(forms.ModelForm[Order]):
    """An order; on a stored one the status offers the next legal steps only."""

    amount = AmountField(label=_("Amount"))

    class Meta:
        model = Order
        fields: ClassVar = ["customer", "item", "amount", "status", "order_time", "reference"]

    class Media:
        js: ClassVar = ("crm/first_error.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.order_number:
            remember_what_was_shown(self)
        if "status" in self.fields:
            # Of a form that comes back, from where its reader saw the order.
            shown = self.data.get("initial-status")
            self.offer_steps(shown if shown in Order.MOVES else self.instance.status)

    def offer_steps(self, status: str) -> None:
        """Offer what an order with this status can become."""
        steps = [Order.Status(status), *Order.MOVES[status]]
        self.fields["status"].choices = [(step.value, step.label) for step in steps]  # type: ignore[attr-defined]  # a choice field

    def show_conflict(self, conflict: ChangedMeanwhile) -> None:
        """A step that the order can take no more is not chosen any longer."""
        show_conflict(self, conflict)
        if "status" in self.fields:
            status = self.data["initial-status"]
            self.offer_steps(status)
            if self.data["status"] not in [status, *Order.MOVES[status]]:
                self.data["status"] = status  # type: ignore[index]  # a copy of what was sent


class NoteForm(OneUseForm):
    """Something worth knowing of a customer."""

    text = forms.CharField(
        label=_("Note"),
        max_length=CustomerNote.MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class TextForm(OneUseForm):
    """What a text to one customer says."""

    text = forms.CharField(
        label=_("Text"),
        max_length=MOST_CHARACTERS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "autofocus": True}),
    )
