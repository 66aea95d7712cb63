"""A store that gives out less than it was given: what trades at the venue is never taken for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from fairlead import TradingState
from fairlead.ports.store import Scalar
from tests.core.kernel.bench import Bench, on_bench


def forgets(bench: Bench, *, for_good: bool) -> None:
    """Let the store that the next kernel opens list no order; for good, it does not find one by id either."""
    store = bench.new_store()
    whole, found_by = store.rows, store.rows_where

    async def rows(table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        return [] if table == "orders" else await whole(table, live_only=live_only)

    async def rows_where(table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        return [] if table == "orders" else await found_by(table, column, value)

    store.rows = rows  # type: ignore[method-assign]  # a fake around a fake
    if for_good:
        store.rows_where = rows_where  # type: ignore[method-assign]  # same
    bench.store = store


@pytest.mark.parametrize("for_good", [False, True])
def test_a_store_that_forgets_a_live_order_costs_nothing_or_halts(for_good: bool) -> None:  # noqa: FBT001 - a case
    """The venue shows an order of our own tag: it is read back by its id, or trading is halted.

    Either way it is neither canceled nor sent again.
    """

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.kernel.stop()
        forgets(bench, for_good=for_good)
        bench.kernel = bench.new_kernel()
        await bench.kernel.start()
        await bench.kernel.settled()
        if for_good:
            assert bench.kernel.trading_state is TradingState.HALTED
            assert bench.anomalies() == ["unknown_own_order"]
        else:
            assert bench.order(name).status == "ACCEPTED"
        assert (len(bench.exchange.submits), bench.exchange.cancels) == (1, [])
        await bench.restart()
        assert bench.order(name).status == "ACCEPTED"

    on_bench(main)
