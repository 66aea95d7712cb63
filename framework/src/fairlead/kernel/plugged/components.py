"""A component of a plugin as a part of the kernel: started and stopped within its time, and supervised."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from fairlead.errors import PluginRefused
from fairlead.kernel.components import Component
from fairlead.kernel.plugged.tasks import FAULTS, PluginTasks, go_on_if_canceled
from fairlead.plugins.register import told
from fairlead.ports.clock import Clock
from fairlead.ports.components import KernelComponent, KernelView


class PluginPart(Component):
    """Runs one component; FAULTED once its `run` has raised, until the kernel stops."""

    def __init__(
        self,
        component: KernelComponent,
        view: KernelView,
        clock: Clock,
        tasks: PluginTasks,
        logger: logging.Logger,
        timeout_ns: int,
    ) -> None:
        super().__init__(component.name)
        self._component = component
        self._view = view
        self._clock = clock
        self._tasks = tasks
        self._logger = logger
        self._timeout_ns = timeout_ns
        self._has_started = False

    async def on_start(self) -> None:
        """Start it, then give its `run` a task; raises `PluginRefused` when it does not start."""
        problem = await self._within_its_time(self._component.start(self._view))
        if problem:
            raise PluginRefused(
                f"The component {self.name} of a plugin did not start: {problem}.",
                not_done="The kernel did not start.",
                fix="Correct it, or take the plugin out of the configuration.",
            )
        self._has_started = True
        self._tasks.spawn(self.name, self._run())

    async def on_stop(self) -> None:
        """Cancel its `run`, then stop it; what fails there is logged and cannot keep the kernel."""
        await self._tasks.cancel(self.name)
        if not self._has_started:
            return
        problem = await self._within_its_time(self._component.stop())
        if problem:
            self._logger.error("The component %s did not stop as it should: %s", self.name, problem)

    async def _run(self) -> None:
        try:
            await self._component.run()
        except FAULTS as error:  # isolation point: reported as its failure; it ends nothing else
            go_on_if_canceled()
            self._tasks.report(self.name, error)

    async def _within_its_time(self, work: Coroutine[Any, Any, None]) -> str:
        """Wait for a call of the component; return what went wrong, or the empty string."""
        try:
            async with self._clock.timeout_ns(self._timeout_ns):
                await work
        except FAULTS as error:  # isolation point: whatever a plugin throws is told under its name
            go_on_if_canceled()
            return told(error)
        return ""
