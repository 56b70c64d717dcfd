"""The form by which staff take an order: who orders, what, and for how much."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.admin.sites import site
from django.contrib.admin.widgets import AutocompleteSelect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from crm.amount_field import AmountField
from crm.merging import known_by
from crm.models import Customer, Order
from identity.form_keys import OneUseForm
from sms.phone_numbers import national_form, parse_phone_number

# The facts of a new customer that the form asks for, and what its fields for them are called.
NEW_CUSTOMER: dict[str, str] = {"name": "customer_name", "phone_number": "customer_phone"}


def label_of(customer: Customer) -> str:
    """Tells customers of one name apart: ``Wanjiku Kamau, 0722 000000, CUST001``."""
    return f"{customer.name}, {national_form(customer.phone_number)}, {customer.code}"


class CustomerSearch(AutocompleteSelect):
    """Looks for customers while somebody types, with more of each than their name."""

    def __init__(self) -> None:
        super().__init__(Order._meta.get_field("customer"), site)

    def get_url(self) -> str:
        return reverse("admin:crm_order_find_customer")

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return attrs | {"data-placeholder": _("Phone, name or code")}


class CustomerChoice(forms.ModelChoiceField[Customer]):
    def label_from_instance(self, obj: Customer) -> str:
        return label_of(obj)


class TakeOrderForm(OneUseForm, forms.ModelForm[Order]):
    """An order of a known customer, or of one who is written down with it; good for one use."""

    customer = CustomerChoice(
        queryset=Customer.objects.filter(erased_at=None),
        required=False,
        label=gettext_lazy("Customer"),
        widget=CustomerSearch,
    )
    customer_name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=Customer._meta.get_field("name").max_length,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    customer_phone = forms.CharField(
        label=gettext_lazy("Phone"),
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel", "autocomplete": "off"}),
    )
    amount = AmountField()

    field_of: ClassVar = NEW_CUSTOMER  # for what a refusal says of the new customer's facts

    class Meta:
        model = Order
        fields: ClassVar = ["customer", "item", "amount", "order_time", "reference"]

    class Media:
        css: ClassVar = {"all": ("crm/take_order.css",)}
        js: ClassVar = ("crm/take_order.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = _("Amount in {currency}").format(currency=settings.CURRENCY)
        self.fields["form_key"].error_messages["required"] = _("Load the page again.")

    def clean_customer_phone(self) -> str:
        phone = self.cleaned_data["customer_phone"]
        return parse_phone_number(phone) if phone else ""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_new = any(self[name].data for name in NEW_CUSTOMER.values())
        if is_new and self["customer"].data:
            self.add_error("customer", _("Choose a customer or write down a new one, not both."))
        elif is_new:
            self._check_new_customer()
        elif not self["customer"].data:
            self.add_error("customer", _("Choose who orders, or write down a new customer."))
        return cleaned

    def _check_new_customer(self) -> None:
        for name in NEW_CUSTOMER.values():
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, forms.Field.default_error_messages["required"])
        phone = self.cleaned_data.get("customer_phone") or ""
        # Who has it now, before one into whom a record that had it was merged.
        known = Customer.objects.filter(pk__in=known_by("phone_number", phone)) if phone else ()
        if found := sorted(known, key=lambda each: each.phone_number != phone):
            self._offer(found[0], phone)

    def _offer(self, known: Customer, phone: str) -> None:
        """Show the form again with a known customer chosen in place of the new one."""
        emptied = dict.fromkeys(NEW_CUSTOMER.values(), "")
        self.data = {**self.data.dict(), **emptied, "customer": str(known.pk)}  # type: ignore[attr-defined]  # a QueryDict
        for name in NEW_CUSTOMER.values():
            self.errors.pop(name, None)
        told = _(
            "{phone} is the phone of {name}, who is chosen now. Save again to go on with them."
        )
        if known.phone_number != phone:
            told = _(
                "{phone} is the phone of a record that was merged into {name}, who is chosen now. "
                "Save again to go on with them."
            )
        self.add_error("customer", told.format(phone=national_form(phone), name=known.name))

    @property
    def new_customer(self) -> Customer | None:
        """The one who was written down, not saved yet; None where a known one was chosen."""
        facts = {name: self.cleaned_data[field] for name, field in NEW_CUSTOMER.items()}
        return Customer(**facts) if any(facts.values()) else None
