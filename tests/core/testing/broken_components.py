"""Components with one fault each, by the rule that must notice it."""

# ruff: noqa: D101, D102, ANN401 - each class is named for its fault, and some see anything

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fairlead.errors import KernelUnusable
from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.components import KernelView


class SoundComponent:
    """Counts events in a task of its own; each broken component changes one thing."""

    name: str = "sound"
    after: Sequence[str] = ()

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seen = 0
        self.kernel: KernelView | None = None
        self.helper: asyncio.Future[None] | None = None

    async def start(self, kernel: KernelView) -> None:
        """Begin to count."""
        self.kernel = kernel
        self.helper = asyncio.ensure_future(self.clock.sleep_ns(10**18))

    async def run(self) -> None:
        """Count until canceled."""
        assert self.kernel is not None
        async for event in self.kernel.events():
            self.see(event)

    def see(self, event: Any) -> None:
        """Count one event."""
        del event
        self.seen += 1

    async def stop(self) -> None:
        """End the task."""
        assert self.helper is not None
        self.helper.cancel()
        await asyncio.wait((self.helper,))


class OddName(SoundComponent):
    name = "a part"


class AfterIsText(SoundComponent):
    after = "prices"


class AfterItself(SoundComponent):
    after = ("prices", "sound")


class PlainStop(SoundComponent):
    def stop(self) -> Any:
        return super().stop()


class WorksInStart(SoundComponent):
    async def start(self, kernel: KernelView) -> None:
        await super().start(kernel)
        await self.run()


class KnowsNoMissedEvents(SoundComponent):
    def see(self, event: Any) -> None:
        self.seen = event.sequence


class RaisesWhenItIsQuiet(SoundComponent):
    async def run(self) -> None:
        await self.clock.sleep_ns(2 * NANOSECONDS_PER_SECOND)
        raise TimeoutError("nothing happened")


class SwallowsItsCancellation(SoundComponent):
    async def run(self) -> None:
        for _ in range(5):
            try:
                await super().run()
            except asyncio.CancelledError:
                continue


class LeavesItsTask(SoundComponent):
    async def stop(self) -> None:
        pass


class NeverStops(SoundComponent):
    async def stop(self) -> None:
        await super().stop()
        await self.clock.sleep_ns(10**18)


class StartsOnce(SoundComponent):
    async def start(self, kernel: KernelView) -> None:
        if self.kernel is not None:
            raise KernelUnusable("This part was used up.")
        await super().start(kernel)


class Trades(SoundComponent):
    async def start(self, kernel: KernelView) -> None:
        await super().start(kernel)
        self.session = getattr(kernel, "session", None)


BROKEN: tuple[tuple[str, type[SoundComponent]], ...] = (
    ("C-01", OddName),
    ("C-02", AfterIsText),
    ("C-02", AfterItself),
    ("C-03", PlainStop),
    ("C-04", WorksInStart),
    ("C-05", KnowsNoMissedEvents),
    ("C-05", RaisesWhenItIsQuiet),
    ("C-06", SwallowsItsCancellation),
    ("C-07", LeavesItsTask),
    ("C-07", NeverStops),
    ("C-08", StartsOnce),
    ("C-09", Trades),
)
"""Rule and component that breaks it."""
