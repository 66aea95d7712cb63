"""A venue that is heard badly: reports come twice, half of them, or none; ids of trades are shared."""

from __future__ import annotations

import asyncio
from collections import Counter

import attrs

from fairlead import Kernel, Proposal, TradingState
from fairlead.domain.anomalies import AnomalyKind
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import FillReport, OrderReport, Report
from fairlead.testing.generation import Generation
from fairlead.testing.wire import TOLD_ONCE, ReportFate
from fairlead_paper.records import VenueFill
from tests.simulation.invariants import Journal
from tests.simulation.market import SETTINGS, SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.one_order import one_limit_order
from tests.simulation.scenarios.recovery import TRY_AGAIN_NS, check, come_back
from tests.simulation.scenarios.scenario import Scenario

# -- reports -------------------------------------------------------------------------------------------------


LOST, TWICE = ReportFate(copies=0), ReportFate(copies=2)


def twice(_report: Report) -> ReportFate:
    """Let everything arrive twice, each by a way of its own."""
    return TWICE


class HalfTold:
    """Loses every second report of an order or a trade."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, report: Report) -> ReportFate:
        """Decide over one report."""
        if not isinstance(report, OrderReport | FillReport):
            return TOLD_ONCE
        self._told += 1
        return TOLD_ONCE if self._told % 2 else LOST


def prices_only(report: Report) -> ReportFate:
    """Lose whatever is said of orders and trades."""
    return LOST if isinstance(report, OrderReport | FillReport) else TOLD_ONCE


OFTEN = attrs.evolve(SETTINGS, reconcile_interval_ms=300, poll_interval_ms=200)


# -- a stream that breaks ------------------------------------------------------------------------------------

BREAKS_MS, BROKEN_MS = 150, 450


class BrokenStream(MarketWorld):
    """A market whose stream breaks soon, and comes back."""

    def __init__(self, seed: int) -> None:
        settings = attrs.evolve(SETTINGS, poll_interval_ms=150, stream_silence_max_ms=200)
        silent = frozenset({AnomalyKind.VENUE_SILENT.value})
        super().__init__(seed, settings=settings, expected=silent)
        self.spawn(self._break())

    async def _break(self) -> None:
        await self.clock.sleep_ns(BREAKS_MS * NANOSECONDS_PER_MILLISECOND)
        self.wire.disconnected("a cable was cut")
        await self.clock.sleep_ns(BROKEN_MS * NANOSECONDS_PER_MILLISECOND)
        self.wire.reconnected()


async def unheard_order(world: MarketWorld, generation: Generation) -> None:
    """Have an order fill while the stream is down."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        world.acknowledge(generation, result.client_order_id)
        await heard_again(world, generation, kernel)


async def come_back_and_hear(world: MarketWorld, generation: Generation) -> None:
    """Start a kernel on what is left, and let the stream come back as well."""
    async with world.kernel(generation) as kernel:
        await heard_again(world, generation, kernel)


async def heard_again(world: MarketWorld, generation: Generation, kernel: Kernel) -> None:
    """Wait until the stream's troubles are over and everything is at rest."""
    clock = world.clock_of(generation)
    await clock.sleep_ns((BREAKS_MS + BROKEN_MS) * NANOSECONDS_PER_MILLISECOND)
    while kernel.trading_state is TradingState.REDUCING:
        await clock.sleep_ns(TRY_AGAIN_NS)
    await world.converge(generation, kernel)


# -- trades that share their ids -----------------------------------------------------------------------------


class SharedTradeIds(MarketWorld):
    """A market that numbers the trades of each order anew."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        shelves = self.venue.shelves
        keep_fill, counts = shelves.keep_fill, Counter[str]()

        def keep_renamed(fill: VenueFill) -> None:
            counts[fill.venue_order_id] += 1
            fill.trade_id = f"T{counts[fill.venue_order_id]}"
            keep_fill(fill)

        shelves.keep_fill = keep_renamed  # type: ignore[method-assign]  # the venue's own numbers, in its place


async def two_orders(world: MarketWorld, generation: Generation) -> None:
    """Have two orders fill in parts at the same time."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        async with asyncio.TaskGroup() as group:
            for key, price in (("one", "101"), ("two", "100")):
                proposal = Proposal.buy(SYMBOL, quantity="0.40", limit_price=price)
                group.create_task(bot.execute(key, proposal))
        await world.converge(generation, kernel)


def check_shared(world: MarketWorld) -> None:
    """Demand the same, and that orders that both traded did share an id."""
    check(world)
    filled = [row for row in rows_by_key(world).values() if row["state"] == "filled"]
    told = Counter(record["trade_id"] for record in Journal(world.disk).of("order_filled"))
    assert told["T1"] == len(filled)


SCENARIOS = {
    "twice_told": Scenario(
        lambda seed: MarketWorld(seed, report_fate=twice), one_limit_order, come_back, check, is_sampled=True
    ),
    "half_told": Scenario(
        lambda seed: MarketWorld(seed, report_fate=HalfTold(), settings=OFTEN),
        one_limit_order,
        come_back,
        check,
        is_sampled=True,
    ),
    "not_streamed": Scenario(
        lambda seed: MarketWorld(
            seed, report_fate=prices_only, settings=OFTEN, place=Place(offers={"streams_reports": False})
        ),
        one_limit_order,
        come_back,
        check,
        is_sampled=True,
    ),
    "broken_stream": Scenario(BrokenStream, unheard_order, come_back_and_hear, check, is_sampled=True),
    "shared_trade_ids": Scenario(SharedTradeIds, two_orders, two_orders, check_shared, is_sampled=True),
}
