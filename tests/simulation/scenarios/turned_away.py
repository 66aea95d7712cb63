"""A venue that turns requests away for a rate limit of which the kernel was not told."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

from fairlead import Proposal
from fairlead.testing.generation import Generation
from fairlead_paper.settings import RateLimitSettings
from tests.simulation.market import SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.keyed_bot import KeyedBot, rows_by_key
from tests.simulation.scenarios.recovery import check
from tests.simulation.scenarios.scenario import Scenario

TIGHT = RateLimitSettings(
    capacity=Decimal(3),
    per_second=Decimal(5),
    cancel=Decimal(1),
    cancel_young=Decimal(2),
    read=Decimal("0.05"),
)
UNTOLD = Place(offers={"pacing": None}, rate_limit=TIGHT)
KEYS = ("one", "two", "three", "rests")


async def turned_away(world: MarketWorld, generation: Generation) -> None:
    """Place more orders at once than the venue takes, and cancel one of them."""
    async with world.kernel(generation) as kernel:
        bot = KeyedBot(world, generation, kernel)

        async def enter(key: str) -> str:
            wish = Proposal.buy(SYMBOL, quantity="0.10", limit_price="90" if key == "rests" else "100")
            return (await bot.execute(key, wish)).client_order_id

        async with asyncio.TaskGroup() as group:
            entries = [group.create_task(enter(key)) for key in KEYS]
        await bot.insist(partial(bot.session.cancel, entries[-1].result()))
        await world.converge(generation, kernel)


def check_turned_away(world: MarketWorld) -> None:
    """Demand the same, one order a key, and that what was turned away was sent again or is not there."""
    check(world)
    rows = rows_by_key(world)
    assert rows.keys() == set(KEYS)
    ends = {row["state"] for key, row in rows.items() if key != "rests"}
    assert ends <= {"filled", "not_sent", "not_placed"}, ends


SCENARIOS = {
    "turned_away": Scenario(
        lambda seed: MarketWorld(seed, place=UNTOLD),
        turned_away,
        turned_away,
        check_turned_away,
        is_sampled=True,
    ),
}
