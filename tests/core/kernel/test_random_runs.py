"""Random runs: whatever happens in whatever order, both sides agree, and memory is what the journal says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fairlead.errors import JournalUnavailable
from fairlead.testing.scripted_exchange import loses_answer
from tests.core.kernel.bench import Bench, on_seeded_bench
from tests.core.kernel.faults import FAULTS, LONG_MS


@pytest.mark.requirement("TEST-6")
@pytest.mark.parametrize("seed", range(40))
def test_commits_that_fail_at_random_lose_nothing(seed: int) -> None:
    """Many orders, every kind of fault at random: both sides agree in the end, and nothing was sent twice."""

    async def main(bench: Bench) -> None:
        dice = bench.loop.streams.of("faults")
        bench.faults = lambda _batch: dice.choice(FAULTS) if dice.random() < 0.15 else None
        for _ in range(15):
            await one_random_order(bench, dice.choice)
        bench.faults = lambda _batch: None
        await bench.pass_ms(10 * LONG_MS)
        await bench.kernel.reconcile()
        await bench.pass_ms(LONG_MS)
        agree(bench)

    on_seeded_bench(seed, main)


async def one_random_order(bench: Bench, choose: Callable[[list[Any]], Any]) -> None:
    """Execute, trade and cancel an order at random; a command that was not recorded is not repeated."""
    try:
        bench.exchange.will_submit(*([loses_answer] if choose([True, False, False]) else []))
        result = await bench.execute(choose(["buy", "sell"]), choose(["1", "2"]), "100")
    except JournalUnavailable:
        return
    finally:
        bench.exchange._submit_scripts.clear()
        await bench.pass_ms(choose([0, 10, 1_000, 20_000]))
    name = result.client_order_id
    if name in bench.exchange.orders and bench.exchange.orders[name].status == "live":
        bench.exchange.trade(name, choose(["0.5", "1"]), "100", said=choose([True, False]))
    await bench.pass_ms(choose([0, 5]))
    await bench.bot.cancel(name)


def agree(bench: Bench) -> None:
    """The kernel and the venue tell the same of every order, and none was sent twice."""
    venue = bench.exchange.orders
    for name, order in venue.items():
        view = bench.order(name)
        assert view.filled_quantity == order.filled_quantity
        assert view.is_closed == (order.status != "live")
        assert bench.exchange.submits_of(name) == 1
    total = sum(
        (fill.quantity if fill.side == "buy" else -fill.quantity for fill in bench.exchange.history),
        Decimal(0),
    )
    assert sum((position.quantity for position in bench.kernel.positions()), Decimal(0)) == total
    for view in bench.kernel.orders():
        assert view.is_closed or view.client_order_id in venue
        assert view.client_order_id in venue or view.filled_quantity == 0
