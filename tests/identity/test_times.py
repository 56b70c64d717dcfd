"""Moments as people say them, by the clock of the business."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from identity import times

NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)  # 15:00 in Nairobi


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=3, minutes=59), "3 hours ago"),
        (timedelta(hours=15), "15 hours ago"),  # midnight
        (timedelta(hours=15, minutes=1), "yesterday 23:59"),
        (timedelta(hours=39), "yesterday 00:00"),
        (timedelta(hours=40), "19 Sep 23:00"),
        (timedelta(days=263), "1 Jan 15:00"),
        (timedelta(days=264), "31 Dec 2025"),
        (-timedelta(seconds=1), "today 15:00"),
        (-timedelta(hours=9), "tomorrow 00:00"),
        (-timedelta(days=2), "23 Sep 15:00"),
        (-timedelta(days=365), "21 Sep 2027"),
    ],
)
def test_a_moment_is_told_as_people_say_it(passed: timedelta, words: str) -> None:
    assert times.words_for(NOW - passed, NOW) == words


def test_some_hours_ago_is_said_so_also_after_midnight() -> None:
    one_at_night = datetime(2026, 9, 20, 22, 0, tzinfo=UTC)
    assert times.words_for(one_at_night - timedelta(hours=5), one_at_night) == "5 hours ago"


def test_the_exact_time_stands_behind_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    assert times.ago(NOW - timedelta(hours=2)) == (
        '<time datetime="2026-09-21T13:00:00+03:00" title="21 Sep 2026 13:00:00">2 hours ago</time>'
    )


def test_a_column_has_nothing_where_there_is_no_time() -> None:
    class Row:
        seen_at = None

    column: Any = times.time_column("seen_at", "Seen")
    assert (column.short_description, column.admin_order_field) == ("Seen", "seen_at")
    assert column(None, Row()) is None
