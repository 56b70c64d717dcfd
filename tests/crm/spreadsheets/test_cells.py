"""What a person means by a cell, and what they are told where it means nothing."""
# ruff: noqa: DTZ001  # the dates of a spreadsheet know no time zone

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from import_export.widgets import Widget

from crm.models import Order
from crm.spreadsheets import cells
from tests import factories
from tests.crm.spreadsheets.sheets import no_such_country, no_such_phone

NAIROBI = ZoneInfo("Africa/Nairobi")


def refusal_of(cell: Widget, value: Any, row: dict[str, Any] | None = None) -> str:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # its words are what the caller checks
        cell.clean(value, row=row)
    return str(refusal.value)


# --- Phones -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0722 000000", "", "+254722000000"),
        ("0722-000-000", "Kenya", "+254722000000"),
        ("722000000", "KE", "+254722000000"),  # a spreadsheet ate the 0
        ("254722000000", "", "+254722000000"),
        ("+254 722 000 000", "", "+254722000000"),
        ("000254722000000", "", "+254722000000"),  # 000 is how Kenya dials abroad
        ("+254722000000", "Germany", "+254722000000"),
        ("030-0074321", "Germany", "+49300074321"),
        ("030-0074321", " germany ", "+49300074321"),
        ("030-0074321", "Deutschland", "+49300074321"),
        ("030-0074321", "Allemagne", "+49300074321"),
        ("0712 345 678", "Tanzania", "+255712345678"),
        ("(020) 7946 0958", "UK", "+442079460958"),
        ("(020) 7946 0958", "United Kingdom", "+442079460958"),
        ("(020) 7946 0958", "England", "+442079460958"),
        ("(503) 555-7555", "USA", "+15035557555"),
        ("(503) 555-7555", "United States", "+15035557555"),
        ("(503) 555-7555", "us", "+15035557555"),
        ("(503) 555-7555", "Estados Unidos", "+15035557555"),
        ("011-4988260", "Italia", "+390114988260"),
        ("090-1790-1357", "日本", "+819017901357"),
    ],
)
def test_a_phone_is_read_as_it_is_dialled_in_the_country_of_its_row(
    text: str, country: str, expected: str
) -> None:
    assert cells.PhoneNumber().clean(text, row={"country": country}) == expected


def test_a_sheet_needs_no_country_for_the_phones_of_the_business() -> None:
    assert cells.PhoneNumber().clean("0722 000000", row={}) == "+254722000000"
    assert cells.PhoneNumber().clean("0722 000000") == "+254722000000"


@pytest.mark.parametrize(
    ("text", "country", "message"),
    [
        ("", "Kenya", "The row has no phone number."),
        (
            "IT",
            "",
            no_such_phone("IT", "KE"),
        ),
        (
            "(5) 555-4729",
            "Mexico",
            no_such_phone("(5) 555-4729", "MX"),
        ),
        (
            "0722 000000",
            "Narnia",
            no_such_country("Narnia"),
        ),
    ],
)
def test_a_phone_that_cannot_be_is_told(text: str, country: str, message: str) -> None:
    assert refusal_of(cells.PhoneNumber(), text, {"country": country}) == message


# --- Amounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1299.99", "1299.99"),
        ("1,299.99", "1299.99"),
        ("1,234,567", "1234567"),
        (" 5 ", "5"),
        ("-5", "-5"),  # refused later, by the order
        ("1.999", "1.999"),  # so is this
        ("00012", "12"),
    ],
)
def test_an_amount_is_read_exactly(text: str, expected: str) -> None:
    assert cells.Amount().clean(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    ["KES 5", "1.299,99", "12,99", "1,2345", "1e5", "NaN", "Infinity", "١٢", "5.", ".5", "9" * 31],
)
def test_an_amount_that_could_be_read_in_two_ways_or_none_is_told(text: str) -> None:
    assert refusal_of(cells.Amount(), text) == f"“{text}” is not an amount. Write it as 1299.99."


def test_an_amount_that_is_missing_is_told() -> None:
    assert refusal_of(cells.Amount(), " ") == "The row has no amount."


def test_a_date_is_no_amount() -> None:
    assert refusal_of(cells.Amount(), datetime(2026, 1, 5)).startswith(
        "“2026-01-05T00:00:00” is not an amount."
    )


# --- Dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-12-31", datetime(2026, 12, 31)),
        ("2026-12-31 14:30", datetime(2026, 12, 31, 14, 30)),
        ("2026-12-31T14:30:15", datetime(2026, 12, 31, 14, 30, 15)),
        ("31/12/2026", datetime(2026, 12, 31)),
        ("3/4/2026", datetime(2026, 4, 3)),
        ("31.12.2026", datetime(2026, 12, 31)),
        ("31-12-2026 14:30", datetime(2026, 12, 31, 14, 30)),
        (" 2026-12-31 ", datetime(2026, 12, 31)),
        (datetime(2026, 12, 31, 14, 30), datetime(2026, 12, 31, 14, 30)),
        (date(2026, 12, 31), datetime(2026, 12, 31)),
    ],
)
def test_a_time_without_a_zone_is_that_of_the_business(value: Any, expected: datetime) -> None:
    moment = cells.Moment().clean(value)
    assert moment == expected.replace(tzinfo=NAIROBI)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-31T14:30:00Z", datetime(2026, 12, 31, 14, 30, tzinfo=UTC)),
        ("2026-12-31T14:30:00+03:00", datetime(2026, 12, 31, 11, 30, tzinfo=UTC)),
        ("2026-12-31 14:30:00-05:00", datetime(2026, 12, 31, 19, 30, tzinfo=UTC)),
    ],
)
def test_a_time_with_an_offset_is_taken_at_its_word(text: str, expected: datetime) -> None:
    assert cells.Moment().clean(text) == expected


@pytest.mark.parametrize(
    "text", ["12/31/2026", "30/02/2026", "2026-02-30", "31/12/26", "yesterday", "46000", "25:00"]
)
def test_a_date_that_cannot_be_is_told(text: str) -> None:
    assert refusal_of(cells.Moment(), text) == (
        f"“{text}” is not a date. Write it as 2026-12-31 or 31/12/2026."
    )


def test_an_exported_time_is_that_of_the_business_in_whole_seconds() -> None:
    rendered = cells.Moment().render(datetime(2026, 9, 21, 12, 30, 15, 999999, tzinfo=UTC))
    assert rendered.isoformat() == "2026-09-21T15:30:15+03:00"
    assert cells.Moment().render(None) is None


# --- Words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("en", "en"), ("SW", "sw"), ("English", "en"), ("kiswahili", "sw")],
)
def test_a_language_is_known_by_its_code_and_its_name(text: str, expected: str) -> None:
    assert cells.Language().clean(text) == expected


def test_a_language_in_which_no_text_is_written_is_told() -> None:
    assert refusal_of(cells.Language(), "Français") == (
        "“Français” is not a language of texts. Write en or sw."
    )


def test_a_status_is_read_in_any_case() -> None:
    assert cells.Status().clean("Completed") == "COMPLETED"


def test_a_status_that_is_not_known_is_told_with_those_that_are() -> None:
    assert refusal_of(cells.Status(), "shipped") == (
        "“SHIPPED” is not a status. Write one of PENDING, PROCESSING, COMPLETED, CANCELLED."
    )


@pytest.mark.parametrize(
    "cell", [cells.Code(), cells.Language(), cells.Status(), cells.Moment(), cells.Reference()]
)
def test_an_empty_cell_says_nothing(cell: Widget) -> None:
    assert cell.clean("") is None


def test_small_letters_of_a_code_are_capitals() -> None:
    assert cells.Code().clean(" cust001 ") == "CUST001"


@pytest.mark.django_db
def test_a_customer_is_known_by_their_code() -> None:
    customer = factories.customer(code="CUST001")
    assert cells.CustomerByCode().clean("cust001") == customer
    assert cells.CustomerByCode().render(customer) == "CUST001"
    assert cells.CustomerByCode().render(None) == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "The row has no customer code."),
        ("nobody", "There is no customer with the code “NOBODY”. Add the customer first."),
    ],
)
def test_a_customer_who_is_not_there_is_told(code: str, message: str) -> None:
    assert refusal_of(cells.CustomerByCode(), code) == message


@pytest.mark.django_db
def test_an_order_number_is_one_that_is_there() -> None:
    order: Order = factories.order()
    assert cells.OrderNumber().clean(order.order_number) == order.order_number
    assert refusal_of(cells.OrderNumber(), "XX20260101000000-AAAA") == (
        "There is no order XX20260101000000-AAAA. For a new one, leave the cell empty."
    )


def test_a_text_of_nothing_is_an_empty_cell() -> None:
    assert cells.Text().render(None) == ""
