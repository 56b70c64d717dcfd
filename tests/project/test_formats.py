"""Dates, numbers and money are written as in Kenya, in both languages."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import date as date_filter
from django.template.defaultfilters import floatformat
from django.utils import formats, timezone, translation

from identity import times

MOMENT = datetime(2026, 10, 5, 11, 5, tzinfo=UTC)  # 14:05 in Nairobi


@pytest.mark.parametrize(("language", "month"), [("en", "Oct"), ("sw", "Okt")])
def test_a_date_has_its_month_in_words_and_a_time_24_hours(language: str, month: str) -> None:
    with translation.override(language):
        assert formats.localize(date(2026, 10, 5)) == f"5 {month} 2026"
        assert formats.localize(time(14, 5)) == "14:05"
        assert formats.localize(timezone.localtime(MOMENT)) == f"5 {month} 2026 14:05"
        assert date_filter(MOMENT, "SHORT_DATE_FORMAT") == f"5 {month} 2026"
        assert times.words_for(MOMENT, MOMENT.replace(day=9)) == f"5 {month} 14:05"


@pytest.mark.parametrize("language", ["en", "sw"])
def test_a_number_and_an_amount_are_written_alike(language: str) -> None:
    with translation.override(language):
        assert intcomma(80405) == "80,405"
        assert floatformat(Decimal(80405), "2g") == "80,405.00"
        assert floatformat(Decimal("0.8"), "2u") == "0.80"
        assert formats.localize(Decimal("80405.00")) == "80405.00"  # as a field takes it


@pytest.mark.parametrize("language", ["en", "sw"])
def test_a_date_is_read_as_kenyans_write_it(language: str) -> None:
    with translation.override(language):
        field = forms.DateField(localize=True)
        for written in ("2026-10-05", "05/10/2026", "5.10.2026"):
            assert field.clean(written) == date(2026, 10, 5)
        with pytest.raises(forms.ValidationError):
            field.clean("10/31/2026")


def test_how_long_ago_is_told_in_swahili() -> None:
    with translation.override("sw"):
        now = MOMENT
        assert times.words_for(now.replace(hour=8), now) == "saa 3 zilizopita"
        assert times.words_for(now.replace(minute=4), now) == "dakika 1 iliyopita"
        assert times.words_for(now.replace(day=4), now) == "jana 14:05"
