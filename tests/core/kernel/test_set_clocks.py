"""The wall clock is set while a question is under way: its answer still counts for when it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fairlead import TradingState
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import Answer, LookUp, OrderReport, SubmitRequest, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, accepts
from tests.core.kernel.bench import Bench, on_bench

BACK_NS = -100 * NANOSECONDS_PER_MILLISECOND
HOURS_NS = -3 * 3_600 * NANOSECONDS_PER_SECOND


@pytest.mark.requirement("P0-1")
@pytest.mark.parametrize("step_ns", [BACK_NS, HOURS_NS])
def test_an_absence_from_before_the_order_came_is_none_of_it(step_ns: int) -> None:
    """Asked, the clock set back, the order accepted, then answered: what was not there yet is not missing."""

    async def main(bench: Bench) -> None:
        looked = asyncio.Event()

        async def accepts_then(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            await looked.wait()
            return await accepts(exchange, request)

        async def sees_nothing(_exchange: ScriptedExchange, _name: str) -> LookUp:
            bench.clock.jump_wall_ns(step_ns)
            looked.set()
            await bench.pass_ms(5)
            return LookUp(None, (), complete=True)

        bench.exchange.will_submit(accepts_then)
        bench.exchange.will_look_up(sees_nothing)
        placing = bench.spawn_execute()
        await bench.pass_ms(5)
        await bench.kernel.reconcile()
        name = (await placing).client_order_id
        assert bench.exchange.look_ups == [name]
        assert bench.order(name).status == "ACCEPTED"
        assert bench.anomalies() == []
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main)


@pytest.mark.requirement("P0-1")
@pytest.mark.parametrize("step_ns", [BACK_NS, HOURS_NS])
def test_a_list_from_before_the_order_ended_revives_nothing(step_ns: int) -> None:
    """Listed as open, the clock set back, the order canceled, then the list arrives: it is no zombie."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.pass_ms(5)
        listing = bench.exchange.open_orders

        async def lists_late() -> Sequence[OrderReport]:
            listed = await listing()
            bench.clock.jump_wall_ns(step_ns)
            bench.exchange.end(name, VenueStatus.CANCELED)
            await bench.pass_ms(5)
            return listed

        bench.exchange.open_orders = lists_late  # type: ignore[method-assign]  # the venue is slow
        await bench.kernel.reconcile()
        assert bench.order(name).status == "CANCELED"
        assert bench.anomalies() == []
        assert bench.exchange.cancels == []

    on_bench(main)
