"""When do broadcasts wait?"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from sms.quiet_hours import quiet_until

NIGHT = (time(20), time(8))
AHEAD = timedelta(hours=3)
NOON = (time(12, 30), time(14))


def nairobi(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment by the clock of Nairobi, three hours before UTC's, told in UTC."""
    return datetime(2026, 9, day, hour, minute, tzinfo=UTC) - AHEAD


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        (NIGHT, nairobi(21, 19, 59), None),
        (NIGHT, nairobi(21, 20), nairobi(22, 8)),
        (NIGHT, nairobi(21, 23, 59), nairobi(22, 8)),
        (NIGHT, nairobi(22, 0), nairobi(22, 8)),
        (NIGHT, nairobi(22, 7, 59), nairobi(22, 8)),
        (NIGHT, nairobi(22, 8), None),
        (NOON, nairobi(21, 12, 29), None),
        (NOON, nairobi(21, 12, 30), nairobi(21, 14)),
        (NOON, nairobi(21, 14), None),
        (None, nairobi(21, 23), None),
    ],
)
def test_a_broadcast_waits_until_the_quiet_hours_of_the_business_are_over(
    settings: Any,
    hours: tuple[time, time] | None,
    now: datetime,
    end: datetime | None,
) -> None:
    settings.TIME_ZONE = "Africa/Nairobi"
    settings.SMS_QUIET_HOURS = hours
    assert quiet_until(now) == end


def test_the_night_on_which_clocks_go_back_ends_by_the_clock_on_the_wall(
    settings: Any,
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    settings.SMS_QUIET_HOURS = NIGHT
    evening = datetime(2026, 10, 24, 20, tzinfo=UTC)  # 22:00 there
    assert quiet_until(evening) == datetime(2026, 10, 25, 7, tzinfo=UTC)
