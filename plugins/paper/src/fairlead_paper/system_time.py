"""The time of a venue that runs in its own process: the only place of this package that asks the machine."""

from __future__ import annotations

import asyncio
import time

_NANOSECONDS_PER_SECOND = 1_000_000_000


def wall_ns() -> int:
    """Return nanoseconds since the Unix epoch, UTC."""
    return time.time_ns()


class SystemTime:
    """Waiting in the machine's time."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that only ever grow."""
        return time.monotonic_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration."""
        await asyncio.sleep(duration_ns / _NANOSECONDS_PER_SECOND)
