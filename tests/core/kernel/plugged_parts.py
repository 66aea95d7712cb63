"""Price sources and components as foreign plugins bring them, good ones and each kind of broken one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fairlead import Kernel, KernelSettings
from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.kernel.gate.watchdog import NoWatchdog
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.components import KernelComponent, KernelView
from fairlead.ports.prices import PriceFeed, PriceSource, Trade
from tests.core.kernel.bench import BTC, Bench, Yes

Script = Callable[["Source", PriceFeed], Awaitable[None]]


class Source:
    """A price source that does what its script says, and counts how often it was started."""

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self.script = script
        self.clock: Clock | None = None
        self.runs = 0
        self.ended = 0
        self.taken: list[bool] = []

    async def run(self, feed: PriceFeed) -> None:
        """Follow the script."""
        self.runs += 1
        try:
            await self.script(self, feed)
        finally:
            self.ended += 1

    async def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        assert self.clock is not None
        await self.clock.sleep_ns(milliseconds * NANOSECONDS_PER_MILLISECOND)

    def trade(self, price: str, symbol: str = BTC) -> Trade:
        """Return a trade made now."""
        assert self.clock is not None
        return Trade(symbol, Decimal(price), Decimal(1), self.clock.wall_ns())


class Part:
    """A component that notes what is done to it, and breaks where it is told to."""

    def __init__(self, name: str, after: Sequence[str] = (), **breaks: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self.after: Any = after
        self.breaks = breaks
        self.story: list[str] = []
        self.view: KernelView | None = None

    async def start(self, kernel: KernelView) -> None:
        """Start."""
        self.view = kernel
        self.story.append(f"start {self.name}")
        await self._maybe("start")

    async def run(self) -> None:
        """Run."""
        self.story.append(f"run {self.name}")
        await self._maybe("run")

    async def stop(self) -> None:
        """Stop."""
        self.story.append(f"stop {self.name}")
        await self._maybe("stop")

    async def _maybe(self, step: str) -> None:
        if step in self.breaks:
            await self.breaks[step]()


class Brings:
    """A plugin that brings these."""

    name = "brings"

    def __init__(self, sources: Sequence[Source] = (), parts: Sequence[Part] = ()) -> None:
        self.sources = sources
        self.parts = parts

    @hookimpl
    def fairlead_price_sources(self, context: PluginContext) -> Sequence[PriceSource]:
        """Bring the sources, with the clock."""
        for source in self.sources:
            source.clock = context.clock
        return self.sources

    @hookimpl
    def fairlead_components(self) -> Sequence[KernelComponent]:
        """Bring the components."""
        return self.parts


def new_kernel(
    bench: Bench,
    *plugins: object,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    **settings: Any,  # noqa: ANN401 - fields of several types
) -> Kernel:
    """Return a kernel on the bench's disk and venue with these plugins, not started."""
    bench.store = bench.new_store()
    bench.kernel = Kernel(
        KernelSettings(account="test", on_stop="leave", **settings),
        list(plugins),
        exchange=bench.exchange,
        store=bench.store,
        checks=[Yes()],
        clock=bench.clock,
        ids=bench.ids,
        watchdog=NoWatchdog(),
        tables=tables or {},
        logger=logging.getLogger("fairlead.test.plugged"),
    )
    return bench.kernel


async def plugged(bench: Bench, *plugins: object, **settings: Any) -> None:  # noqa: ANN401 - same
    """Have the bench go on with a kernel that has these plugins."""
    await bench.kernel.stop()
    await new_kernel(bench, *plugins, **settings).start()


def health_of(bench: Bench, name: str) -> tuple[str, str]:
    """Return state and problem of a part."""
    return {part: (state, problem) for part, state, problem in bench.kernel.health()}[name]
