"""Matching the columns of somebody's sheet with our fields."""

import pytest

from crm.spreadsheets.columns import CUSTOMER_COLUMNS, ORDER_COLUMNS, match_columns


@pytest.mark.parametrize("known", [CUSTOMER_COLUMNS, ORDER_COLUMNS])
def test_every_name_of_a_field_finds_that_field(known: dict[str, tuple[str, ...]]) -> None:
    for field, names in known.items():
        for name in names:
            assert field in match_columns([name], known), name


@pytest.mark.parametrize(
    "header", ["Phone number", "PHONE NUMBER", "phone_number", "Phone-Number:", "PhoneNumber"]
)
def test_capitals_spaces_and_punctuation_do_not_count(header: str) -> None:
    assert match_columns([header], CUSTOMER_COLUMNS) == {"phone_number": 0}


def test_the_columns_of_northwind_are_found() -> None:
    headers = ["CustomerID", "CompanyName", "ContactName", "Address", "Country", "Phone", "Fax"]
    assert match_columns(headers, CUSTOMER_COLUMNS) == {
        "code": 0,
        "name": 1,
        "country": 4,
        "phone_number": 5,
    }
    headers = ["Order Ref", "Customer Code", "Item", "Amount", "Order Date", "Shipped Date"]
    assert match_columns(headers, ORDER_COLUMNS) == {
        "reference": 0,
        "customer_code": 1,
        "item": 2,
        "amount": 3,
        "order_time": 4,
    }


def test_swahili_columns_are_found() -> None:
    assert match_columns(["Jina", "Namba ya simu", "Nchi", "Lugha"], CUSTOMER_COLUMNS) == {
        "name": 0,
        "phone_number": 1,
        "country": 2,
        "language": 3,
    }
    assert match_columns(["Mteja", "Bidhaa", "Kiasi", "Tarehe"], ORDER_COLUMNS) == {
        "customer_code": 0,
        "item": 1,
        "amount": 2,
        "order_time": 3,
    }


def test_the_better_name_of_a_field_wins_wherever_it_stands() -> None:
    assert match_columns(["Mobile", "Phone number"], CUSTOMER_COLUMNS) == {"phone_number": 1}
    assert match_columns(["Phone number", "Mobile"], CUSTOMER_COLUMNS) == {"phone_number": 0}


def test_columns_that_are_no_field_are_left_alone_also_when_there_are_two_of_them() -> None:
    assert match_columns(["Fax", "", "Fax", "", "Name"], CUSTOMER_COLUMNS) == {"name": 4}


def test_two_columns_of_the_same_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Two columns are named “Phone”. Rename one\.$"):
        match_columns(["Phone", "Name", "PHONE"], CUSTOMER_COLUMNS)
