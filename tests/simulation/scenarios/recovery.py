"""How the canonical scenarios go on after a death, and what every one of them must leave.

A bot that dies and comes back does what bots do: where it gave idempotency keys it repeats its
commands, where it gave none it looks at what its kernel still has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fairlead.errors import JournalUnavailable
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal, recovered_problems
from tests.simulation.market import ACCOUNT, MarketWorld

T = TypeVar("T")

TRY_AGAIN_NS = 50 * NANOSECONDS_PER_MILLISECOND
LATE_NS = 1_200 * NANOSECONDS_PER_MILLISECOND
"""How long a request is under way that arrives late, and in time."""


async def come_back(world: MarketWorld, generation: Generation) -> None:
    """Start a kernel on what is left and let it come to rest: the recovery of a bot without keys."""
    async with world.kernel(generation) as kernel:
        await world.converge(generation, kernel)


def check(world: MarketWorld) -> None:
    """Demand that nothing was lost, doubled or booked wrongly, at any crash and at the end.

    The end is when nothing is on the wire any more: what arrives late may still do harm.
    """
    world.pass_time_ns(2 * LATE_NS)
    expected = world.expected_anomalies
    problems = [
        *world.problems,
        *recovered_problems(world.disk, world.venue, ACCOUNT, world.acknowledged, expected, world.forgotten),
    ]
    assert not problems, "\n".join(problems)


async def insist(clock: Clock, command: Callable[[], Awaitable[T]]) -> T:
    """Give a command again, with its key, as long as the kernel says that it could not be recorded."""
    while True:
        try:
            return await command()
        except JournalUnavailable:
            await clock.sleep_ns(TRY_AGAIN_NS)


def outcomes_by_key(world: MarketWorld) -> dict[str, str]:
    """Return the denial code of each key's order, empty when it was approved; each key has one order."""
    orders = Journal(world.disk).orders.values()
    outcomes = {str(row["idempotency_key"]): str(row["denial_code"]) for row in orders}
    assert len(outcomes) == len(orders), "two orders for one key"
    return outcomes
