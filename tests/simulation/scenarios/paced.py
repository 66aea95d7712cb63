"""More orders than the venue's rate limit lets out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from functools import partial

from fairlead import OrderStatus, Proposal
from fairlead.errors import UnknownName
from fairlead.testing.generation import Generation
from fairlead_paper.settings import RateLimitSettings
from tests.simulation.invariants import paced_problems
from tests.simulation.market import SYMBOL, MarketWorld, Place
from tests.simulation.scenarios.recovery import TRY_AGAIN_NS, check, insist, outcomes_by_key
from tests.simulation.scenarios.scenario import Scenario

LIMIT = RateLimitSettings(
    capacity=Decimal(5),
    per_second=Decimal(4),
    cancel=Decimal(1),
    cancel_young=Decimal(2),
    read=Decimal("0.25"),
)
LIMITED = Place(rate_limit=LIMIT)
PATIENCE = 10
"""How often the bot looks whether something was bought that it can sell."""

ENTRIES = ("one", "two", "three", "four", "five", "six")


async def paced_bot(world: MarketWorld, generation: Generation) -> None:
    """Six entries at once, of which some wait; the last is canceled while it waits, and an exit overtakes.

    It is its own recovery, as the busy bot is; what a crash closed unsent stays so for its key.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> str:
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        async def enter(key: str) -> str:
            return await execute(key, Proposal.buy(SYMBOL, quantity="0.10", limit_price="100"))

        async with asyncio.TaskGroup() as group:
            entries = [group.create_task(enter(key)) for key in ENTRIES]
            await clock.sleep_ns(TRY_AGAIN_NS)
            waiting = [order for order in kernel.orders() if order.status == OrderStatus.APPROVED]
            if waiting:
                with suppress(UnknownName):  # it was not durable, and its key will make another order
                    await insist(clock, lambda: bot.cancel(waiting[-1].client_order_id))
            for _ in range(PATIENCE):
                if bot.position(SYMBOL) is not None:
                    break
                await clock.sleep_ns(TRY_AGAIN_NS)
            group.create_task(execute("close", Proposal.sell(SYMBOL, quantity="0.10")))
        for entry in entries:
            await insist(clock, partial(bot.cancel, entry.result()))
        await world.converge(generation, kernel)


def check_pace(world: MarketWorld) -> None:
    """Demand the same, that the venue never had to turn anything away, and that nothing was dropped."""
    check(world)
    assert world.throttle.refused == 0
    assert paced_problems(world.disk) == []
    assert outcomes_by_key(world).keys() == {*ENTRIES, "close"}


SCENARIOS = {
    "paced_bot": Scenario(
        lambda seed: MarketWorld(seed, place=LIMITED), paced_bot, paced_bot, check_pace, is_sampled=True
    )
}
