"""Time limits for what the exchange client is asked: nothing that it does is waited for without one.

Requests about orders share limits of one length: what began first is due first, so a single timer serves
them all. A timeout block of its own for every request arms and takes back a timer each; here a request
costs an entry in a dictionary, and the timer is armed for the oldest only. Everything else that a client
is asked has a block of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fairlead.errors import ExchangeFault
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock, Timer

_T = TypeVar("_T")


async def in_time(clock: Clock, limit_ns: int, what: str, question: Awaitable[_T]) -> _T:
    """Return the client's answer; raises `ExchangeFault` when there is none in time."""
    limits = TimeLimits(clock, limit_ns)
    try:
        task = asyncio.current_task()
        assert task is not None  # whoever awaits runs in one; narrows the type
        return await limits.within(task, lambda: question)
    except TimeoutError as error:
        limit_ms = limit_ns // NANOSECONDS_PER_MILLISECOND
        raise ExchangeFault(
            f"The exchange client did not answer in time: {what}.",
            not_done="Nothing is concluded from that.",
            fix=f"See to the connection, or raise kernel.request_timeout_ms, which is {limit_ms}.",
        ) from error
    finally:
        limits.close()
        if isinstance(question, Coroutine):
            question.close()  # where time itself is over it was never begun; else it has ended


class TimeLimits:
    """Cancels, by the clock, the tasks whose one request has run for too long.

    A client may swallow the first cancel, by a bare ``except`` or a race in a library of its own: it is
    canceled anew each time that the limit is over again.
    """

    def __init__(self, clock: Clock, limit_ns: int) -> None:
        self._clock = clock
        self._limit_ns = limit_ns
        self._due: dict[asyncio.Task[Any], int] = {}
        self._canceled: dict[asyncio.Task[Any], int] = {}
        self._timer: Timer | None = None

    async def within(self, task: asyncio.Task[Any], question: Callable[[], Awaitable[_T]]) -> _T:
        """Return the answer to what this task asks; raise `TimeoutError` when the limit is over first.

        A task asks one question at a time.
        """
        others = task.cancelling()
        self._due[task] = self._clock.monotonic_ns() + self._limit_ns
        if self._timer is None:
            self._arm()
        try:
            return await question()
        except asyncio.CancelledError as canceled:
            ours = self._canceled.get(task, 0)
            if ours and task.cancelling() == others + ours:  # nobody but this limit canceled it
                raise TimeoutError from canceled
            raise
        finally:
            del self._due[task]
            for _ in range(self._canceled.pop(task, 0)):
                task.uncancel()

    def close(self) -> None:
        """Take the timer back; to be called when nothing is asked any more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _arm(self) -> None:
        oldest = next(iter(self._due.values()), None)
        self._timer = None if oldest is None else self._clock.call_at_ns(oldest, self._fire)

    def _fire(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for task in [task for task, due_ns in self._due.items() if due_ns <= now_ns]:
            del self._due[task]
            self._due[task] = now_ns + self._limit_ns  # at the end: what is due first stands first
            self._canceled[task] = self._canceled.get(task, 0) + 1
            task.cancel()
        self._arm()
