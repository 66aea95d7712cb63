"""Answers and requests that get lost, or are late."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fairlead import Proposal
from fairlead.ports.exchange import SubmitRequest
from fairlead.testing.generation import Generation
from fairlead.testing.wire import NORMAL, Fate, Trip
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import LATE_NS, check, come_back
from tests.simulation.scenarios.scenario import Scenario

ANSWER_LOST = Decimal("1.01")
REQUEST_LOST = Decimal("1.02")
REQUEST_LATE = Decimal("0.53")


class Lossy:
    """Loses the answer to one order, the request of another, and lets a third arrive late but in time.

    Each once: whoever sends again gets through, and is found out.
    """

    def __init__(self) -> None:
        self._met: set[str] = set()

    def __call__(self, trip: Trip) -> Fate:
        """Decide over one trip."""
        request = trip.subject
        if not isinstance(request, SubmitRequest) or request.client_order_id in self._met:
            return NORMAL
        self._met.add(request.client_order_id)
        if request.quantity == ANSWER_LOST:
            return Fate(answer_lost=True)
        return Fate(request_lost=True) if request.quantity == REQUEST_LOST else Fate(request_ns=LATE_NS)


async def lost_answers(world: MarketWorld, generation: Generation) -> None:
    """Three orders at once whose fate the kernel has to find out."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def submit(quantity: Decimal) -> None:
            result = await bot.execute(Proposal.buy(SYMBOL, quantity=quantity, limit_price="100"))
            world.acknowledge(generation, result.client_order_id)

        async with asyncio.TaskGroup() as group:
            for quantity in (ANSWER_LOST, REQUEST_LOST, REQUEST_LATE):
                group.create_task(submit(quantity))
        await world.converge(generation, kernel)


SCENARIOS = {
    "lost_answers": Scenario(lambda seed: MarketWorld(seed, fate=Lossy()), lost_answers, come_back, check)
}
