"""Components: everything long-lived has one life cycle, is started in order and stopped in reverse.

Tasks live in a `Supervisor`: a failure is reported to one place and never cancels the bot's own
task; none outlives the kernel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

from fairlead.errors import InvariantBroken


class ComponentState(StrEnum):
    """Where a component is in its life."""

    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAULTED = "faulted"
    DISPOSED = "disposed"


LIFE_CYCLE: dict[ComponentState, tuple[ComponentState, ...]] = {
    ComponentState.READY: (ComponentState.STARTING, ComponentState.DISPOSED),
    ComponentState.STARTING: (ComponentState.RUNNING, ComponentState.STOPPING, ComponentState.FAULTED),
    ComponentState.RUNNING: (ComponentState.DEGRADED, ComponentState.STOPPING, ComponentState.FAULTED),
    ComponentState.DEGRADED: (ComponentState.RUNNING, ComponentState.STOPPING, ComponentState.FAULTED),
    ComponentState.STOPPING: (ComponentState.STOPPED, ComponentState.FAULTED),
    ComponentState.STOPPED: (ComponentState.STARTING, ComponentState.DISPOSED),
    ComponentState.FAULTED: (ComponentState.STOPPING, ComponentState.DISPOSED),
    ComponentState.DISPOSED: (),
}


class Component:
    """A named part with a life cycle; subclasses fill `on_start` and `on_stop`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ComponentState.READY
        self.problem = ""

    def move(self, to: ComponentState, problem: str = "") -> None:
        """Go to another state; raises `InvariantBroken` when the table does not allow it."""
        if to not in LIFE_CYCLE[self.state]:
            raise InvariantBroken(f"Component {self.name} cannot go from {self.state.value} to {to.value}.")
        self.state = to
        self.problem = problem

    async def start(self) -> None:
        """Start; a component that cannot is FAULTED and the error goes on."""
        self.move(ComponentState.STARTING)
        try:
            await self.on_start()
        except BaseException as error:  # supervision point: the state must say so; the error goes on
            self.move(ComponentState.FAULTED, f"{type(error).__name__}: {error}")
            raise
        self.move(ComponentState.RUNNING)

    async def stop(self) -> None:
        """Stop when started; harmless otherwise."""
        if self.state in (ComponentState.READY, ComponentState.STOPPED, ComponentState.DISPOSED):
            return
        self.move(ComponentState.STOPPING)
        try:
            await self.on_stop()
        except BaseException as error:  # supervision point: the state must say so; the error goes on
            self.move(ComponentState.FAULTED, f"{type(error).__name__}: {error}")
            raise
        self.move(ComponentState.STOPPED)

    async def on_start(self) -> None:
        """Do what starting needs."""

    async def on_stop(self) -> None:
        """Do what stopping needs."""


class Supervisor:
    """Owns every task of one kernel."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._on_failure = on_failure
        # A dictionary keeps the order, so that tasks always end in the order in which they began.
        self._tasks: dict[asyncio.Task[None], None] = {}

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task of the kernel; a failure is reported under the name."""
        task = asyncio.get_running_loop().create_task(work, name=f"fairlead:{name}")
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(task.get_name().removeprefix("fairlead:"), error)

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """Return the tasks that are not done."""
        return frozenset(self._tasks)

    async def cancel_all(self) -> None:
        """Cancel every task and wait until all have ended; leaves the calling task alone."""
        current = asyncio.current_task()
        while tasks := [task for task in self._tasks if task is not current]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
