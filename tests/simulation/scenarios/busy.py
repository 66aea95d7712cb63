"""A cancel that races a fill, a reduction, a denial, and keys."""

from __future__ import annotations

import asyncio

from fairlead import Proposal
from fairlead.domain.events import OrderChanged
from fairlead.testing.generation import Generation
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import check, insist, outcomes_by_key
from tests.simulation.scenarios.scenario import Scenario


async def busy_bot(world: MarketWorld, generation: Generation) -> None:
    """Buy, cancel at the first part, sell some of it, and be denied; every command has its key.

    It is its own recovery: whatever it was told before, the same key must lead to the same order.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> str:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        changes = kernel.events.stream(OrderChanged)
        bought = await execute("open", Proposal.buy(SYMBOL, quantity="0.60", limit_price="100"))
        view = await bot.find_order(bought)
        while view is not None and not (view.is_closed or view.filled_quantity):
            event = await anext(changes)
            assert isinstance(event, OrderChanged)
            view = event.order if event.order.client_order_id == bought else view
        await insist(clock, lambda: bot.cancel(bought))
        async with asyncio.TaskGroup() as group:
            group.create_task(execute("tiny", Proposal.buy(SYMBOL, quantity="0.02", limit_price="100")))
            group.create_task(execute("close", Proposal.sell(SYMBOL, quantity="0.20")))
        await world.converge(generation, kernel)


def check_keys(world: MarketWorld) -> None:
    """Demand the same, and that each key made exactly one order, only the small one denied."""
    check(world)
    assert outcomes_by_key(world) == {"open": "", "close": "", "tiny": "QUANTITY_BELOW_MINIMUM"}
    assert len(set(world.acknowledged)) == 3


SCENARIOS = {"busy_bot": Scenario(MarketWorld, busy_bot, busy_bot, check_keys)}
