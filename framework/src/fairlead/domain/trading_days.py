"""Trading days: from one local time of day to the next, in a time zone, whatever its clocks do.

A day begins when the zone's clock first shows the time of day. On a day whose clock skips that time
it begins as if the clock had not been put forward yet, so no instant is in no day or in two, and a
day lasts 23 or 25 hours where the clock was changed.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, timedelta, tzinfo

import attrs

from fairlead.domain.identifiers import excerpt_of
from fairlead.errors import SettingRefused

NANOSECONDS_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


@functools.cache
def _zone(name: str) -> tzinfo:
    """Return the time zone; read from the system or from tzdata once, when the settings are made."""
    from zoneinfo import ZoneInfo  # only who names a zone pays for it

    return ZoneInfo(name)


def _timezone(value: object) -> str:
    if value == "UTC":
        return "UTC"
    try:
        if isinstance(value, str):
            _zone(value)
            return value
    except (ValueError, OSError, KeyError):  # KeyError is ZoneInfoNotFoundError's base
        pass
    raise SettingRefused(
        "timezone",
        f"{excerpt_of(value)} is not a time zone that this system knows",
        fix='Write it like "America/New_York"; where the system has no zones, pip install tzdata.',
    )


def _time_of_day(value: object) -> str:
    if isinstance(value, str) and _TIME_OF_DAY.fullmatch(value):
        return value
    raise SettingRefused("at", f"{excerpt_of(value)} is not a time of day", fix='Write it like "17:00".')


@attrs.frozen(kw_only=True)
class TradingDay:
    """When a trading day begins: *at* a local time of day, in a time zone. UTC midnight by default.

    Raises `SettingRefused` for a zone that is not known or a time of day that is none.
    """

    timezone: str = attrs.field(
        default="UTC", converter=_timezone, metadata={"doc": "name of the time zone, as in Europe/Berlin"}
    )
    at: str = attrs.field(
        default="00:00", converter=_time_of_day, metadata={"doc": "local time at which the day begins"}
    )

    def of(self, ts_ns: int) -> tuple[int, int]:
        """Return when the trading day of this instant began and when it ends, nanoseconds UTC.

        The beginning belongs to the day, the end to the next. Takes instants of the years 1970 to 9998.
        """
        zone: tzinfo = UTC if self.timezone == "UTC" else _zone(self.timezone)
        hours, minutes = int(self.at[:2]), int(self.at[3:])
        seconds = ts_ns // NANOSECONDS_PER_SECOND
        day = (_EPOCH + seconds * _SECOND).astimezone(zone).date()
        begin = _begin(day, hours, minutes, zone)
        while begin > seconds:
            day -= _DAY
            begin = _begin(day, hours, minutes, zone)
        end = _begin(day + _DAY, hours, minutes, zone)
        while end <= seconds:
            day += _DAY
            begin, end = end, _begin(day + _DAY, hours, minutes, zone)
        return begin * NANOSECONDS_PER_SECOND, end * NANOSECONDS_PER_SECOND


def _begin(day: date, hours: int, minutes: int, zone: tzinfo) -> int:
    local = datetime(day.year, day.month, day.day, hours, minutes, tzinfo=zone)
    return (local - _EPOCH) // _SECOND


def trading_day_of(ts_ns: int, day: TradingDay) -> tuple[int, int]:
    """Return beginning and end of the trading day of an instant; see `TradingDay.of`."""
    return day.of(ts_ns)
