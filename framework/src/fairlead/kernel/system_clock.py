"""The system clock: the one module of the kernel that reads real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Timer


class SystemClock:
    """Real wall and monotonic time, and waits on the running event loop."""

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds that only ever grow."""
        return time.monotonic_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration."""
        await asyncio.sleep(max(0, duration_ns) / NANOSECONDS_PER_SECOND)

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Return a block that raises `TimeoutError` when it runs for longer than this."""
        return asyncio.timeout(duration_ns / NANOSECONDS_PER_SECOND)

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Run the callback once monotonic time has reached the due time."""
        loop = asyncio.get_running_loop()
        wait = max(0, due_monotonic_ns - time.monotonic_ns()) / NANOSECONDS_PER_SECOND
        return loop.call_later(wait, callback)
