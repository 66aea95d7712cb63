"""Volume: many orders and many positions through one kernel, with memory bounded and every figure right."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.campaign import campaign_size
from tests.core.kernel.bench import Bench, on_bench

SYMBOLS = tuple(f"C{number}/USDT" for number in range(50))
BOOKS = 20
KEPT = 200


def volume(rounds: int) -> None:
    """Open a position in every symbol for every owner, and add to each in further rounds."""

    async def main(bench: Bench) -> None:
        names: list[str] = []
        for _ in range(rounds):
            for number in range(BOOKS):
                owner = f"bot-{number}"
                tasks = [bench.spawn_execute("buy", "1", "100", symbol=each, owner=owner) for each in SYMBOLS]
                made = [result.client_order_id for result in await asyncio.gather(*tasks)]
                for name in made:
                    bench.exchange.trade(name, "1", "100")
                await bench.pass_ms(5)
                names += made
        orders, positions = len(names), len(SYMBOLS) * BOOKS
        assert len(set(names)) == orders == rounds * positions
        held = bench.kernel.positions()
        assert len(held) == positions
        assert {each.quantity for each in held} == {Decimal(rounds)}
        assert len(bench.kernel.orders()) <= KEPT + len(SYMBOLS)
        for name in names:
            found = await bench.kernel.find_order(name)
            assert found is not None
            assert (found.client_order_id, found.status) == (name, "FILLED")
        bench.price("101", SYMBOLS[0])
        marked = [each.mark for each in bench.kernel.positions() if each.symbol == SYMBOLS[0]]
        assert [each.unrealized_pnl for each in marked if each is not None] == [Decimal(rounds)] * BOOKS
        await bench.restart()
        assert len(bench.kernel.positions()) == positions

    on_bench(main, symbols=SYMBOLS, settings={"closed_orders_max": KEPT})


@pytest.mark.requirement("TEST-7")
def test_a_thousand_positions_and_two_thousand_orders() -> None:
    """Each position is the sum of its fills, memory holds few finished orders, and every order is found."""
    volume(2)


@pytest.mark.campaign
def test_many_more_orders() -> None:
    """The same for as many rounds over a thousand positions as a night allows."""
    volume(campaign_size("VOLUME_ROUNDS", 10))
