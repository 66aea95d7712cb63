"""Limits that were once written into the code are settings that the kernel keeps to."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fairlead.errors import ExchangeFault
from fairlead.kernel.venue.monitoring import SCHEDULED
from fairlead.ports.events import OrderChanged
from tests.core.kernel.bench import Bench, on_bench


@pytest.mark.requirement("QUAL-1")
@pytest.mark.parametrize("limit", [1, 3])
def test_a_callback_is_muted_after_as_many_failures_as_set(limit: int) -> None:
    """``callback_failures_max`` holds for callbacks of the bot."""

    async def main(bench: Bench) -> None:
        calls: list[OrderChanged] = []

        def fails(event: OrderChanged) -> None:
            calls.append(event)
            raise ValueError

        bench.kernel.events.subscribe(fails, OrderChanged)
        for _ in range(3):
            await bench.execute()
        assert len(calls) == limit

    on_bench(main, settings={"callback_failures_max": limit})


@pytest.mark.requirement("QUAL-1")
@pytest.mark.parametrize(("attempts", "starts"), [(1, False), (2, True)])
def test_a_start_asks_as_often_as_set(attempts: int, starts: bool) -> None:  # noqa: FBT001 - a case
    """``start_attempts_max`` lost answers end the start, fewer do not."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.exchange.will_fail("instruments", 1)
        if not starts:
            with pytest.raises(ExchangeFault, match="rules failed 1 times"):
                await bench.start_another()
        await bench.start_another()

    on_bench(main, settings={"start_attempts_max": attempts})


@pytest.mark.requirement("QUAL-1")
def test_pauses_after_a_failed_reconciliation_double_up_to_the_setting() -> None:
    """``look_up_interval_ms`` doubles up to ``look_up_interval_max_ms``, and stays there."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_fail("open_orders", 6)
        asked: list[int] = []
        began_ns = bench.clock.monotonic_ns()
        real = bench.exchange.open_orders

        async def noting() -> object:
            asked.append((bench.clock.monotonic_ns() - began_ns) // 1_000_000)
            return await real()

        bench.exchange.open_orders = noting  # type: ignore[method-assign, assignment]  # notes when it is asked
        bench.kernel._parts._request_reconciliation(SCHEDULED)
        await bench.pass_ms(25_000)
        assert [after - before for before, after in pairwise(asked)] == [2_000, *[4_000] * 5]

    on_bench(
        main,
        settings={
            "look_up_interval_ms": 1_000,
            "look_up_interval_max_ms": 4_000,
            "poll_interval_ms": 100_000,
            "stream_silence_max_ms": 200_000,
            "reconcile_interval_ms": 500_000,
        },
    )
