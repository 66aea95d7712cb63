"""Admission: questions that are about no order ask here before they go to the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from fairlead.domain.requests import RequestKind
from fairlead.errors import JournalUnavailable, RateLimited
from fairlead.kernel.core.venue_inputs import QueryRefused, QueryWanted
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.time_limits import in_time
from fairlead.ports.clock import Clock

_T = TypeVar("_T")


class Admission:
    """Lets questions out at the pace of the venue's rate limits; without pacing, at once."""

    def __init__(
        self, engine: Engine, clock: Clock, *, request_timeout_ns: int, recovery_interval_ns: int
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._timeout_ns = request_timeout_ns
        self._recovery_interval_ns = recovery_interval_ns
        self._waiting: dict[asyncio.Task[Any], asyncio.Future[object]] = {}

    @property
    def waiting(self) -> frozenset[asyncio.Task[Any]]:
        """Return the tasks that wait for their pace, and for nothing else."""
        return frozenset(task for task, future in self._waiting.items() if not future.done())

    async def admit(self, request: RequestKind, symbol: str = "") -> None:
        """Wait until the question may be asked, and take what it costs, durably.

        While the journal is being recovered nothing is asked; raises what ended the journal for good.
        """
        if self._engine.rules.pacing is None:
            return
        while True:
            try:
                await self._admit(request, symbol)
            except JournalUnavailable:  # what it costs was not recorded, or was discarded: say it again
                await self._clock.sleep_ns(self._recovery_interval_ns)
                if self._engine.journal.has_ended:
                    raise
            else:
                return

    async def _admit(self, request: RequestKind, symbol: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine runs in a task; narrows the type
        command_id, future = self._engine.new_command()
        self._engine.process(QueryWanted(command_id, request, symbol))
        self._waiting[task] = future
        try:
            await future
        finally:
            del self._waiting[task]

    async def answer(self, request: RequestKind, question: Awaitable[_T], symbol: str = "") -> _T:
        """Return the client's answer, within the request timeout; tell the budgets of a refusal.

        Raises `ExchangeFault` when there is none in time, and whatever the client raises.
        """
        try:
            return await in_time(self._clock, self._timeout_ns, request.value, question)
        except RateLimited as refusal:
            if not self._engine.suspended:
                self._engine.process(QueryRefused(request, symbol, refusal.retry_after_ns))
            raise
