"""One order's whole life."""

from __future__ import annotations

from fairlead import Proposal
from fairlead.testing.generation import Generation
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import check, come_back
from tests.simulation.scenarios.scenario import Scenario


async def one_limit_order(world: MarketWorld, generation: Generation) -> None:
    """Submitted, acknowledged, partly filled, filled."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        world.acknowledge(generation, result.client_order_id)
        await result.closed()
        await world.converge(generation, kernel)


SCENARIOS = {"one_limit_order": Scenario(MarketWorld, one_limit_order, come_back, check)}
