"""Trading hours: weekly windows of local time in which new exposure may be taken."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

import attrs

from fairlead import TradingDay
from fairlead.errors import SettingRefused
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.stateless_check import StatelessCheck

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANOSECONDS_PER_MICROSECOND = 1_000
MINUTES_PER_HOUR = 60  # fixed: how clocks count
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)


_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _is_time_of_day(_: object, field: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise SettingRefused(field.name, f"{value!a} is not a time of day", fix='Write it like "17:00".')


@attrs.frozen(kw_only=True)
class TradingWindow:
    """From *begins* to *ends* on each of these days; it ends on the next day when *ends* is the earlier one.

    ``24:00`` is the end of the day. The beginning belongs to the window, the end does not.
    """

    days: tuple[str, ...] = attrs.field(
        default=_WEEK, metadata={"doc": "days on which it begins, monday to sunday; every day when left out"}
    )
    begins: str = attrs.field(
        validator=_is_time_of_day, metadata={"doc": "local time at which it begins", "example": "09:30"}
    )
    ends: str = attrs.field(
        validator=_is_time_of_day, metadata={"doc": "local time at which it ends", "example": "16:00"}
    )

    def __attrs_post_init__(self) -> None:
        if self.begins in (self.ends, "24:00"):
            fix = 'For whole days write begins = "00:00" and ends = "24:00".'
            raise SettingRefused(
                "begins", f"{self.begins} begins no window that ends at {self.ends}", fix=fix
            )
        unknown = [day for day in self.days if day not in _WEEK]
        if unknown:
            raise SettingRefused("days", f"{unknown[0]!a} is none", fix=f"They are {', '.join(_WEEK)}.")
        if not self.days:
            raise SettingRefused("days", "no day is named", fix="Name one, or leave days out for every day.")

    def holds(self, day: int, minute: int) -> bool:
        """Tell whether it is open in this minute of a local day; Monday is day 0."""
        begins, ends = _minute(self.begins), _minute(self.ends)
        today = _WEEK[day] in self.days
        if begins < ends:
            return today and begins <= minute < ends
        yesterday = _WEEK[day - 1] in self.days
        return (today and minute >= begins) or (yesterday and minute < ends)


def _minute(time_of_day: str) -> int:
    hours, _, minutes = time_of_day.partition(":")
    return int(hours) * MINUTES_PER_HOUR + int(minutes)


def _is_zone(_: object, __: attrs.Attribute[str], value: str) -> None:
    TradingDay(timezone=value)  # raises what says how to write it


@attrs.frozen(kw_only=True)
class TradingHoursSettings:
    """Windows in the local time of one time zone; new exposure is taken in any of them."""

    timezone: str = attrs.field(
        default="UTC",
        validator=_is_zone,
        metadata={"doc": "name of the time zone, as in America/New_York"},
    )
    windows: tuple[TradingWindow, ...] = attrs.field(
        metadata={
            "doc": "when new exposure may be taken",
            "example": '[{ begins = "09:30", ends = "16:00" }]',
        }
    )

    def __attrs_post_init__(self) -> None:
        if not self.windows:
            raise SettingRefused("windows", "there is none", fix="Give one, or leave out the table.")


@attrs.frozen
class TradingHours(StatelessCheck):
    """Denies new exposure outside all windows, by what a clock on the wall of that zone shows.

    So an hour that the clocks skip is no time to trade, and one that they show twice is two. The time is the
    view's: no clock is read, and the zone is loaded when the check is made.
    """

    settings: TradingHoursSettings
    name: str = attrs.field(default="trading_hours", init=False)
    version: str = attrs.field(default=__version__, init=False)
    _zone: tzinfo = attrs.field(init=False, repr=False, eq=False)

    @_zone.default
    def _load_zone(self) -> tzinfo:
        name = self.settings.timezone
        if name == "UTC":
            return UTC
        from zoneinfo import ZoneInfo  # only who names a zone pays for it

        return ZoneInfo(name)

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Look the time of this step up in the windows."""
        del value
        if request.reduces:
            return ALLOW
        since = timedelta(microseconds=view.now_ns // NANOSECONDS_PER_MICROSECOND)
        local = (_EPOCH + since).astimezone(self._zone)
        minute = local.hour * MINUTES_PER_HOUR + local.minute
        if any(window.holds(local.weekday(), minute) for window in self.settings.windows):
            return ALLOW
        shown = f"{_WEEK[local.weekday()]} {local.hour:02}:{local.minute:02}"
        return Deny(
            reason_codes.OUTSIDE_TRADING_HOURS,
            f"It is {shown} in {self.settings.timezone}, outside the trading hours.",
            (("local_time", shown), ("timezone", self.settings.timezone)),
        )
