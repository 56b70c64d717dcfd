"""What people write for an amount."""

from decimal import Decimal

import pytest
from django.conf import settings

from crm.amounts import parse_amount, without_currency


@pytest.mark.parametrize(
    "text",
    [
        *("1299.5", "1,299.50", " 1299.50 ", "KES 1299.50", "kes1,299.50", "1,299.50 KES"),
        *("Ksh 1,299.50", "KSh. 1,299.50", "Kshs 1299.50", "sh 1299.50", "1299.50/=", "1,299.50/-"),
        "Ksh 1,299.50/=",
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str) -> None:
    assert parse_amount(without_currency(text)) == Decimal("1299.50")


@pytest.mark.parametrize("text", ["USD 5", "KES", "1.299,50", "12,99", "KES five", "5 5", ""])
def test_what_could_be_read_in_two_ways_or_none_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        parse_amount(without_currency(text))


def test_shillings_are_not_read_where_the_business_has_another_currency(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "CURRENCY", "EUR")
    assert without_currency("EUR 5") == "5"
    assert without_currency("Ksh 5") == "Ksh 5"
