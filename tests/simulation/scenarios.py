"""The three lives of orders that are crashed everywhere, each with its recovery.

A bot that dies and comes back does what bots do: where it gave idempotency keys it repeats its
commands, where it gave none it looks at what its kernel still has.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fairlead import Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import SubmitRequest
from fairlead.testing.crash_survey import CrashExperiment
from fairlead.testing.generation import Generation
from fairlead.testing.wire import NORMAL, SUBMIT, Fate, Trip
from tests.simulation.invariants import Journal, recovered_problems
from tests.simulation.market import ACCOUNT, SYMBOL, MarketWorld

LOOK_AGAIN_NS = 20 * NANOSECONDS_PER_MILLISECOND
DOWNTIME_NS = 30 * NANOSECONDS_PER_MILLISECOND

ANSWER_LOST = Decimal("1.01")
REQUEST_LOST = Decimal("1.02")
REQUEST_LATE = Decimal("0.53")
LATE_NS = 1_200 * NANOSECONDS_PER_MILLISECOND


async def come_back(world: MarketWorld, generation: Generation) -> None:
    """Start a kernel on what is left and let it come to rest: the recovery of a bot without keys."""
    async with world.kernel(generation) as kernel:
        await world.converge(generation, kernel)


def check(world: MarketWorld) -> None:
    """Demand that nothing was lost, doubled or booked wrongly, at any crash and at the end."""
    problems = [
        *world.problems,
        *recovered_problems(world.disk, world.venue, ACCOUNT, world.acknowledged),
    ]
    assert not problems, "\n".join(problems)


# -- (a) one order's whole life ------------------------------------------------------------------------------


async def one_limit_order(world: MarketWorld, generation: Generation) -> None:
    """Submitted, acknowledged, partly filled, filled."""
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        world.acknowledge(generation, result.client_order_id)
        await result.closed()
        await world.converge(generation, kernel)


# -- (b) answers and requests that get lost ------------------------------------------------------------------


def lossy(trip: Trip) -> Fate:
    """Lose the answer to one order, the request of another, and let a third arrive late but in time."""
    if trip.method != SUBMIT or not isinstance(trip.subject, SubmitRequest):
        return NORMAL
    if trip.subject.quantity == ANSWER_LOST:
        return Fate(answer_lost=True)
    if trip.subject.quantity == REQUEST_LOST:
        return Fate(request_lost=True)
    return Fate(request_ns=LATE_NS)


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


# -- (c) a cancel that races a fill, a reduction, a denial, and keys -----------------------------------------


async def busy_bot(world: MarketWorld, generation: Generation) -> None:
    """Buy, cancel at the first part, sell some of it, and be denied; every command has its key.

    It is its own recovery: whatever it was told before, the same key must lead to the same order.
    """
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def execute(key: str, proposal: Proposal) -> str:
            result = await bot.execute(proposal, idempotency_key=key)
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        bought = await execute("open", Proposal.buy(SYMBOL, quantity="1.00", limit_price="100"))
        while (view := await bot.find_order(bought)) and not (view.is_closed or view.filled_quantity):
            await world.clock_of(generation).sleep_ns(LOOK_AGAIN_NS)
        await bot.cancel(bought)
        async with asyncio.TaskGroup() as group:
            group.create_task(execute("tiny", Proposal.buy(SYMBOL, quantity="0.02", limit_price="100")))
            group.create_task(execute("close", Proposal.sell(SYMBOL, quantity="0.20")))
        await world.converge(generation, kernel)


def check_keys(world: MarketWorld) -> None:
    """Demand the same, and that each key made exactly one order, the small one denied."""
    check(world)
    orders = Journal(world.disk).orders.values()
    made = sorted((str(row["idempotency_key"]), row["state"] == "denied") for row in orders)
    assert made == [("close", False), ("open", False), ("tiny", True)]
    assert len(set(world.acknowledged)) == len(made)


# -- the experiments -----------------------------------------------------------------------------------------

EXPERIMENTS = {
    "one_limit_order": CrashExperiment(
        MarketWorld, one_limit_order, come_back, check, downtime_ns=DOWNTIME_NS
    ),
    "lost_answers": CrashExperiment(
        lambda: MarketWorld(fate=lossy), lost_answers, come_back, check, downtime_ns=DOWNTIME_NS
    ),
    "busy_bot": CrashExperiment(MarketWorld, busy_bot, busy_bot, check_keys, downtime_ns=DOWNTIME_NS),
}
