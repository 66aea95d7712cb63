"""A price source of a plugin as a part of the kernel: it runs, and when it fails it is started again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fairlead.kernel.components import Component, ComponentState
from fairlead.kernel.plugged.tasks import FAULTS, PluginTasks, go_on_if_canceled
from fairlead.kernel.prices.service import LenientFeed
from fairlead.ports.clock import Clock
from fairlead.ports.prices import PriceSource


class SourcePart(Component):
    """Runs one price source; DEGRADED from a failure until a price comes again.

    *pauses_ns* are the first and the longest pause before it is started again. A row of failures ends with
    a run that lasted for the longest pause; *on_failure* is called for the first of a row, with the name
    and what happened.
    """

    def __init__(
        self,
        source: PriceSource,
        feed: LenientFeed,
        clock: Clock,
        tasks: PluginTasks,
        logger: logging.Logger,
        *,
        pauses_ns: tuple[int, int],
        on_failure: Callable[[str, str], None],
    ) -> None:
        super().__init__(source.name)
        self._source = source
        self._feed = feed
        self._clock = clock
        self._tasks = tasks
        self._logger = logger
        self._pause_ns, self._pause_max_ns = pauses_ns
        self._on_failure = on_failure

    async def on_start(self) -> None:
        """Start the source in a task of its own."""
        self._tasks.spawn(self.name, self._keep_running())

    async def on_stop(self) -> None:
        """Cancel it, and wait until it has ended."""
        await self._tasks.cancel(self.name)

    async def _keep_running(self) -> None:
        failures = 0
        while True:
            began_ns = self._clock.monotonic_ns()
            problem = await self._run_once()
            if self._clock.monotonic_ns() - began_ns >= self._pause_max_ns:
                failures = 0
            self._degrade(problem)
            if not failures:
                self._on_failure(self.name, problem)
            await self._clock.sleep_ns(
                min(self._pause_ns << min(failures, _DOUBLINGS_MAX), self._pause_max_ns)
            )
            failures += 1

    async def _run_once(self) -> str:
        """Run the source until it ends, and return why it did."""
        try:
            await self._source.run(self._feed)
        except FAULTS as error:  # isolation point: a source that fails costs its prices, nothing else
            go_on_if_canceled()
            return type(error).__name__
        go_on_if_canceled()
        return "it returned"

    def _degrade(self, problem: str) -> None:
        self._logger.error("The price source %s ended and is started again: %s", self.name, problem)
        if self.state is ComponentState.RUNNING:
            self.move(ComponentState.DEGRADED, f"it ended: {problem}")
        self._feed.on_taken = self._recovered

    def _recovered(self) -> None:
        """A price came again."""
        self._feed.on_taken = None
        if self.state is ComponentState.DEGRADED:
            self.move(ComponentState.RUNNING)


# fixed: enough for any pause that can be set
_DOUBLINGS_MAX = 32
"""Enough for any pause; keeps the figure small when a source fails for years."""
