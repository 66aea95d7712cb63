"""Orders that are changed, in place and by another."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

from fairlead import Proposal
from fairlead.ports.exchange import ModifyRequest
from fairlead.testing.generation import Generation
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.wire import NORMAL, Fate, Trip
from tests.simulation.invariants import Journal, at_once
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.scenarios.recovery import TRY_AGAIN_NS, check, insist
from tests.simulation.scenarios.scenario import Scenario

CHANGES = {"grow": ("modify", "0.50"), "shrink": ("modify", "0.20"), "swap": ("replace", "0.50")}
"""How each order of 0.30 that rests below the market is changed: the quantity, at a price that trades."""


class LosesModifies:
    """Loses the answer to the first modify, and the request of the second, each once."""

    def __init__(self) -> None:
        self._fates = [Fate(answer_lost=True), Fate(request_lost=True)]
        self._met: set[str] = set()

    def __call__(self, trip: Trip) -> Fate:
        """Decide over one trip."""
        request = trip.subject
        if not isinstance(request, ModifyRequest) or request.client_order_id in self._met:
            return NORMAL
        self._met.add(request.client_order_id)
        return self._fates.pop(0) if self._fates else NORMAL


async def changing_bot(world: MarketWorld, generation: Generation) -> None:
    """Place three orders, change two in place and replace the third, and cancel what is left of them.

    It is its own recovery, by its keys: a change that was answered for good is answered so again.
    """
    clock = world.clock_of(generation)
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def change(key: str) -> None:
            proposal = Proposal.buy(SYMBOL, quantity="0.30", limit_price="90")
            placed = await insist(clock, lambda: bot.execute(proposal, idempotency_key=key))
            world.acknowledge(generation, placed.client_order_id)
            how, quantity = CHANGES[key]
            command = bot.modify_order if how == "modify" else bot.replace_order
            result = await insist(
                clock,
                lambda: command(
                    placed.client_order_id, quantity=quantity, limit_price="100", idempotency_key=f"{key}d"
                ),
            )
            if result.unresolved:
                result = await bot.change_settled(result.change_id)
            first = world.answered.setdefault(key, result)
            assert first == result, f"{key}: answered {first.code}, then {result.code}"
            await clock.sleep_ns(TRY_AGAIN_NS)
            for name in filter(None, (placed.client_order_id, result.new_order_id)):
                await insist(clock, partial(bot.cancel, name))

        async with asyncio.TaskGroup() as group:
            for key in CHANGES:
                group.create_task(change(key))
        await world.converge(generation, kernel)


def check_changed(world: MarketWorld) -> None:
    """Demand the same, and that no order filled more than asked, nor one and its replacement together."""
    check(world)
    journal = Journal(world.disk)
    names = {row["idempotency_key"]: name for name, row in journal.orders.items() if not row["replaces"]}
    assert names.keys() == CHANGES.keys()
    for key, (_, quantity) in CHANGES.items():
        family = [row for name, row in journal.orders.items() if names[key] in (name, row["replaces"])]
        assert len(family) <= (2 if key == "swap" else 1), f"{len(family)} orders for {key}"
        filled = sum(row["filled_quantity"] for row in family)
        assert filled <= max(Decimal(quantity), Decimal("0.30")), f"{key} filled {filled}"
    sent = journal.of("modify_started")
    assert len({record["change_id"] for record in sent}) == len(sent), "a modify was sent twice"
    assert not [row for row in at_once(MemoryStore(world.disk).rows("changes")) if row["live"]]
    assert world.answered.keys() == CHANGES.keys()


SCENARIOS = {
    "changing_bot": Scenario(
        lambda seed: MarketWorld(seed, fate=LosesModifies()),
        changing_bot,
        changing_bot,
        check_changed,
        is_sampled=True,
    )
}
