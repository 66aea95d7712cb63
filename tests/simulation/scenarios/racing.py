"""Requests that come too late: a fill, or the end of the order, overtakes them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import SubmitRequest
from fairlead.testing.generation import Generation
from fairlead.testing.wire import CANCEL, MODIFY, NORMAL, SUBMIT, Fate, Trip
from tests.simulation.invariants import Journal
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

SLOW_NS = 350 * NANOSECONDS_PER_MILLISECOND
"""Slower than the market fills, and just fast enough to be waited for."""

# -- cancels -------------------------------------------------------------------------------------------------

CANCELS = {1: Fate(request_ns=SLOW_NS), 2: Fate(request_lost=True), 3: Fate(answer_lost=True)}


def cancels_in_trouble(trip: Trip) -> Fate:
    """Let the first cancel arrive too late, lose the second, and lose the answer to the third."""
    return CANCELS.get(trip.number, NORMAL) if trip.method == CANCEL else NORMAL


async def doubtful_cancels(world: MarketWorld, generation: Generation) -> None:
    """Place one order that fills and two that rest, and cancel all of them."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)

        async def come_and_go(key: str, price: str) -> None:
            result = await bot.execute(key, Proposal.buy(SYMBOL, quantity="0.60", limit_price=price))
            await bot.insist(partial(bot.session.cancel, result.client_order_id))

        async with asyncio.TaskGroup() as group:
            for key, price in (("fills", "100"), ("rests", "90"), ("lies", "91")):
                group.create_task(come_and_go(key, price))
        await world.converge(generation, kernel)


def check_canceled(world: MarketWorld) -> None:
    """Demand the same, and that what could not trade was canceled or never came to the venue."""
    check(world)
    rows = rows_by_key(world)
    assert rows.keys() == {"fills", "rests", "lies"}
    assert {rows[key]["state"] for key in ("rests", "lies")} <= {"canceled", "not_sent", "not_placed"}


# -- modifies ------------------------------------------------------------------------------------------------


def slow_modifies(trip: Trip) -> Fate:
    """Let every modify arrive late: its order has filled more by then, or all."""
    return Fate(request_ns=SLOW_NS) if trip.method == MODIFY else NORMAL


async def overtaken_modifies(world: MarketWorld, generation: Generation) -> None:
    """Grow an order that is filled before that arrives, and shrink one to less than was filled by then."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)

        async def change(key: str, quantity: str, wanted: str) -> None:
            placed = await bot.execute(key, Proposal.buy(SYMBOL, quantity=quantity, limit_price="100"))
            name = placed.client_order_id
            modify = partial(bot.session.modify_order, name, quantity=wanted, idempotency_key=f"{key}d")
            result = await bot.insist(modify)
            if result.unresolved:
                result = await bot.session.change_settled(result.change_id)
            first = world.answered.setdefault(key, result)
            assert first == result, f"{key}: answered {first.code}, then {result.code}"

        async with asyncio.TaskGroup() as group:
            group.create_task(change("grow", "0.30", "0.60"))
            group.create_task(change("shrink", "0.90", "0.50"))
        await world.converge(generation, kernel)


def check_overtaken(world: MarketWorld) -> None:
    """Demand the same, that each change was answered once for good, and that no order filled too much."""
    check(world)
    rows = rows_by_key(world)
    assert world.answered.keys() == rows.keys() == {"grow", "shrink"}
    for key, most in (("grow", "0.60"), ("shrink", "0.90")):
        assert rows[key]["filled_quantity"] <= Decimal(most)
    sent = Journal(world.disk).of("modify_started")
    assert len({record["change_id"] for record in sent}) == len(sent), "a modify was sent twice"


# -- acknowledgements ----------------------------------------------------------------------------------------


def slow_acknowledgements(trip: Trip) -> Fate:
    """Let the answer to a purchase come after its fills, and that to a sale never."""
    if trip.method != SUBMIT:
        return NORMAL
    assert isinstance(trip.subject, SubmitRequest)
    return Fate(answer_lost=True) if trip.subject.reduces else Fate(answer_ns=SLOW_NS)


async def early_fills(world: MarketWorld, generation: Generation) -> None:
    """Buy at the market and sell again: the trades are told before, or instead of, the acknowledgement."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        await bot.pause_ms(120)  # until there is a price
        bought = await bot.execute("buy", Proposal.buy(SYMBOL, quantity="0.50"))
        if (await bought.closed()).filled_quantity:
            sold = await bot.execute("sell", Proposal.sell(SYMBOL, quantity="0.50"))
            await sold.closed()
        await world.converge(generation, kernel)


def check_early(world: MarketWorld) -> None:
    """Demand the same, and that what was sold was what had been bought, unless that never arrived."""
    check(world)
    rows = rows_by_key(world)
    if "sell" in rows:
        assert rows["sell"]["reduces"] is True
        assert rows["buy"]["filled_quantity"] >= rows["sell"]["filled_quantity"]
    else:
        assert rows["buy"]["state"] in ("not_sent", "not_placed")


SCENARIOS = {
    "doubtful_cancels": Scenario(
        lambda seed: MarketWorld(seed, fate=cancels_in_trouble),
        doubtful_cancels,
        doubtful_cancels,
        check_canceled,
        is_sampled=True,
    ),
    "overtaken_modifies": Scenario(
        lambda seed: MarketWorld(seed, fate=slow_modifies),
        overtaken_modifies,
        overtaken_modifies,
        check_overtaken,
        is_sampled=True,
    ),
    "early_fills": Scenario(
        lambda seed: MarketWorld(seed, fate=slow_acknowledgements),
        early_fills,
        early_fills,
        check_early,
        is_sampled=True,
    ),
}
