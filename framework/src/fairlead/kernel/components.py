"""Components: everything long-lived has one life cycle, is started in order and stopped in reverse.

Tasks live in a `Supervisor`: a failure is reported to one place and never cancels the bot's own
task; none outlives the kernel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from enum import StrEnum
from typing import Any

from fairlead.errors import InvariantBroken
from fairlead.plugins.redaction import redacted
from fairlead.ports.clock import Clock

_PREFIX = "fairlead:"
# fixed: who swallows so many is no task to wait for; stop_timeout_ms says how long each takes
CANCELLATIONS_MAX = 3
"""How often a task is canceled that does not end."""


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
            self.fail(error)
            raise
        if self.state is ComponentState.STARTING:
            self.move(ComponentState.RUNNING)

    def fail(self, error: BaseException) -> None:
        """Be FAULTED for this reason, unless it is so or is over already."""
        if ComponentState.FAULTED in LIFE_CYCLE[self.state]:
            self.move(ComponentState.FAULTED, f"{type(error).__name__}: {redacted(str(error))}")

    async def stop(self) -> None:
        """Stop when started; harmless otherwise."""
        if self.state in (ComponentState.READY, ComponentState.STOPPED, ComponentState.DISPOSED):
            return
        self.move(ComponentState.STOPPING)
        try:
            await self.on_stop()
        except BaseException as error:  # supervision point: the state must say so; the error goes on
            self.fail(error)
            raise
        if self.state is ComponentState.STOPPING:
            self.move(ComponentState.STOPPED)

    async def on_start(self) -> None:
        """Do what starting needs."""

    async def on_stop(self) -> None:
        """Do what stopping needs."""


class Part(Component):
    """A component made of two coroutine functions."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Coroutine[Any, Any, None]],
        stop: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(name)
        self._start_part = start
        self._stop_part = stop

    async def on_start(self) -> None:
        """Start the part."""
        await self._start_part()

    async def on_stop(self) -> None:
        """Stop the part."""
        await self._stop_part()


class Supervisor:
    """Owns every task of one kernel."""

    def __init__(
        self, on_failure: Callable[[str, BaseException], None], clock: Clock, patience_ns: int
    ) -> None:
        self._on_failure = on_failure
        self._clock = clock
        self._patience_ns = patience_ns
        # A dictionary keeps the order, so that tasks always end in the order in which they began.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task of the kernel; a failure is reported under the name."""
        task = asyncio.get_running_loop().create_task(work, name=_PREFIX + name)
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    def report(self, name: str, error: BaseException) -> None:
        """Report a failure under the name of a task that went on, or that may not raise what it met."""
        self._on_failure(name, error)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        wanted = task in self._ending
        self._ending.discard(task)
        if task.cancelled():
            if not wanted:
                self._on_failure(_name(task), asyncio.CancelledError("canceled by something in it"))
            return
        error = task.exception()
        if error is not None:
            self._on_failure(_name(task), error)

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """Return the tasks that are not done."""
        return frozenset(self._tasks)

    async def cancel_all(self) -> None:
        """Cancel every task but the calling one, and wait until they have ended."""
        await self._cancel(lambda _task: True)

    async def cancel_named(self, name: str) -> None:
        """Cancel the tasks of that name, and wait until they have ended."""
        await self._cancel(lambda task: _name(task) == name)

    async def cancel(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """Cancel these tasks, and wait until they have ended."""
        await self._cancel(lambda task: task in tasks)

    async def _cancel(self, chosen: Callable[[asyncio.Task[None]], bool]) -> None:
        """Cancel a few times, with patience: who swallows every cancellation is left behind, and said so."""
        current = asyncio.current_task()
        for _ in range(CANCELLATIONS_MAX):
            tasks = [task for task in self._tasks if task is not current and chosen(task)]
            if not tasks:
                return
            self._ending.update(tasks)
            for task in tasks:
                task.cancel()
            try:
                async with self._clock.timeout_ns(self._patience_ns):
                    await asyncio.wait(tasks)
            except TimeoutError:
                continue
        for task in self._tasks:
            if task in self._ending:
                self._on_failure(_name(task), InvariantBroken("The task cannot be canceled."))


def _name(task: asyncio.Task[None]) -> str:
    return task.get_name().removeprefix(_PREFIX)
