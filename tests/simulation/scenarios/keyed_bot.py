"""A bot that gives every command under a key, and gives it again after a death."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fairlead import ExecutionResult, Kernel, Proposal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal, Record
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios.recovery import insist

T = TypeVar("T")


class KeyedBot:
    """One owner in one generation; what it was told is noted in the world."""

    def __init__(
        self,
        world: MarketWorld,
        generation: Generation,
        kernel: Kernel,
        owner: str = "bot",
        *,
        hedging: bool = False,
    ) -> None:
        self.session = kernel.session(owner=owner, hedging=hedging)
        self._world = world
        self._generation = generation
        self._clock = world.clock_of(generation)

    async def insist(self, command: Callable[[], Awaitable[T]]) -> T:
        """Give a command until it could be recorded."""
        return await insist(self._clock, command)

    async def execute(self, key: str, proposal: Proposal) -> ExecutionResult:
        """Execute a proposal under its key."""
        result = await self.insist(lambda: self.session.execute(proposal, idempotency_key=key))
        self._world.acknowledge(self._generation, result.client_order_id)
        return result

    async def pause_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        await self._clock.sleep_ns(duration_ms * NANOSECONDS_PER_MILLISECOND)


def rows_by_key(world: MarketWorld) -> dict[str, Record]:
    """Return the row of each key's order; each key has one order, and each order has a key."""
    orders = Journal(world.disk).orders.values()
    rows = {str(row["idempotency_key"]): row for row in orders}
    assert len(rows) == len(orders), "two orders for one key"
    return rows
