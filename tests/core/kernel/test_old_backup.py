"""A database from an old backup: the venue knows more than the journal, and nothing is sent a second time."""

from __future__ import annotations

import pytest

from fairlead import TradingState
from fairlead.ports.exchange import Answer, SubmitRequest
from fairlead.testing.scripted_exchange import ScriptedExchange, accepts
from tests.core.kernel.bench import Bench, on_bench


@pytest.mark.parametrize("known", ["on its way", "working"])
def test_an_old_backup_is_caught_up_with_and_sends_nothing_again(known: str) -> None:
    """What it knew is found at the venue with its fills, what it never knew halts, nothing goes out twice."""

    async def main(bench: Bench) -> None:
        backups = []

        async def copies(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            if known == "on its way":
                backups.append(bench.disk.copy())
            return await accepts(exchange, request)

        bench.exchange.will_submit(copies)
        first = await bench.working("buy", "2", "100")
        if known == "working":
            backups.append(bench.disk.copy())
        bench.exchange.trade(first, "1", "100")
        second = await bench.working("buy", "3", "99")
        await bench.pass_ms()
        submits = len(bench.exchange.submits)

        await bench.die()
        bench.disk = backups[0]
        await bench.start_another()
        await bench.pass_ms(60_000)

        assert bench.order(first).filled_quantity == 1
        assert await bench.position() == 1
        assert bench.kernel.order(second) is None
        assert "unknown_own_order" in bench.anomalies()
        assert bench.kernel.trading_state is TradingState.HALTED
        assert len(bench.exchange.submits) == submits
        assert bench.exchange.cancels == []

    on_bench(main)
