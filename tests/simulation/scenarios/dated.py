"""Orders that are good until a date, partly filled when it comes: the venue holds the date, or the kernel."""

from __future__ import annotations

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import TimeInForce
from fairlead.testing.generation import Generation
from fairlead.testing.virtual_clock import START_OF_2026_NS
from tests.simulation.market import SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

DATE_NS = START_OF_2026_NS + 700 * NANOSECONDS_PER_MILLISECOND
"""After some of the market's trades, before all that the order wants."""

WITH_DATES = Place(offers={"times_in_force": frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTD})})


async def dated_order(world: MarketWorld, generation: Generation) -> None:
    """Buy more than can be had by the date."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)
        wish = Proposal.buy(
            SYMBOL, quantity="5.00", limit_price="100", time_in_force=TimeInForce.GTD, expire_ns=DATE_NS
        )
        await bot.execute("dated", wish)
        await world.converge(generation, kernel)


def check_ended_by(world: MarketWorld, end: str) -> None:
    """Demand the same, and that the date ended the order, unless it came too late for it."""
    check(world)
    row = rows_by_key(world)["dated"]
    assert row["state"] in (end, "denied", "rejected", "not_sent", "not_placed"), row["state"]
    assert row["filled_quantity"] < row["quantity"]


SCENARIOS = {
    "expires_at_venue": Scenario(
        lambda seed: MarketWorld(seed, place=WITH_DATES),
        dated_order,
        dated_order,
        lambda world: check_ended_by(world, "expired"),
        is_sampled=True,
    ),
    "expires_here": Scenario(
        MarketWorld,
        dated_order,
        dated_order,
        lambda world: check_ended_by(world, "canceled"),
        is_sampled=True,
    ),
}
