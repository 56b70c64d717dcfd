"""What does a person mean by this cell? Widgets of django-import-export, one for each kind.

``clean`` raises ValueError with words for the person whose sheet it is, and returns None where an
empty cell leaves the value as it is; ``render`` gives what the format then writes in its own way.
"""

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from import_export.widgets import Widget

from crm.amounts import parse_amount
from crm.models import Customer, Merge, Order
from sms.phone_numbers import is_forgotten, parse_phone_number, region_named


class Text(Widget):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        return _as_text(value)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Code(Text):
    """A customer's code; small letters are taken for capitals."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        return _as_text(value).upper() or None


class Reference(Text):
    """The number that an order has elsewhere."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        return _as_text(value) or None


class OrderNumber(Reference):
    """The number that an order has here: one that is not there cannot be made by a sheet."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        number = super().clean(value)
        if number and not Order.objects.filter(order_number=number).exists():
            told = _("There is no order {number}. For a new one, leave the cell empty.")
            raise ValueError(told.format(number=number))
        return number


class PhoneNumber(Text):
    """A phone in E.164, or in the national form of the row's country, else of the sheet's."""

    region: str | None = None  # the country of a row that names none; None: the business's own

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = _as_text(value)
        if not text:
            raise ValueError(_("The row has no phone number."))
        country = _as_text((row or {}).get("country", ""))
        try:
            return parse_phone_number(text, region_named(country) if country else self.region)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from None

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if is_forgotten(value) else super().render(value, obj, **kwargs)


class Language(Text):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        text = _as_text(value).casefold()
        for language in Customer.Language:
            if text in {language.value, language.label.casefold()}:
                return language.value
        if not text:
            return None
        told = _("“{text}” is not a language of texts. Write en or sw.")
        raise ValueError(told.format(text=_as_text(value)))


def _kept(code: str) -> Customer | None:
    merge = Merge.objects.filter(code=code).select_related("kept").first()
    return merge.kept if merge else None


class CustomerByCode(Text):
    """The customer whom an order names, be it by the code of a record that went into theirs."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Customer:  # type: ignore[override]  # a row, not its text
        code = _as_text(value).upper()
        if not code:
            raise ValueError(_("The row has no customer code."))
        customer = Customer.objects.filter(code=code).first() or _kept(code)
        if customer is None:
            told = _("There is no customer with the code “{code}”. Add the customer first.")
            raise ValueError(told.format(code=code))
        return customer

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.code if value else ""


class Amount(Widget):
    """A decimal number; commas may mark the thousands."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal:
        text = _as_text(value)
        if not text:
            raise ValueError(_("The row has no amount."))
        return parse_amount(text)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return value


class Moment(Widget):
    """ISO 8601, day first (31/12/2026), or a spreadsheet's own date; in the business's time zone
    where it names none."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> datetime | None:
        if value == "":
            return None
        moment = value if isinstance(value, date) else self._read(str(value))
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time.min)
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return timezone.localtime(value).replace(microsecond=0) if value else None

    def _read(self, text: str) -> date:
        iso = re.sub(r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})", r"\3-\2-\1", text.strip())
        try:
            moment = parse_datetime(iso) or parse_date(iso)
        except ValueError:  # well-formed, but no such day
            moment = None
        if moment is None:
            told = _("“{text}” is not a date. Write it as 2026-12-31 or 31/12/2026.")
            raise ValueError(told.format(text=text))
        return moment


class Status(Text):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str | None:
        text = _as_text(value).upper()
        if not text:
            return None
        if text not in Order.Status.values:
            told = _("“{text}” is not a status. Write one of {statuses}.")
            raise ValueError(told.format(text=text, statuses=", ".join(Order.Status)))
        return text


def _as_text(value: Any) -> str:
    """The cell in one line: a break in a cell is how somebody laid it out, not what they meant."""
    if isinstance(value, date):
        return value.isoformat()
    return re.sub(r"\s*[\r\n\t]\s*", " ", str(value).strip())
