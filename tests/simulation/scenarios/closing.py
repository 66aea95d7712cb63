"""Three closers at once, while an entry and an exit rest."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fairlead import ExecutionResult, Proposal
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import check, insist
from tests.simulation.scenarios.scenario import Scenario


async def closing_bot(world: MarketWorld, generation: Generation) -> None:
    """Hold a position with an entry and an exit resting, then close it twice and flatten, all at once.

    It is its own recovery, by its keys.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> ExecutionResult:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result

        async def close(key: str) -> None:
            await insist(clock, lambda: bot.close_position(SYMBOL, idempotency_key=key))

        async def flatten() -> None:
            result = await insist(clock, lambda: bot.flatten(idempotency_key="flatten"))
            assert result.is_flat

        await (await execute("open", Proposal.buy(SYMBOL, quantity="0.60", limit_price="100"))).closed()
        await execute("entry", Proposal.buy(SYMBOL, quantity="0.20", limit_price="90"))
        await execute("rest", Proposal.sell(SYMBOL, quantity="0.20", limit_price="200"))
        async with asyncio.TaskGroup() as group:
            group.create_task(close("one"))
            group.create_task(flatten())
            group.create_task(close("two"))
        await world.converge(generation, kernel)


def check_closed(world: MarketWorld) -> None:
    """Demand the same, and that all was sold, nothing twice, and no wish is left."""
    check(world)
    journal = Journal(world.disk)
    held = Decimal(0)
    for record in journal.of("order_filled"):
        quantity = Decimal(record["quantity"])
        held += quantity if record["side"] == "buy" else -quantity
        assert held >= 0, "more sold than held"
    assert held == 0, "something is still held"
    assert len(journal.of("closing_ended")) >= 1
    assert len(set(world.acknowledged)) == 3


SCENARIOS = {"closing_bot": Scenario(MarketWorld, closing_bot, closing_bot, check_closed)}
