"""The clock port: the one source of time in the kernel and in shipped plugins.

No other module reads a clock, sleeps or sets a timer; lint enforces it. So a test, a replay or a
simulation owns time completely by passing another clock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

NANOSECONDS_PER_SECOND = 1_000_000_000
NANOSECONDS_PER_MILLISECOND = 1_000_000


class Timer(Protocol):
    """A callback that has been promised and can still be taken back."""

    def cancel(self) -> None:
        """Take the callback back; harmless when it has run or was canceled already."""


class Clock(Protocol):
    """Wall time, monotonic time and every way to wait.

    All figures are integer nanoseconds. Wall time is UTC since the Unix epoch and may jump;
    monotonic time never goes back and has an arbitrary origin.
    """

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that only ever grow; for measuring durations."""

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration; zero or less still yields once to other tasks."""

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Return a block that raises `TimeoutError` when it has run for longer than this."""

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Run the callback on the loop once monotonic time has reached the due time."""
