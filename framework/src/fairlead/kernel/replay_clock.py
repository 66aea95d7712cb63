"""The replay clock: time is the tape's, and stands still while real work is under way.

Wall and monotonic time come from whoever plays the tape. What waits for time (a sleep, a timeout, a
timer) is served in virtual time, in order of its due time; what waits for the real world (a disk, a
socket) takes the real time it takes, in which replay time does not move. So seven hours of trades are
played in seconds, and no timeout ever fires because the machine was slow.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

import attrs

from fairlead.ports.clock import Timer

_T = TypeVar("_T")

# fixed: how asyncio hands tasks on, and how often it looks; virtual time is the same
CALM_PASSES = 4
"""Turns of the event loop that the kernel must stay settled for: whoever was woken has then gone on."""

# fixed: how asyncio hands tasks on, and how often it looks; virtual time is the same
EAGER_PASSES = 64
NAP_SECONDS = 0.001
"""After so many turns of waiting for real work, look only once per nap."""


@attrs.define(eq=False)
class ReplayTimer:
    """A callback at a monotonic time."""

    due_ns: int
    callback: Callable[[], None]
    canceled: bool = False

    def cancel(self) -> None:
        """Take the callback back."""
        self.canceled = True

    def fire(self) -> None:
        """Call back, unless it was taken back in the turn in which it became due."""
        if not self.canceled:
            self.callback()


class ReplayClock:
    """A `Clock` that moves only in `advance_to` and `run`.

    *settled* there tells whether nothing is under way but what waits for this clock; of a kernel:
    ``lambda: kernel.is_settled(clock.waiting_tasks)``. *on_move* is told each time before it begins,
    so that a simulated venue can live in the same time.
    """

    def __init__(self, wall_start_ns: int, on_move: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.on_move = on_move
        self._now_ns = wall_start_ns
        self._told_ns = wall_start_ns
        self._timers: list[tuple[int, int, ReplayTimer]] = []
        self._made = 0
        self._waiting: dict[asyncio.Task[Any], None] = {}

    # -- the port ------------------------------------------------------------------------------

    def wall_ns(self) -> int:
        """Return the tape's time, nanoseconds since the Unix epoch."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Return the same: the tape's time never goes back."""
        return self._now_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait until the tape has gone on for the duration; zero or less yields once."""
        if duration_ns <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._arm(self._now_ns + duration_ns, lambda: _wake_up(wake))
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        self._waiting[task] = None
        try:
            await wake
        finally:
            del self._waiting[task]
            timer.cancel()

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Return a block that raises `TimeoutError` when the tape has gone on for longer than this."""
        return _Timeout(self, duration_ns)

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Run the callback once the tape has reached the due time."""
        return self._arm(due_monotonic_ns, callback)

    # -- for whoever plays the tape ------------------------------------------------------------

    @property
    def waiting_tasks(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that sleep on this clock."""
        return frozenset(self._waiting)

    @property
    def next_due_ns(self) -> int | None:
        """Return when the next timer is due, or nothing when none is set."""
        while self._timers and self._timers[0][2].canceled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def settle(self, settled: Callable[[], bool]) -> None:
        """Wait, in real time, until nothing is under way; time stands still."""
        calm = passes = 0
        while calm < CALM_PASSES:
            passes += 1
            await asyncio.sleep(NAP_SECONDS if passes > EAGER_PASSES and not calm else 0)
            calm = calm + 1 if settled() else 0

    async def advance_to(self, wall_ns: int, settled: Callable[[], bool]) -> None:
        """Go on to that time; fire what is due until then in order, and settle before each.

        A time that has passed only fires what is due and settles.
        """
        while await self._step(max(wall_ns, self._now_ns), settled):
            pass

    async def run(self, work: Coroutine[Any, Any, _T], settled: Callable[[], bool]) -> _T:
        """Run something that may itself wait for this clock, such as a start; time goes on as it must.

        Time moves only while the work sleeps on this clock and everything else is settled.
        """
        task = asyncio.get_running_loop().create_task(work)

        def blocked() -> bool:
            return task.done() or (task in self._waiting and settled())

        try:
            while not task.done():
                await self.settle(blocked)
                due_ns = self.next_due_ns
                if not task.done() and due_ns is not None:
                    await self._step(due_ns, blocked)
            return task.result()
        finally:
            task.cancel()

    async def _step(self, limit_ns: int, settled: Callable[[], bool]) -> bool:
        """Move to the next due time, or to the limit; return whether there may be more to do."""
        await self.settle(settled)
        due_ns = self.next_due_ns
        to_ns = limit_ns if due_ns is None else max(self._now_ns, min(due_ns, limit_ns))
        if self.on_move is not None and to_ns > self._told_ns:
            self._told_ns = to_ns
            await self.on_move(to_ns)
            return True  # what was heard meanwhile comes first
        self._now_ns = to_ns
        if due_ns is None or due_ns > to_ns:
            return False
        timer = heapq.heappop(self._timers)[2]
        asyncio.get_running_loop().call_soon(timer.fire)
        return True

    def _arm(self, due_ns: int, callback: Callable[[], None]) -> ReplayTimer:
        self._made += 1
        timer = ReplayTimer(due_ns, callback)
        heapq.heappush(self._timers, (due_ns, self._made, timer))
        return timer


def _wake_up(wake: asyncio.Future[None]) -> None:
    if not wake.done():
        wake.set_result(None)


class _Timeout(AbstractAsyncContextManager[object]):
    """Counts from the moment the block is entered."""

    def __init__(self, clock: ReplayClock, duration_ns: int) -> None:
        self._clock = clock
        self._duration_ns = duration_ns
        self._timeout = asyncio.timeout(None)
        self._timer: Timer

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        clock = self._clock
        self._timer = clock.call_at_ns(clock.monotonic_ns() + self._duration_ns, self._expire)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _expire(self) -> None:
        """Let the block end at the loop's next turn."""
        self._timeout.reschedule(0)
