"""The field of a form for an amount, which takes it as people write it."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from crm.amounts import parse_amount, without_currency


class AmountField(forms.DecimalField):
    """An amount in the currency of the business; see ``crm.amounts``."""

    def __init__(self, **options: Any) -> None:
        options.setdefault(
            "widget",
            UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        )
        super().__init__(max_digits=12, decimal_places=2, min_value=Decimal("0.01"), **options)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # as Django's own, whose stubs differ
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return parse_amount(without_currency(value))
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}  # a smallest and a largest are for an input of numbers, which takes no comma
