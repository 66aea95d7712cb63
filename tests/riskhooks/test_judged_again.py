"""An order that waited for the venue's pace is judged again, and does not stand in its own way."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.records import OrderJudgedAgain
from fairlead.ports.pacing import RequestKind
from fairlead_riskhooks.duplicate_intent import DuplicateIntent, DuplicateIntentSettings
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from tests.core.kernel.bench import ETH, Bench, on_bench
from tests.core.kernel.pacing_limits import SECOND_MS, one_limit

HOUR_MS = 3_600 * SECOND_MS


def test_an_order_judged_again_does_not_stand_in_its_own_way() -> None:
    """It is in the values of all three checks when the gate is asked again, and is left out of them."""

    async def main(bench: Bench) -> None:
        first = await bench.working(symbol=ETH, price="10")
        await bench.bot.cancel(first)
        await bench.pass_ms()
        result = await bench.execute(pacing="wait", wait_max_ms=100 * SECOND_MS)
        assert result.status == "ACCEPTED", result.reasons
        (again,) = [each for each in bench.records() if isinstance(each, OrderJudgedAgain)]
        assert again.allowed
        denied = await bench.execute(pacing="wait", wait_max_ms=100 * SECOND_MS)
        assert all(code in denied.reasons for code in ("TOTAL_EXPOSURE", "ORDER_RATE", "DUPLICATE_INTENT"))

    checks = (
        MaximumExposure(MaximumExposureSettings(total=Decimal(100))),
        OrderRate(OrderRateSettings(window_ms=HOUR_MS, total=2)),
        DuplicateIntent(DuplicateIntentSettings(window_ms=HOUR_MS)),
    )
    settings = {"pacing_reserve": "0", "reporting_currency": "USDT"}
    on_bench(main, pacing=one_limit("1", "0.02", RequestKind.SUBMIT), settings=settings, checks=checks)
