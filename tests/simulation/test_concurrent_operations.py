"""Concurrent operations under the seeded scheduler: whatever the interleaving, one intent is one order.

The same tasks run on the same bench with another seed each time, so that the scheduler, which draws who goes
on, finds another interleaving; a failure prints its seed and repeats exactly.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.errors import UnknownName
from fairlead.testing.scripted_exchange import loses_answer, loses_request
from tests.campaign import campaign_size
from tests.core.kernel.bench import BTC, ETH, Bench, on_seeded_bench

SEEDS = 25
OWNERS = ("grid", "trend")


async def trade(bench: Bench, owner: str, number: int) -> None:
    """Work as a bot does: execute with a key, repeat it, cancel, fill, close and read, all at once."""
    choose: Any = bench.loop.streams.of(f"{owner}-{number}").choice
    symbol = choose([BTC, ETH])
    for turn in range(3):
        key = f"{number}-{turn}"
        if choose([True, False, False, False]):
            bench.exchange.will_submit(choose([loses_answer, loses_request]))
        wishes = [
            bench.spawn_execute("buy", "1", "100", symbol=symbol, owner=owner, key=key) for _ in range(2)
        ]
        first, again = await asyncio.gather(*wishes)
        assert first.client_order_id == again.client_order_id
        name = first.client_order_id
        session = bench.kernel.session(owner=owner)
        if name in bench.exchange.orders and bench.exchange.orders[name].status == "live":
            bench.exchange.trade(name, choose(["0.5", "1"]), "100", said=choose([True, False]))
        await bench.pass_ms(choose([0, 1, 5]))
        work: list[Any] = [session.cancel(name), session.cancel(name)]
        if choose([True, False]):
            work.append(session.close_position(symbol))
        if choose([True, False, False]):
            work.append(session.cancel_all(symbol))
        waiting = [bench.loop.create_task(each) for each in work]
        assert bench.kernel.order(name) is not None
        await bench.pass_ms(choose([0, 1, 1_000]))
        await fill_exits(bench)
        for task in waiting:
            task.cancel()  # whoever still waits goes away: what was asked for goes on
        await asyncio.gather(*waiting, return_exceptions=True)


async def fill_exits(bench: Bench) -> None:
    """Have the venue fill every exit that has come to it."""
    for name, order in list(bench.exchange.orders.items()):
        view = bench.kernel.order(name)
        if order.status == "live" and view is not None and view.side == "sell":
            bench.exchange.trade(name, str(view.leaves_quantity), "100")
    await bench.pass_ms(5)


async def operate(bench: Bench) -> None:
    """Work as an operator does beside the bots: reduce, enable, reconcile, try what is not there."""
    for state in (TradingState.REDUCING, TradingState.ACTIVE):
        await bench.pass_ms(3)
        await bench.kernel.set_trading_state(state, reason="by hand")
        await bench.kernel.reconcile()
    with pytest.raises(UnknownName):
        await bench.kernel.cancel("f" * 32, "operator", operator=True)


def interleave(seed: int) -> None:
    """Run bots and operator at once under one seed, then hold both sides against each other."""

    async def main(bench: Bench) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(trade(bench, OWNERS[number % 2], number))
            group.create_task(operate(bench))
        await bench.pass_ms(60_000)
        for _ in range(3):
            await fill_exits(bench)
        await bench.pass_ms(120_000)
        await bench.kernel.reconcile()
        agree(bench)
        assert len(bench.kernel.orders()) >= 12

    on_seeded_bench(seed, main)


def agree(bench: Bench) -> None:
    """Every order was sent at most once, its fills are those of the venue, and positions are their sum."""
    held: dict[str, Decimal] = {}
    for view in bench.kernel.orders():
        name = view.client_order_id
        assert bench.exchange.submits_of(name) <= 1
        at_venue = bench.exchange.orders.get(name)
        assert view.filled_quantity == (at_venue.filled_quantity if at_venue else 0)
        if at_venue is not None:
            assert view.is_closed == (at_venue.status != "live"), view
        sign = 1 if view.side == "buy" else -1
        held[view.symbol] = held.get(view.symbol, Decimal(0)) + sign * view.filled_quantity
    for symbol, quantity in held.items():
        positions = [each.quantity for each in bench.kernel.positions() if each.symbol == symbol]
        assert sum(positions) == quantity
        assert all(each >= 0 for each in positions), "more was sold than held"


@pytest.mark.requirement("TEST-1")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_concurrent_operations_agree_in_every_interleaving(seed: int) -> None:
    """Keys repeated at once, cancels, closings, fills and an operator: no order twice, no fill lost."""
    interleave(seed)


@pytest.mark.campaign
def test_concurrent_operations_agree_in_many_more() -> None:
    """The same for as many seeds as a night allows."""
    for seed in range(SEEDS, SEEDS + campaign_size("INTERLEAVINGS", 200)):
        interleave(seed)
