"""What amount does a person mean who writes it? ``1299.99``, ``1,299.99``, ``KES 1,299.99``."""

import re
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

_IN_GROUPS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_EVERYDAY_NAMES = {"KES": r"KSHS?|SHS?"}  # what people write for the code of a currency


def parse_amount(text: str) -> Decimal:
    """A decimal number, in which commas may mark the thousands.

    :raises ValueError: it is none, or could be read in two ways; with words for who wrote it.
    """
    number = text.replace(",", "") if _IN_GROUPS.fullmatch(text) else text
    if not _PLAIN.fullmatch(number):
        raise ValueError(_("“{text}” is not an amount. Write it as 1299.99.").format(text=text))
    return Decimal(number)


def without_currency(text: str) -> str:
    """An amount in the currency of the business without its name, and without ``/=`` behind it."""
    names = "|".join(filter(None, [settings.CURRENCY, _EVERYDAY_NAMES.get(settings.CURRENCY)]))
    around = rf"^(?:{names})\.?\s*(?=-?[0-9])|(?<=[0-9])\s*(?:{names}|/[=-])$"
    return re.sub(around, "", text.strip(), flags=re.IGNORECASE)
