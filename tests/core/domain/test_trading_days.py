"""Trading days: every instant is in exactly one, also when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.domain.trading_days import TradingDay, trading_day_of
from fairlead.errors import SettingRefused

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND


def instant(year: int, month: int, day: int, hour: int = 0, minute: int = 0, *, zone: str = "UTC") -> int:
    """Return a local time as nanoseconds UTC; of two with the same name the first."""
    local = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))
    return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * SECOND


def test_a_day_of_utc_is_the_default() -> None:
    """From midnight to midnight; the last nanosecond is in it and the next is not."""
    begin = instant(2026, 11, 26)
    for ts_ns in (begin, begin + 1, begin + 24 * HOUR - 1):
        assert trading_day_of(ts_ns, TradingDay()) == (begin, begin + 24 * HOUR)
    assert trading_day_of(begin - 1, TradingDay()) == (begin - 24 * HOUR, begin)


@pytest.mark.parametrize(
    ("zone", "at", "inside", "hours"),
    [
        # New York puts its clocks forward on 8 March 2026 and back on 1 November 2026, at 02:00.
        ("America/New_York", "17:00", instant(2026, 3, 8, 12), 23),
        ("America/New_York", "17:00", instant(2026, 11, 1, 12), 25),
        ("America/New_York", "17:00", instant(2026, 11, 3, 12), 24),
        # The time of day is skipped: as if the clock had not been put forward yet, and 23 hours later.
        ("America/New_York", "02:30", instant(2026, 3, 8, 12), 23),
        ("America/New_York", "02:30", instant(2026, 3, 8, 7), 24),
        # The time of day comes twice: the first counts.
        ("America/New_York", "01:30", instant(2026, 11, 1, 5, 45), 25),
        ("Australia/Lord_Howe", "02:00", instant(2026, 4, 4, 12), 24.5),
        # Newfoundland put its clocks back at 00:01, into the day before: of two midnights the first counts.
        ("America/St_Johns", "00:00", instant(2006, 10, 29, 3), 25),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "00:00", instant(2011, 12, 30, 11), 24),
    ],
)
def test_days_on_which_clocks_are_changed(zone: str, at: str, inside: int, hours: float) -> None:
    """The day is as long as the zone's clocks make it."""
    begin, end = trading_day_of(inside, TradingDay(timezone=zone, at=at))
    assert begin <= inside < end
    assert end - begin == hours * HOUR


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
)
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@given(zone=ZONES, at=TIMES, ts_ns=st.integers(0, instant(2040, 1, 1)))
@example(zone="Pacific/Apia", at="12:00", ts_ns=instant(2011, 12, 30, 11))
@example(zone="America/New_York", at="02:30", ts_ns=instant(2026, 3, 8, 7))
def test_every_instant_is_in_one_day(zone: str, at: str, ts_ns: int) -> None:
    """The day holds the instant; its neighbours touch it without a gap; all its instants agree."""
    day = TradingDay(timezone=zone, at=at)
    begin, end = trading_day_of(ts_ns, day)
    assert begin <= ts_ns < end
    assert 22 * HOUR <= end - begin <= 26 * HOUR
    assert trading_day_of(begin, day) == trading_day_of(end - 1, day) == (begin, end)
    assert trading_day_of(end, day)[0] == end
    assert trading_day_of(begin - SECOND, day)[1] == begin


@given(at=TIMES, days=st.integers(0, 4_000))
def test_a_day_begins_at_the_local_time(at: str, days: int) -> None:
    """Wherever the clock shows the time of day at all, the day begins when it does."""
    zone = ZoneInfo("Europe/Berlin")
    begin, _ = trading_day_of(
        instant(2026, 1, 1) + days * 24 * HOUR, TradingDay(timezone="Europe/Berlin", at=at)
    )
    local = datetime.fromtimestamp(begin // SECOND, zone)
    shown = f"{local.hour:02}:{local.minute:02}"
    assert shown == at or (at[:2], shown[:2]) == ("02", "03")


@pytest.mark.parametrize("timezone", ["Middle/Earth", "", "../etc/passwd", "a\0b", 7, None])
def test_an_unknown_zone_is_refused(timezone: Any) -> None:  # noqa: ANN401 - whatever a file may hold
    """With what to write and what to install."""
    with pytest.raises(SettingRefused, match="tzdata") as caught:
        TradingDay(timezone=timezone)
    assert caught.value.field == "timezone"


@pytest.mark.parametrize("at", ["24:00", "7:00", "07:60", "07:00:00", "07:", ":00", "07", "", 7, None])
def test_a_time_of_day_that_is_none_is_refused(at: Any) -> None:  # noqa: ANN401 - whatever a file may hold
    """Hours and minutes, two digits each."""
    with pytest.raises(SettingRefused, match="17:00") as caught:
        TradingDay(at=at)
    assert caught.value.field == "at"
