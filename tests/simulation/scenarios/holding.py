"""What is held: a position that flips, positions side by side, two symbols, and orders that are triggered."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

import attrs

from fairlead import Proposal
from fairlead.ports.exchange import OrderType
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal
from tests.simulation.market import BTC_USDT, SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

UNTIL_PRICED_MS = 100
DUST = BTC_USDT.minimum_quantity

# -- from long to short --------------------------------------------------------------------------------------


TARGETS = {"long": "0.30", "short": "-0.40", "flat": "0"}


async def flips(world: MarketWorld, generation: Generation) -> None:
    """Go long, through flat to short with one order, and flat again."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.pause_ms(UNTIL_PRICED_MS)
        for key, target in TARGETS.items():
            await (await bot.execute(key, Proposal.to_target(SYMBOL, target))).closed()
        await world.converge(generation, kernel)


def check_flips(world: MarketWorld) -> None:
    """Demand the same, and that each order was sized by what was held when it was made."""
    check(world)
    held, rows = Decimal(0), rows_by_key(world)
    for key, target in TARGETS.items():
        if key in rows:
            row = rows[key]
            sign = 1 if row["side"] == "buy" else -1
            assert held + sign * row["quantity"] == Decimal(target), f"{key} from {held}"
            held += sign * row["filled_quantity"]


# -- side by side --------------------------------------------------------------------------------------------


async def hedges(world: MarketWorld, generation: Generation) -> None:
    """Hold a long and a short position side by side, close one of them, and flatten."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel, hedging=True)
        await bot.pause_ms(UNTIL_PRICED_MS)
        bought = await bot.execute("long", Proposal.buy(SYMBOL, quantity="0.30"))
        sold = await bot.execute("short", Proposal.sell(SYMBOL, quantity="0.20"))
        await sold.closed()
        if (await bought.closed()).filled_quantity:
            close = partial(
                bot.session.close_position,
                SYMBOL,
                position_id=bought.order.position_id,
                idempotency_key="close",
            )
            await bot.insist(close)
        await bot.insist(partial(bot.session.flatten, idempotency_key="all"))
        await world.converge(generation, kernel)


def check_hedges(world: MarketWorld) -> None:
    """Demand the same, and that of each position no more than dust is left, on either side."""
    check(world)
    for row in Journal(world.disk).positions:
        assert abs(row["quantity"]) < DUST, row


# -- two symbols ---------------------------------------------------------------------------------------------

OTHER = "ETH/USDT"
TWO_SYMBOLS = Place(instruments=(BTC_USDT, attrs.evolve(BTC_USDT, symbol=OTHER, base="ETH")))


async def two_symbols(world: MarketWorld, generation: Generation) -> None:
    """Trade and rest in two symbols at once, then cancel all that rests with one command."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)

        async def trade(symbol: str) -> None:
            await bot.execute(f"rests:{symbol}", Proposal.buy(symbol, quantity="0.20", limit_price="90"))
            trades = Proposal.buy(symbol, quantity="0.50", limit_price="100")
            await (await bot.execute(f"trades:{symbol}", trades)).closed()

        async with asyncio.TaskGroup() as group:
            for symbol in TWO_SYMBOLS.instruments:
                group.create_task(trade(symbol.symbol))
        await bot.insist(partial(bot.session.cancel_all, idempotency_key="all"))
        await world.converge(generation, kernel)


def check_two_symbols(world: MarketWorld) -> None:
    """Demand the same, and that only what rested was canceled."""
    check(world)
    for key, row in rows_by_key(world).items():
        ends = {"canceled"} if key.startswith("rests") else {"filled"}
        assert row["state"] in ends | {"not_sent", "not_placed"}, f"{key} {row['state']}"


# -- triggers ------------------------------------------------------------------------------------------------

WITH_STOPS = Place(
    offers={
        "order_types": frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT})
    }
)


async def triggered(world: MarketWorld, generation: Generation) -> None:
    """Have a stop become a market order, and another a limit order that is filled in parts."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        stop = Proposal.buy(SYMBOL, quantity="0.40", order_type="stop", trigger_price="101")
        limit = Proposal.buy(
            SYMBOL, quantity="0.50", order_type="stop_limit", trigger_price="101", limit_price="100"
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(bot.execute("stop", stop))
            group.create_task(bot.execute("limit", limit))
        await world.converge(generation, kernel)


SCENARIOS = {
    "flips": Scenario(MarketWorld, flips, flips, check_flips, is_sampled=True),
    "hedges": Scenario(MarketWorld, hedges, hedges, check_hedges, is_sampled=True),
    "two_symbols": Scenario(
        lambda seed: MarketWorld(seed, place=TWO_SYMBOLS),
        two_symbols,
        two_symbols,
        check_two_symbols,
        is_sampled=True,
    ),
    "triggered": Scenario(
        lambda seed: MarketWorld(seed, place=WITH_STOPS), triggered, triggered, check, is_sampled=True
    ),
}
