"""The form by which customers place an order."""

from decimal import Decimal

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Order
from identity.form_keys import OneUseForm


class PlaceOrderForm(OneUseForm):
    """What is wanted, and for how much. ``place_own_order`` checks the rest, as for the API."""

    item = forms.CharField(
        label=gettext_lazy("What would you like?"),
        max_length=Order._meta.get_field("item").max_length,
    )
    amount = forms.DecimalField(
        max_digits=12,
        decimal_places=2,
        min_value=Decimal("0.01"),
        widget=forms.NumberInput(attrs={"inputmode": "decimal"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = _("Amount in {currency}").format(currency=settings.CURRENCY)

    def new_order(self) -> Order:
        """The order that the form describes, not saved yet, and nobody's yet."""
        return Order(item=self.cleaned_data["item"], amount=self.cleaned_data["amount"])
