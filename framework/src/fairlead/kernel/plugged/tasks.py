"""Tasks of plugins: supervised like every other, and nothing that a settled kernel waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fairlead.kernel.components import Supervisor

FAULTS = (Exception, SystemExit, asyncio.CancelledError)
"""What a plugin's coroutine may throw. A `SystemExit` that left a task would end the loop of the bot."""


def go_on_if_canceled() -> None:
    """Raise the cancellation of the running task, if it was asked to end and a plugin held it up."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class PluginTasks:
    """Spawns and cancels tasks by the name of their part, and reports its failures."""

    def __init__(self, supervisor: Supervisor, endless: set[asyncio.Task[None]]) -> None:
        self._supervisor = supervisor
        self._endless = endless

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine of a plugin until the part of that name stops."""
        self._endless.add(self._supervisor.spawn(name, work))

    async def cancel(self, name: str) -> None:
        """Cancel what runs under the name, and wait until it has ended."""
        await self._supervisor.cancel_named(name)

    def report(self, name: str, error: BaseException) -> None:
        """Report that the part of that name failed."""
        self._supervisor.report(name, error)
