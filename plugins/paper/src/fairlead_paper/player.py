"""The tape plays itself: who runs the venue lets its trades happen as time goes by."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead_paper.exact import ONE, ZERO
from fairlead_paper.messages import Advance


@attrs.frozen(kw_only=True)
class PlaySettings:
    """How fast the tape plays by itself."""

    speed: Decimal = attrs.field(
        default=ONE,
        metadata={"doc": "seconds of the tape in a second of the clock; 60 plays an hour in a minute"},
    )
    interval_ms: int = attrs.field(
        default=0, metadata={"doc": "time between two trades, whatever the tape's was; 0: by speed"}
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what never moves."""
        if self.speed <= ZERO:
            raise SettingRefused("play.speed", "must be above 0")
        if self.interval_ms < 0:
            raise SettingRefused("play.interval_ms", "must not be below 0")
        if self.interval_ms and self.speed != ONE:
            raise SettingRefused("play.interval_ms", "is there already a speed; give one of the two")


class Time(Protocol):
    """The part of the clock port that playing needs."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that only ever grow."""

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration."""


class Played(Protocol):
    """The part of the venue that playing needs: see `fairlead_paper.desk.Desk`."""

    @property
    def next_ns(self) -> int:
        """Return when the next trade happens on the tape, 0 at its end."""

    def trades_until(self, tape_ns: int) -> int:
        """Return how many trades come until then."""

    def play(self, request: Advance) -> None:
        """Play trades."""


class TapePlayer:
    """Plays a tape from where it stands to its end; then the market stands still.

    What is due together is played in one durable step. After a restart it goes on with the next trade at
    once, however long nobody played.
    """

    def __init__(self, desk: Played, settings: PlaySettings, time: Time) -> None:
        self._desk = desk
        self._settings = settings
        self._time = time
        self._began_ns = time.monotonic_ns()
        self._first_ns = desk.next_ns
        self._played = 0

    async def run(self) -> None:
        """Play until the tape ends."""
        while self._desk.next_ns:
            count = self._due_count()
            if count:
                self._desk.play(Advance(count))
                self._played += count
            await self._time.sleep_ns(self._pause_ns() if self._desk.next_ns else 0)

    def _due_count(self) -> int:
        passed_ns = self._time.monotonic_ns() - self._began_ns
        interval_ns = self._settings.interval_ms * NANOSECONDS_PER_MILLISECOND
        if interval_ns:
            return min(passed_ns // interval_ns + 1 - self._played, AT_ONCE_MAX)
        numerator, denominator = self._settings.speed.as_integer_ratio()
        until_ns = self._first_ns + passed_ns * numerator // denominator
        return min(self._desk.trades_until(until_ns), AT_ONCE_MAX)

    def _pause_ns(self) -> int:
        """Return how long it is until the next trade is due, 0 when it is already."""
        interval_ns = self._settings.interval_ms * NANOSECONDS_PER_MILLISECOND
        if interval_ns:
            due_ns = self._began_ns + self._played * interval_ns
        else:
            numerator, denominator = self._settings.speed.as_integer_ratio()
            ahead_ns = self._desk.next_ns - self._first_ns
            due_ns = self._began_ns - (-ahead_ns * denominator // numerator)
        return max(0, due_ns - self._time.monotonic_ns())


# fixed: bounds one turn of the loop; the rest follows in the next
AT_ONCE_MAX = 100
