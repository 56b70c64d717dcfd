"""What customers tell of themselves: how they are called, and where the texts to them go."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sms.phone_numbers import parse_phone_number, takes_texts


class ContactForm(forms.Form):
    """Who they are, and where the texts about their orders go."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, widget=forms.TextInput({"autocomplete": "name"})
    )
    phone_number = forms.CharField(
        label=gettext_lazy("Phone number"),
        max_length=40,
        help_text=gettext_lazy("Where we text you about your orders, such as 0722 000000."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )

    def clean_phone_number(self) -> str:
        phone_number = parse_phone_number(self.cleaned_data["phone_number"])
        if not takes_texts(phone_number):
            raise ValidationError(_("No text gets to this number. Enter that of a mobile phone."))
        return phone_number
