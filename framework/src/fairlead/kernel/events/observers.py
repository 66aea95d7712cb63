"""Observers: plugins that are told what happened, and cannot hurt trading by it.

Each plugin has a bounded queue and a task of its own. It hears every durable event of its kinds at most
once, in order, one in a turn of the loop; nobody waits for it. One that fails several times in a row is
muted, which its log line and the kernel's health say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fairlead.domain.events import Event, EventsMissed
from fairlead.kernel.components import Component, ComponentState
from fairlead.kernel.events.bus import EventBus, EventStream
from fairlead.plugins.observers import Observer
from fairlead.ports.clock import Clock

OBSERVERS = "observers"

_FAULTS = (Exception, SystemExit, asyncio.CancelledError)
"""What a plugin may throw at the kernel; a cancellation out of a synchronous call is its own doing."""


class Observers(Component):
    """The component of all observing plugins; DEGRADED once one of them is muted."""

    def __init__(
        self,
        observers: Sequence[Observer],
        bus: EventBus,
        clock: Clock,
        logger: logging.Logger,
        spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        super().__init__(OBSERVERS)
        self._observers = observers
        self._bus = bus
        self._clock = clock
        self._logger = logger
        self._spawn = spawn
        self._streams: list[EventStream] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_idle(self) -> bool:
        """Tell whether every plugin has heard all there is."""
        return not any(stream.queued for stream in self._streams)

    async def on_start(self) -> None:
        """Open a queue for each plugin."""
        for observer in self._observers:
            stream = self._bus.stream(*observer.handlers)
            self._streams.append(stream)
            self._tasks.append(self._spawn(f"observer {observer.name}", self._tell(observer, stream)))

    async def on_stop(self) -> None:
        """Let each plugin hear what is queued, then end."""
        for stream in self._streams:
            stream.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _tell(self, observer: Observer, stream: EventStream) -> None:
        failures = 0
        async for event in stream:
            if isinstance(event, EventsMissed):
                self._logger.warning(
                    "Observer %s was too slow and missed %d events", observer.name, event.count
                )
                continue
            failures = failures + 1 if self._failed(observer, event) else 0
            if failures >= self._bus.failures_max:
                self._mute(observer, stream)
                return
            await self._clock.sleep_ns(0)  # one event in a turn, however many are queued

    def _failed(self, observer: Observer, event: Event) -> bool:
        """Call the plugin's hooks for the event; tell whether one of them failed."""
        failed = False
        for handler in observer.handlers[type(event)]:
            try:
                handler(event)
            except _FAULTS as error:  # isolation point: it costs nothing but itself
                failed = True
                kind = type(error).__name__
                self._logger.error("Observer %s failed: %s on event %d", observer.name, kind, event.sequence)
        return failed

    def _mute(self, observer: Observer, stream: EventStream) -> None:
        stream.discard()
        problem = f"observer {observer.name} was muted after {self._bus.failures_max} failures in a row"
        self._logger.error("Plugins that observe: %s", problem)
        if self.state is ComponentState.RUNNING:
            self.move(ComponentState.DEGRADED)
        self.problem = f"{self.problem}; {problem}" if self.problem else problem
