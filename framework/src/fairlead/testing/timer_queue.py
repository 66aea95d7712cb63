"""The timers of the seeded loop, on whole microseconds and in a fixed order."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable

from fairlead.testing.generation import Generation

MICROSECONDS_PER_SECOND = 1_000_000
_FEW_TIMERS = 100
# Seconds are floats: 0.1 + 0.2 must not fall due one microsecond after 0.3.
_FLOAT_TOLERANCE_US = 0.01


class DueHandle(asyncio.TimerHandle):
    """A callback that waits for its time."""

    __slots__ = ("generation", "label")

    generation: Generation | None
    label: str


def microseconds_of(seconds: float) -> int:
    """Return the time in whole microseconds, rounded up so that nothing is early."""
    return math.ceil(seconds * MICROSECONDS_PER_SECOND - _FLOAT_TOLERANCE_US)


class TimerQueue:
    """Timers by due time; those of the same microsecond stay in the order in which they were set.

    The standard heap compares only due times, so its order among equals is an accident.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, DueHandle]] = []
        self._made = 0
        self._canceled = 0

    def add(self, due_us: int, handle: DueHandle) -> None:
        """Put in one timer."""
        self._made += 1
        heapq.heappush(self._entries, (due_us, self._made, handle))

    def next_due_us(self) -> int | None:
        """Return when the earliest timer that was not canceled is due, or None."""
        while self._entries and self._entries[0][2].cancelled():
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    def take_due(self, now_us: int) -> list[DueHandle]:
        """Take out what is due, in order."""
        due: list[DueHandle] = []
        while self._entries and self._entries[0][0] <= now_us:
            handle = heapq.heappop(self._entries)[2]
            if not handle.cancelled():
                due.append(handle)
        return due

    def canceling(self, handle: asyncio.TimerHandle) -> None:
        """Learn that this timer is about to be canceled; when most are, memory is given back."""
        self._canceled += 1
        if self._canceled > _FEW_TIMERS and self._canceled * 2 > len(self._entries):
            self.keep(lambda timer: timer is not handle and not timer.cancelled())

    def keep(self, wanted: Callable[[DueHandle], bool]) -> None:
        """Drop every timer that is not wanted."""
        self._entries = [entry for entry in self._entries if wanted(entry[2])]
        heapq.heapify(self._entries)
        self._canceled = 0
