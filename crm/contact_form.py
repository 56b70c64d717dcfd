"""What customers tell of themselves: how they are called, and where the texts to them go."""

from django import forms

from sms.phone_numbers import parse_phone_number


class ContactForm(forms.Form):
    """Who they are, and where the texts about their orders go."""

    name = forms.CharField(max_length=200, widget=forms.TextInput({"autocomplete": "name"}))
    phone_number = forms.CharField(
        max_length=40,
        help_text="Where we text you about your orders, such as 0722 000000.",
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )

    def clean_phone_number(self) -> str:
        return parse_phone_number(self.cleaned_data["phone_number"])
