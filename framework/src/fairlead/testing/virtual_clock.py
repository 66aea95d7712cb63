"""The clock port on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from types import TracebackType

import attrs

from fairlead.ports.clock import Clock, Timer
from fairlead.testing.generation import Generation
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.timer_queue import MICROSECONDS_PER_SECOND

NANOSECONDS_PER_MICROSECOND = 1_000
START_OF_2026_NS = 1_767_225_600_000_000_000


def _microseconds_up(nanoseconds: int) -> int:
    """Round up: a wait may be up to a microsecond too long, never too short."""
    return -(-nanoseconds // NANOSECONDS_PER_MICROSECOND)


@attrs.define
class _WallTime:
    offset_ns: int


class VirtualClock:
    """A `Clock` whose time is that of a seeded loop; wall time is that plus an offset which a test may move.

    Times are exact: nothing due at a given nanosecond runs before it, and at most one microsecond after.
    Timers run in `context` when it is given, else in the context of whoever sets them.
    """

    def __init__(
        self, loop: SeededLoop, *, wall_start_ns: int = START_OF_2026_NS, context: Context | None = None
    ) -> None:
        self._loop = loop
        self._wall = _WallTime(wall_start_ns - self.monotonic_ns())
        self._context = context

    def in_context(self, context: Context) -> VirtualClock:
        """Return the same clock, jumps of wall time included, with its timers in another context."""
        clock = VirtualClock(self._loop, context=context)
        clock._wall = self._wall
        return clock

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC, jumps included."""
        return self.monotonic_ns() + self._wall.offset_ns

    def monotonic_ns(self) -> int:
        """Return the loop's time; it only ever grows."""
        return self._loop.now_us * NANOSECONDS_PER_MICROSECOND

    def jump_wall_ns(self, by_ns: int) -> None:
        """Move wall time forward, or back when negative, as an operator or a time service does."""
        self._wall.offset_ns += by_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration; zero or less still yields once to other tasks."""
        if duration_ns <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = self._loop.create_future()
        due_us = self._loop.now_us + _microseconds_up(duration_ns)
        timer = self._loop.call_at_us(due_us, _wake_up, wake, context=self._context)
        try:
            await wake
        finally:
            timer.cancel()

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Return a block that raises `TimeoutError` when it has run for longer than this."""
        return _Timeout(self._loop, duration_ns)

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Run the callback on the loop once monotonic time has reached the due time."""
        return self._loop.call_at_us(_microseconds_up(due_monotonic_ns), callback, context=self._context)


def _wake_up(wake: asyncio.Future[None]) -> None:
    if not wake.done():
        wake.set_result(None)


class _Timeout(AbstractAsyncContextManager[None]):
    """Starts to count when the block is entered, as the port's users expect, not when it is made."""

    def __init__(self, loop: SeededLoop, duration_ns: int) -> None:
        self._loop = loop
        self._duration_ns = duration_ns
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        due_us = self._loop.now_us + _microseconds_up(self._duration_ns)
        self._timeout = asyncio.timeout_at(due_us / MICROSECONDS_PER_SECOND)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timeout is not None:
            await self._timeout.__aexit__(kind, error, trace)


class GenerationClock:
    """A clock for one life of a program: once that is over, waiting and setting timers is refused.

    Reading stays possible, because it changes nothing. The clock it wraps must set its timers in the
    generation's context, so that they die with it; `World.clock_of` makes it so.
    """

    def __init__(self, clock: Clock, generation: Generation) -> None:
        self._clock = clock
        self._generation = generation

    def wall_ns(self) -> int:
        """Return nanoseconds since the Unix epoch, UTC."""
        return self._clock.wall_ns()

    def monotonic_ns(self) -> int:
        """Return monotonic nanoseconds."""
        return self._clock.monotonic_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for the duration; raise `GenerationDead` when this life is over."""
        self._generation.check()
        await self._clock.sleep_ns(duration_ns)
        self._generation.check()

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Return a block with a time limit; raise `GenerationDead` when this life is over."""
        self._generation.check()
        return self._clock.timeout_ns(duration_ns)

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Set a timer that dies with this life; raise `GenerationDead` when that is over already."""
        self._generation.check()
        return self._clock.call_at_ns(due_monotonic_ns, callback)
