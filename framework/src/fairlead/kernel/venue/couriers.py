"""Couriers: tasks that carry out one errand after another, each at most one at a time.

A task for every request costs more than the request's own bookkeeping. Here an errand goes to a
courier who is free, and a new one is hired only when all are out; there are never more than there
were errands under way at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fairlead.kernel.components import Supervisor

Errand = Callable[["asyncio.Task[None]"], Awaitable[None]]

NAME = "courier"


class Couriers:
    """Runs errands at once and side by side."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._free: dict[asyncio.Task[None], asyncio.Future[Errand]] = {}
        self._busy: dict[asyncio.Task[None], None] = {}
        self._dismissed = False

    @property
    def busy(self) -> frozenset[asyncio.Task[None]]:
        """Return the couriers who are out."""
        return frozenset(self._busy)

    @property
    def free(self) -> frozenset[asyncio.Task[None]]:
        """Return the couriers who wait for an errand; they belong to nothing that is under way."""
        return frozenset(self._free)

    def send(self, errand: Errand) -> None:
        """Let a courier who is free run the errand, or a new one; it is given the courier's task."""
        courier = self._awake(errand) or self._supervisor.spawn(NAME, self._serve(errand))
        self._busy[courier] = None

    async def dismiss(self) -> frozenset[asyncio.Task[None]]:
        """End the couriers who are free; return those who are out, who end when their errand does."""
        self._dismissed = True
        await self._supervisor.cancel(list(self._free))
        return self.busy

    def _awake(self, errand: Errand) -> asyncio.Task[None] | None:
        while self._free:
            courier, wake = self._free.popitem()
            if not wake.done():  # else it was canceled meanwhile
                wake.set_result(errand)
                return courier
        return None

    async def _serve(self, errand: Errand) -> None:
        loop = asyncio.get_running_loop()
        courier = asyncio.current_task()
        assert courier is not None  # we run in one; narrows the type
        try:
            await errand(courier)
            while not self._dismissed:
                del self._busy[courier]
                wake = self._free[courier] = loop.create_future()
                errand = await wake
                await errand(courier)
        finally:
            self._busy.pop(courier, None)
            self._free.pop(courier, None)
