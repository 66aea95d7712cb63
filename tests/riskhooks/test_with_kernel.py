"""The shipped checks at the gate of a real kernel: limits hold, and denials are in the journal."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import attrs
import pytest

from fairlead import ExecutionResult
from fairlead.domain.records import OrderInitialized
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_riskhooks.maximum_positions import (
    MaximumPositions,
    MaximumPositionsSettings,
    PendingClosePolicy,
)
from fairlead_riskhooks.minimum_size import MinimumSize
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench, on_seeded_bench

SYMBOLS = tuple(f"C{number}/USDT" for number in range(20))
FIVE_IN_TOTAL = MaximumPositions(MaximumPositionsSettings(total=5, per_symbol=1))


async def thousand(bench: Bench) -> list[ExecutionResult]:
    """Have 1,000 proposals executed at once, 50 for each of 20 symbols."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(bench.execute(symbol=SYMBOLS[number % len(SYMBOLS)])) for number in range(1000)
        ]
    return [task.result() for task in tasks]


@pytest.mark.requirement("P1-2", "TEST-3")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filled", [False, True], ids=["pending alone", "filled"])
def test_thousand_concurrent_proposals_take_exactly_five_places(seed: int, *, filled: bool) -> None:
    """5 of 1,000 are approved and 995 denied with figures; and again with what is pending or open then."""

    async def main(bench: Bench) -> None:
        results = await thousand(bench)
        approved = [result for result in results if not result.denied]
        assert len(approved) == 5
        assert len({result.order.symbol for result in approved}) == 5
        if filled:
            for result in approved:
                bench.exchange.trade(result.client_order_id, "1", "100")
            await bench.pass_ms(10)
        assert all(result.denied for result in await thousand(bench))

        records = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        denials = [record for record in records if not record.approved]
        assert (len(records), len(denials)) == (2000, 1995)
        for record in denials:
            (verdict,) = record.verdicts
            figures = dict(verdict.figures)
            assert verdict.check == "maximum_positions"
            assert int(figures["exposed_positions"]) >= int(figures["limit"])

    on_seeded_bench(seed, main, checks=(FIVE_IN_TOTAL,), symbols=SYMBOLS)


@pytest.mark.requirement("P1-2", "TEST-3")
@pytest.mark.parametrize(("policy", "denied"), [("strict", True), ("optimistic", False)])
def test_pending_close_frees_a_place_by_policy(policy: str, *, denied: bool) -> None:
    """A sell order that covers the whole position counts it out only when the setting says so."""
    settings = MaximumPositionsSettings(total=1, pending_close_policy=PendingClosePolicy(policy))

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        assert (await bench.execute(symbol=ETH)).order.denial_code == "POSITIONS_LIMIT_REACHED"
        await bench.working("sell", "1", "110")

        assert (await bench.execute(symbol=ETH)).denied is denied

    on_bench(main, checks=(MaximumPositions(settings),))


@pytest.mark.requirement("P1-2")
def test_place_is_free_again_when_the_opening_order_ends() -> None:
    """What was reserved by an order that ended unfilled is given back."""

    async def main(bench: Bench) -> None:
        name = await bench.working(symbol=BTC)
        assert (await bench.execute(symbol=ETH)).denied
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms(10)

        assert not (await bench.execute(symbol=ETH)).denied

    on_bench(main, checks=(MaximumPositions(MaximumPositionsSettings(total=1)),))


@pytest.mark.requirement("P1-2")
def test_limits_hold_after_a_restart() -> None:
    """Open positions and pending orders are counted by the next kernel as by the one before."""

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        await bench.working(symbol=ETH)
        await bench.restart()

        result = await bench.execute(symbol="XRP/USDT")

        assert result.order.denial_code == "POSITIONS_LIMIT_REACHED"

    checks = (MaximumPositions(MaximumPositionsSettings(total=2)),)
    on_bench(main, checks=checks, symbols=(BTC, ETH, "XRP/USDT"))


@pytest.mark.requirement("P1-3")
def test_order_below_the_minimum_is_denied_before_it_is_sent() -> None:
    """The venue never sees it, and the result says figure and limit."""
    rules = {"minimum_quantity": "0.01", "minimum_cost": "5"}

    async def main(bench: Bench) -> None:
        small = await bench.execute(quantity="0.009")
        cheap = await bench.execute(quantity="0.01")
        enough = await bench.execute(quantity="0.05")

        assert small.order.denial_code == "QUANTITY_BELOW_MINIMUM"
        assert "0.009 BTC is below the minimum of 0.01 (venue)" in small.reasons
        assert cheap.order.denial_code == "COST_BELOW_MINIMUM"
        assert [bench.exchange.submits_of(each.client_order_id) for each in (small, cheap, enough)] == [
            0,
            0,
            1,
        ]

    on_bench(main, checks=(MinimumSize(),), exchange=ScriptedExchange([instrument(BTC, **rules)]))


def test_reduction_passes_every_check() -> None:
    """The way out is open below the minimum where the venue takes it, and beyond the limits."""

    async def main(bench: Bench) -> None:
        await bench.hold(quantity="1")

        result = await bench.execute("sell", "0.001", "1")

        assert not result.denied
        assert result.order.quantity == Decimal("0.001")

    rules = attrs.evolve(
        instrument(BTC, minimum_quantity="0.01", minimum_cost="5"), reductions_exempt_from_minimum=True
    )
    checks = (MinimumSize(), MaximumPositions(MaximumPositionsSettings(total=1, per_symbol=1)))
    on_bench(main, checks=checks, exchange=ScriptedExchange([rules]))


@pytest.mark.requirement("P1-3")
def test_reduction_that_the_venue_would_refuse_is_denied_with_its_figures() -> None:
    """Where the venue holds reductions to its minimum, so does the kernel, before anything is sent."""

    async def main(bench: Bench) -> None:
        await bench.hold(quantity="1")
        result = await bench.execute("sell", "0.001", "1")
        assert result.order.denial_code == "REDUCTION_BELOW_MINIMUM"
        assert "quantity=0.001, minimum=0.01" in result.reasons
        assert bench.exchange.submits_of(result.client_order_id) == 0

    rules = instrument(BTC, minimum_quantity="0.01", minimum_cost="5")
    on_bench(main, checks=(MinimumSize(),), exchange=ScriptedExchange([rules]))
