"""What a value of a customer or an order may be."""

import unicodedata
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def validate_one_line(text: str) -> None:
    """Refuse control characters, a line break among them: the text goes into texts and lists.

    :raises ValidationError: it has one.
    """
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValidationError(_("Write it in one line, without control characters."), code="line")


def validate_order_time(moment: datetime) -> None:
    """Refuse what no order number can tell, and nobody means.

    :raises ValidationError: not between the years 1900 and 2200.
    """
    if not _EARLIEST <= moment < _LATEST:
        raise ValidationError(_("Enter a time between the years 1900 and 2200."), code="range")


def default_currency() -> str:
    return settings.CURRENCY
