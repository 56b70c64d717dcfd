"""How a phone is written, where it may be, and what is none."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from sms.phone_numbers import (
    find_phone_part,
    national_form,
    parse_phone_number,
    region_named,
    takes_texts,
    validate_phone_number,
)


@pytest.mark.parametrize(
    "text", ["0722000000", "0722 000 000", "+254 722 000000", "254722000000", "(0722) 000-000"]
)
def test_a_kenyan_phone_is_understood_however_it_is_written(text: str) -> None:
    assert parse_phone_number(text) == "+254722000000"


def test_a_region_says_whose_national_form_is_meant() -> None:
    assert parse_phone_number("020 7946 0018", "GB") == "+442079460018"
    with pytest.raises(ValidationError, match="is not a valid phone number in KE"):
        parse_phone_number("020 7946 0018")


@pytest.mark.parametrize(
    "text",
    ["", "none", "12", "0722", "+25472200000000", "+999722000000", "0722CALLME", "INV-0722000000"],
)
def test_what_is_no_phone_says_what_to_write(text: str) -> None:
    with pytest.raises(ValidationError, match="Write it as it is dialled there"):
        parse_phone_number(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0722", "722"),
        ("0722 000", "722000"),
        ("+254 72", "25472"),
        ("254 722 0", "2547220"),
        ("0044", "044"),
    ],
)
def test_a_part_of_a_phone_is_within_the_phone(text: str, part: str) -> None:
    assert find_phone_part(text) == part


@pytest.mark.parametrize(
    "text", ["", "072", "722 000", "2026-001", "0722-0", "0722x", "07²²", "+", "0 0 0", "Till 0722"]
)
def test_what_may_be_anything_is_no_part_of_a_phone(text: str) -> None:
    assert find_phone_part(text) is None


def test_where_no_digit_comes_before_a_number_at_home_none_is_left_out(settings: Any) -> None:
    settings.DEFAULT_REGION = "TZ"
    assert find_phone_part("0755 1") == "7551"
    settings.DEFAULT_REGION = "IT"  # a fixed line's 0 is a part of it
    assert find_phone_part("0612") is None
    assert find_phone_part("+39 06") == "3906"


def test_stored_phones_are_e164() -> None:
    validate_phone_number("+254722000000")
    validate_phone_number("+442079460018")


@pytest.mark.parametrize(
    "value",
    [
        "0722000000",
        "254722000000",
        "+254 722000000",
        "+2540722000000",
        "+254722",
        "+999722000000",
        "+٢٥٤722000000",
        "",
        "+254722000000\n",
    ],
)
def test_any_other_form_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="with \\+ and the country code"):
        validate_phone_number(value)


def test_people_at_home_read_the_national_form() -> None:
    assert national_form("+254722000000") == "0722 000000"
    assert national_form("+442079460018") == "+44 20 7946 0018"


@pytest.mark.parametrize(
    ("phone_number", "may"),
    [
        ("+254722000000", True),
        ("+254202222222", False),  # a fixed line in Nairobi
        ("+254800720000", False),  # free to call
        ("+254900223000", False),  # dear to call
        ("+442079460018", False),
        ("+12025550123", True),  # in North America nobody can tell
    ],
)
def test_a_text_gets_to_no_number_that_is_surely_not_mobile(phone_number: str, may: bool) -> None:
    assert takes_texts(phone_number) is may


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("Kenya", "KE"),
        ("ke", "KE"),
        (" UK ", "GB"),
        ("USA", "US"),
        ("Deutschland", "DE"),
        ("Germany", "DE"),
        ("Tanzania", "TZ"),
        ("Ujerumani", "DE"),
        ("Afrika Kusini", "ZA"),
    ],
)
def test_a_country_is_known_by_its_names_and_its_code(country: str, region: str) -> None:
    assert region_named(country) == region


def test_an_unknown_country_says_what_to_write() -> None:
    with pytest.raises(ValidationError, match="such as Kenya or KE"):
        region_named("Atlantis")
