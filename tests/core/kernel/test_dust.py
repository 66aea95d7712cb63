"""Dust is one thing: what the reconciliation's report calls so is what a closing leaves, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.closings import CloseCode
from fairlead.domain.reconciliation import Found, PositionEntry
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.test_closings import fills

EXEMPT = {"reductions_exempt_from_minimum": True}


async def left_with(bench: Bench, quantity: str, side: str = "buy") -> None:
    """Let an entry be canceled after this much was filled."""
    name = await bench.working(side, "1", "100")
    bench.exchange.trade(name, quantity, "100")
    bench.exchange.end(name, VenueStatus.CANCELED)
    await bench.pass_ms()


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(
    ("rules", "price", "dust"),
    [
        ({"minimum_quantity": "0.1"}, None, True),
        ({"minimum_quantity": "0.1", **EXEMPT}, "100", False),
        ({"minimum_cost": "10"}, "100", True),
        ({"minimum_cost": "10"}, "200", False),
        ({"minimum_cost": "10"}, None, False),
        ({"minimum_cost": "10", **EXEMPT}, "100", False),
        ({}, "100", False),
    ],
)
def test_the_report_calls_dust_what_a_closing_would_leave(
    side: str, rules: dict[str, Any], price: str | None, *, dust: bool
) -> None:
    """Minimums of quantity and cost, with a fresh price, without one, and where reductions are exempt."""

    async def main(bench: Bench) -> None:
        await left_with(bench, "0.05", side)
        if price is not None:
            bench.price(price)
        report = await bench.kernel.reconcile()
        held = Decimal("0.05" if side == "buy" else "-0.05")
        entry = PositionEntry(Found.DUST, BTC, "bot", held, None, "too small to be traded")
        assert report.positions == ((entry,) if dust else ())
        bench.exchange.will_submit(fills)
        result = await bench.bot.close_position(BTC, limit_price=None if price else "300")
        assert result.code is (CloseCode.DUST_LEFT if dust else CloseCode.CLOSED)

    on_bench(main, exchange=ScriptedExchange([instrument(BTC, **rules), instrument(ETH)]))


def test_what_an_exit_works_on_is_not_called_dust() -> None:
    """An exit that filled all but dust still works: it may fill the rest. When it has ended it is dust."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        name = await bench.working("sell", "1", "110")
        bench.exchange.trade(name, "0.95", "110")
        await bench.pass_ms()
        assert (await bench.kernel.reconcile()).dust == 0
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert (await bench.kernel.reconcile()).dust == 1

    on_bench(main, exchange=ScriptedExchange([instrument(BTC, minimum_quantity="0.1"), instrument(ETH)]))


@pytest.mark.parametrize(("rules", "status"), [({}, "FILLED"), (EXEMPT, "PARTIALLY_FILLED")])
def test_a_rest_that_the_venue_would_take_does_not_end_a_reduction(
    rules: dict[str, Any], status: str
) -> None:
    """Said to be filled with a rest below the minimum: over, unless a reduction as small could be sent."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        name = await bench.working("sell", "1", "110")
        bench.exchange.trade(name, "0.95", "110")
        bench.exchange.end(name, VenueStatus.FILLED)
        await bench.pass_ms()
        assert bench.order(name).status == status

    least = {"minimum_quantity": "0.1", **rules}
    on_bench(main, exchange=ScriptedExchange([instrument(BTC, **least), instrument(ETH)]))
