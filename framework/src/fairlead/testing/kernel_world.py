"""A world for kernels: a disk that survives, a venue that lives on, and a kernel that may die at any instant.

::

    class MyWorld(KernelWorld): ...

    async def trade(world, generation):
        async with world.kernel(generation) as kernel:
            result = await kernel.session(owner="bot").execute(Proposal.buy("BTC/USDT", quantity="1"))
            world.acknowledge(generation, result.client_order_id)
            await world.converge(generation, kernel)

    async def recover(world, generation):
        async with world.kernel(generation) as kernel:
            await world.converge(generation, kernel)

    survey = crash_at_every_step(CrashExperiment(MyWorld, trade, recover, check))

`check` then compares `world.disk` and the venue with whatever must hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from fairlead.domain.trading_state import TradingState
from fairlead.kernel.gate.watchdog import NoWatchdog
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.exchange import ExchangeClient, Report
from fairlead.ports.notices import Notifier
from fairlead.ports.risk import RiskCheck
from fairlead.ports.store import Batch
from fairlead.testing.endpoint import DecideNotice, Endpoint
from fairlead.testing.generation import Generation
from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.memory_store import AppendFault, MemoryDisk, MemoryStore
from fairlead.testing.notice_truth import NoticeTruth
from fairlead.testing.simulation import World
from fairlead.testing.simulation_errors import SimulationError
from fairlead.testing.timer_queue import MICROSECONDS_PER_SECOND
from fairlead.testing.virtual_clock import VirtualClock
from fairlead.testing.wire import NORMAL, TOLD_ONCE, Fate, ReportFate, Trip, Wire

CONVERGENCE_POLL_NS = 100 * NANOSECONDS_PER_MILLISECOND
CONVERGENCE_NS = 600 * NANOSECONDS_PER_SECOND
COMMIT_NS_MAX = 3 * NANOSECONDS_PER_MILLISECOND
TWO_HOURS_US = 2 * 3_600 * MICROSECONDS_PER_SECOND


class NotConverged(SimulationError):
    """The kernel did not come to rest in time: an order is still live, or something is under way."""


class SlowStore(MemoryStore):
    """A `MemoryStore` whose commits take time, so that other steps gather behind them."""

    def __init__(
        self,
        world: KernelWorld,
        generation: Generation,
        faults: Callable[[Batch], AppendFault | None] | None,
    ) -> None:
        super().__init__(world.disk, at=self._at, faults=faults)
        self._world = world
        self._generation = generation
        self._clock: Clock = world.clock_of(generation)
        self._stream = world.streams.of("disk")

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        await self._clock.sleep_ns(self._stream.randrange(COMMIT_NS_MAX))
        await super().append(batch)
        await self._clock.sleep_ns(self._stream.randrange(COMMIT_NS_MAX))

    def _at(self, label: str) -> None:
        self._generation.check()
        self._world.crash_points.reached(label)


class KernelWorld(World):
    """Holds what outlives a kernel, and makes a kernel for each generation.

    *make_venue* is given the venue's own clock, `venue_clock`, which tells the world's time until one of the
    two is set; it returns a client of the venue, which then lives as long as the world. *fate* decides over
    requests on the wire, *report_fate* over reports of the stream, *append_fault* over commits. A world that
    is older than two hours ends with `Overtime`: somebody waits there for what never comes. *acknowledged*
    are the client order ids that the bot was told, in order, over all generations.
    """

    def __init__(
        self,
        make_venue: Callable[[Clock], ExchangeClient],
        *,
        settings: KernelSettings,
        checks: Sequence[RiskCheck] = (),
        seed: int = 0,
        interleaving: InterleavingName = "uniform",
        fate: Callable[[Trip], Fate] = lambda _trip: NORMAL,
        report_fate: Callable[[Report], ReportFate] = lambda _report: TOLD_ONCE,
        append_fault: Callable[[Batch], AppendFault | None] | None = None,
    ) -> None:
        super().__init__(seed, interleaving=interleaving, time_limit_us=TWO_HOURS_US)
        self.settings = settings
        self.disk = MemoryDisk()
        self.venue_clock = VirtualClock(self.loop)
        self.wire = Wire(self, make_venue(self.venue_clock), fate, report_fate)
        self.endpoint: Endpoint | None = None
        self.notice_truth: NoticeTruth | None = None
        self.acknowledged: list[str] = []
        self._checks = checks
        self._append_fault = append_fault

    def after_crash(self) -> None:
        """Leave of the store what was durable, held by nobody."""
        self.disk.lose_process()

    def kernel(self, generation: Generation) -> Kernel:
        """Return a kernel of this generation, on the world's disk, time and venue; start it yourself."""
        return Kernel(
            self.settings,
            exchange=self.wire.client(generation),
            store=SlowStore(self, generation, self._commit_fault()),
            checks=self._checks,
            notifiers=[*self.notifiers(), *([self.endpoint.client(generation)] if self.endpoint else [])],
            clock=self.clock_of(generation),
            ids=self.ids_of(generation),
            logger=_silent(),
            watchdog=NoWatchdog(),
        )

    def open_endpoint(self, fate: DecideNotice) -> None:
        """Have an `endpoint` that every kernel made from here on tells everything, and its judge.

        *fate* decides over each attempt to tell it; call this before the first kernel is made.
        """
        self.endpoint = Endpoint(self, self.disk, fate)
        self.notice_truth = NoticeTruth(self.disk, self.endpoint)

    def notifiers(self) -> Sequence[Notifier]:
        """Return whom a kernel of this world tells besides its endpoint; nobody here.

        They live as long as the world.
        """
        return ()

    def _commit_fault(self) -> Callable[[Batch], AppendFault | None] | None:
        """Return what decides over the commits of a kernel made now, behind who looks at each of them."""
        decide, truth = self._append_fault, self.notice_truth
        if truth is None:
            return decide

        def look(batch: Batch) -> AppendFault | None:
            truth.begin(batch)
            return None if decide is None else decide(batch)

        return look

    def acknowledge(self, generation: Generation, client_order_id: str) -> None:
        """Note that the bot was told of this order: from here on it may not be lost."""
        generation.check()
        self.acknowledged.append(client_order_id)

    async def converge(
        self, generation: Generation, kernel: Kernel, *, within_ns: int = CONVERGENCE_NS
    ) -> None:
        """Return once the kernel has no live order, nothing under way and nothing that waits for its pace.

        A reconciliation that waits to look at something a second time has not passed: trading is disabled.

        Raises `NotConverged` when that takes longer than *within_ns*.
        """
        clock = self.clock_of(generation)
        give_up_ns = clock.monotonic_ns() + within_ns
        while True:
            live = [order for order in kernel.orders() if not order.is_closed]
            reconciled = kernel.trading_state is not TradingState.DISABLED or kernel.settings.start_disabled
            if not live and reconciled and kernel.is_settled() and not kernel.pacing.waiting:
                return
            if clock.monotonic_ns() > give_up_ns:
                raise NotConverged(f"after {within_ns // NANOSECONDS_PER_SECOND} s still live: {live}")
            await clock.sleep_ns(CONVERGENCE_POLL_NS)


def _silent() -> logging.Logger:
    """Return a logger for kernels that die on purpose; the trace of the run tells more than their log."""
    logger = logging.getLogger("fairlead.testing.kernel_world")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger
