"""Ten minutes in which more is wanted than the venue allows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.ports.exchange import OrderSide
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.pacing_limits import (
    SECOND_MS,
    SECOND_NS,
    Clocked,
    left,
    order_limits,
    waits,
)

MINUTES = 10


@pytest.mark.requirement("TEST-5")
def test_ten_minutes_without_budget() -> None:
    """More is wanted than the venue allows, for ten minutes.

    Exits and cancels overtake, waits are announced, nothing is dropped silently, nothing is sent beyond
    the limit by an independent count, and a restart finds the budget as it was.
    """
    exchange = Clocked([instrument(BTC), instrument(ETH)])

    async def main(bench: Bench) -> None:
        exchange.clock = bench.clock
        await bench.hold("30")
        began_ns = bench.clock.monotonic_ns()
        entries, exits, cancels = [], [], []
        for second in range(MINUTES * 60):
            entries.append(bench.spawn_execute(symbol=ETH, wait_max_ms=120_000))
            if second % 40 == 20:
                exits.append(bench.spawn_execute("sell", "1", "90"))
                working = [order for order in bench.kernel.orders() if order.status == "ACCEPTED"]
                cancels.append((bench.clock.monotonic_ns(), working[-1].client_order_id))
                assert (await bench.bot.cancel(working[-1].client_order_id)).accepted
            await bench.pass_ms(SECOND_MS)
        results = [await task for task in entries]
        left_over = [await task for task in exits]

        assert {result.status for result in left_over} == {"ACCEPTED"}
        assert max(result.elapsed_ns for result in left_over) < 6 * SECOND_NS
        for _, name in cancels:
            assert bench.order(name).status == "CANCELED"

        outcomes = dict.fromkeys(("ACCEPTED", "CANCELED", "DENIED", "NOT_SENT"), 0)
        for result in results:
            outcomes[bench.order(result.client_order_id).status.value] += 1
            assert result.reasons or result.status == "ACCEPTED"
        assert sum(outcomes.values()) == len(entries) == MINUTES * 60
        assert outcomes["DENIED"] > 100
        announced = {wait.client_order_id for wait in waits(bench)}
        delayed = [each for each in results if not each.denied and each.elapsed_ns > SECOND_NS // 10]
        assert {each.client_order_id for each in delayed} <= announced
        assert bench.kernel.pacing.refusals == outcomes["DENIED"]

        times = [when for when in exchange.times_ns if when >= began_ns]
        for start, first in enumerate(times):
            for count, last in enumerate(times[start:], 1):
                assert count <= 5 + (last - first) / SECOND_NS / 2 + 0.001
        await bench.pass_ms(500)
        before = left(bench)
        await bench.restart()
        assert before <= left(bench) < before + Decimal("0.1")

    on_bench(main, exchange=exchange, pacing=order_limits("5", "0.5"))


def test_the_commands_that_end_things_overtake_entries_too() -> None:
    """Cancel all and close a position while entries wait: both go first, and one exit is made."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        working = [await bench.working(symbol=ETH) for _ in range(3)]
        entries = [bench.spawn_execute(symbol=ETH, wait_max_ms=600_000) for _ in range(5)]
        await bench.pass_ms(10)
        canceled = bench.loop.create_task(bench.bot.cancel_all(symbol=ETH))
        await bench.pass_ms(10)
        closing = bench.loop.create_task(bench.bot.close_position(BTC))
        await bench.pass_ms(4 * SECOND_MS)
        sold = next(name for name, order in bench.exchange.orders.items() if order.side == "sell")
        bench.exchange.trade(sold, "2", "100")
        await canceled
        assert (await closing).is_flat
        assert {bench.order(name).status for name in working} == {"CANCELED"}
        assert {(await task).status for task in entries} == {"NOT_SENT"}
        assert [order.side for order in bench.exchange.orders.values()].count(OrderSide.SELL) == 1
        assert len(bench.exchange.cancels) == 3

    on_bench(main, pacing=order_limits("4", "1"), settings={"pacing_reserve": "0"})
