"""Who governs a kernel: trading states, stops and starts, an operator over two owners, and remarks."""

from __future__ import annotations

import asyncio
from functools import partial

import attrs

from fairlead import ExecutionResult, Proposal, TradingState
from fairlead.errors import JournalUnavailable, NotRunning
from fairlead.kernel.settings import OnStop
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal
from tests.simulation.market import BTC_USDT, SETTINGS, SYMBOL, MarketWorld
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

# -- trading is switched off and on --------------------------------------------------------------------------


async def switched(world: MarketWorld, generation: Generation) -> None:
    """Halt trading while an order works: what adds is denied, what reduces passes; then go on."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        first = await bot.execute("first", Proposal.buy(SYMBOL, quantity="0.50", limit_price="100"))
        halt = partial(kernel.set_trading_state, TradingState.HALTED, reason="lunch")
        await bot.insist(halt)
        await bot.execute("denied", Proposal.buy(SYMBOL, quantity="0.20", limit_price="100"))
        if (await first.closed()).filled_quantity:
            await bot.execute("reduces", Proposal.sell(SYMBOL, quantity="0.20"))
        await bot.insist(partial(kernel.set_trading_state, TradingState.ACTIVE, reason="work"))
        await bot.execute("last", Proposal.buy(SYMBOL, quantity="0.20", limit_price="100"))
        await world.converge(generation, kernel)


def check_switched(world: MarketWorld) -> None:
    """Demand the same, and that only what would have added while trading was halted was denied."""
    check(world)
    denied = {key for key, row in rows_by_key(world).items() if row["state"] == "denied"}
    assert denied == {"denied"}


# -- a stop with orders in flight ----------------------------------------------------------------------------

STOPS = attrs.evolve(SETTINGS, on_stop=OnStop.CANCEL_ENTRIES, stop_timeout_ms=1_000)


async def stopped(world: MarketWorld, generation: Generation) -> None:
    """Stop a kernel with an order on its way and one that rests, and go on with another kernel."""
    first = Proposal.buy(SYMBOL, quantity="0.60", limit_price="100")
    rest = Proposal.buy(SYMBOL, quantity="0.20", limit_price="90")
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.execute("rests", rest)
        on_its_way = asyncio.create_task(bot.session.execute(first, idempotency_key="first"))
        await bot.pause_ms(15)
    [told] = await asyncio.gather(on_its_way, return_exceptions=True)
    assert isinstance(told, ExecutionResult | NotRunning | JournalUnavailable), told
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.execute("rests", rest)
        again = await bot.execute("first", first)
        assert not isinstance(told, ExecutionResult) or told.client_order_id == again.client_order_id
        await (await bot.execute("second", Proposal.buy(SYMBOL, quantity="0.20", limit_price="101"))).closed()
        await world.converge(generation, kernel)


def check_stopped(world: MarketWorld) -> None:
    """Demand the same, one order for each key, and that what rested is over without a trade."""
    check(world)
    rows = rows_by_key(world)
    assert rows.keys() == {"rests", "first", "second"}
    assert rows["rests"]["state"] in ("canceled", "not_sent", "not_placed")


# -- two owners and an operator ------------------------------------------------------------------------------


async def two_owners(world: MarketWorld, generation: Generation) -> None:
    """Let two owners trade against each other's direction, and the operator flatten both."""
    async with world.kernel(generation) as kernel:
        alice = KeyedBot(world, generation, kernel, owner="alice")
        bob = KeyedBot(world, generation, kernel, owner="bob")
        await alice.pause_ms(100)  # until there is a price
        entry = await alice.execute("entry", Proposal.buy(SYMBOL, quantity="2.00", limit_price="100"))
        refused = await alice.insist(partial(bob.session.cancel, entry.client_order_id))
        assert refused.code in ("FOREIGN_OWNER", "ALREADY_CLOSED")
        await (await bob.execute("short", Proposal.sell(SYMBOL, quantity="0.30"))).closed()
        await alice.insist(partial(kernel.flatten, idempotency_key="all"))
        await world.converge(generation, kernel)


def check_flat(world: MarketWorld) -> None:
    """Demand the same, and that nobody holds more than what a late fill left, too small to be sold."""
    check(world)
    for row in Journal(world.disk).positions:
        assert abs(row["quantity"]) < BTC_USDT.minimum_quantity, row


# -- what is said about orders and episodes ------------------------------------------------------------------


async def remarks(world: MarketWorld, generation: Generation) -> None:
    """Say something about an order while it works and when it is over, and about its episode."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        wish = Proposal.buy(SYMBOL, quantity="0.40", limit_price="100", note="first", tags=["plan"])
        placed = await bot.execute("said", wish)
        say = partial(bot.session.annotate, placed.client_order_id)
        tag = partial(say, add_tags=["works"], remove_tags=["plan"], idempotency_key="tag")
        assert (await bot.insist(tag)).accepted
        over = await placed.closed()
        note = partial(say, note="over", metadata={"why": "filled"}, idempotency_key="note")
        assert (await bot.insist(note)).accepted
        if over.filled_quantity:
            about = partial(bot.session.annotate_episode, SYMBOL, 1, note="a try", idempotency_key="episode")
            assert (await bot.insist(about)).accepted
        await world.converge(generation, kernel)


def check_said(world: MarketWorld) -> None:
    """Demand the same; each word is on record once, and the row says the last of them."""
    check(world)
    row = rows_by_key(world)["said"]
    assert row["note"] == "over"
    journal = Journal(world.disk)
    said = journal.of("order_annotated")
    assert len(said) == 2
    assert len(journal.of("episode_annotated")) == bool(row["filled_quantity"])


SCENARIOS = {
    "switched": Scenario(MarketWorld, switched, switched, check_switched, is_sampled=True),
    "stopped": Scenario(
        lambda seed: MarketWorld(seed, settings=STOPS), stopped, stopped, check_stopped, is_sampled=True
    ),
    "two_owners": Scenario(MarketWorld, two_owners, two_owners, check_flat, is_sampled=True),
    "remarks": Scenario(MarketWorld, remarks, remarks, check_said, is_sampled=True),
}
