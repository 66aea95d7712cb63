"""An operator's words: an order placed by hand, one that the venue lost, a holding moved in."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

from fairlead import Proposal
from fairlead.testing.generation import Generation
from tests.simulation.invariants import Journal
from tests.simulation.market import SYMBOL, MarketWorld
from tests.simulation.operated import TRANSFER_PRICE, TRANSFERRED, OperatedWorld
from tests.simulation.scenarios.recovery import check, insist
from tests.simulation.scenarios.scenario import Scenario


async def operated_bot(world: MarketWorld, generation: Generation) -> None:
    """Adopt, annotate and cancel; say that a lost order is over; accept what was moved in.

    It is its own recovery: said again, each word means the same.
    """
    assert isinstance(world, OperatedWorld)
    clock = world.clock_of(generation)
    venue_order_id = world.place_by_hand()
    async with world.kernel(generation) as kernel:
        bot = kernel.session(owner="bot")

        async def take_over() -> None:
            result = await insist(clock, lambda: bot.adopt_order(venue_order_id, symbol=SYMBOL))
            assert result.accepted, result
            [name] = result.names
            world.acknowledge(generation, name)
            said = partial(bot.annotate, name, note="placed by hand", add_tags=["hand"])
            assert (await insist(clock, partial(said, idempotency_key="say"))).accepted
            await insist(clock, lambda: bot.cancel(name))
            await kernel.closed(name)

        async def place() -> str:
            proposal = Proposal.buy(SYMBOL, quantity="0.20", limit_price="90")
            result = await insist(clock, lambda: bot.execute(proposal, idempotency_key="lost"))
            world.acknowledge(generation, result.client_order_id)
            return result.client_order_id

        async with asyncio.TaskGroup() as group:
            group.create_task(take_over())
            placing = group.create_task(place())
        lost = placing.result()
        world.forget(lost)
        world.has_transfer = True
        accept = partial(
            kernel.accept_drift, SYMBOL, at_venue=world.net(), price=TRANSFER_PRICE, note="moved"
        )
        assert (await insist(clock, accept)).accepted  # it reads the venue, and so finds out what is missing
        await insist(clock, partial(kernel.resolve_missing, lost, note="the venue says so"))
        world.deposit()
        for asset in ("BTC", "USDT"):  # what the ledger does not tell of is accepted; the rest is no drift
            believe = partial(kernel.accept_balance, asset, at_venue=world.total(asset), note="moved")
            answer = await insist(clock, believe)
            assert answer.accepted, answer
        await world.converge(generation, kernel)


def check_operated(world: MarketWorld) -> None:
    """Demand the same; each word is on record once at most, and what it says is what the books say."""
    check(world)
    journal = Journal(world.disk)
    [adopted] = journal.of("order_adopted")
    assert journal.orders[adopted["client_order_id"]]["note"] == "placed by hand"
    assert len(journal.of("order_annotated")) == 1
    [corrected] = journal.of("position_corrected")
    assert Decimal(corrected["quantity"]) == TRANSFERRED
    assert isinstance(world, OperatedWorld)
    assert {asset: world.total(asset) for asset in journal.balances} == journal.balances
    booked = [(record["kind"], record["asset"]) for record in journal.of("adjustment_booked")]
    assert ("correction", "BTC") in booked, "the ledger told of no coins"
    assert [each for each in booked if each[0] != "correction"] == [("deposit", "USDT")]
    assert len(set(world.acknowledged)) == 2
    assert {row["book"] for row in journal.positions} == {"bot", "operator"}
    ends = [record for record in journal.of("order_event") if record["client_order_id"] in world.forgotten]
    assert sum(record["event"] == "canceled" for record in ends) == len(world.forgotten)


SCENARIOS = {
    "operated_bot": Scenario(OperatedWorld, operated_bot, operated_bot, check_operated, is_sampled=True)
}
