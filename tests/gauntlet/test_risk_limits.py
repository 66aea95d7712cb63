"""Risk limits: stories of checks that let through what they could not judge."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.ports.risk import ALLOW
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.checks import Says


def fails(*_: object) -> object:
    """Break, as a check does that finds no account to judge by."""
    raise LookupError("there is no margin account")


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4011",
    story="Where the account was missing or of another kind the risk engine let orders pass unjudged.",
)
@pytest.mark.parametrize("required", [[], ["margin"]], ids=["a check that breaks", "a check that is missing"])
def test_nautilus_trader_4011_what_cannot_be_judged_is_denied(required: list[str]) -> None:
    """A check that breaks or is not there denies every entry, and never the way out of a position."""

    async def main(bench: Bench) -> None:
        entry = await bench.working("buy", "1", "100")
        bench.fittings["required_checks"] = required
        check.answer = ALLOW if required else fails
        await bench.restart()
        bench.exchange.trade(entry, "1", "100")
        await bench.pass_ms()
        assert (await bench.execute("buy", "1", "100")).denied
        assert len(bench.exchange.submits) == 1
        leaving = await bench.working("sell", "1", "101")
        bench.exchange.trade(leaving, "1", "101")
        await bench.pass_ms()
        assert await bench.position() == 0

    check = Says(ALLOW)
    on_bench(main, checks=[check])


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4419",
    "nautechsystems/nautilus_trader#4946",
    story="There was no cap over the whole portfolio: strategies kept their limits, and all together none.",
)
def test_nautilus_trader_4419_one_cap_holds_over_every_bot_and_symbol() -> None:
    """Two bots in two symbols share one cap, working orders count, and it holds after a restart."""

    async def main(bench: Bench) -> None:
        def price() -> None:
            bench.price("100", BTC)
            bench.price("100", ETH)

        price()
        first = await bench.execute("buy", "1", "100", symbol=BTC, owner="one")
        bench.exchange.trade(first.client_order_id, "1", "100")
        assert (await bench.execute("buy", "1", "100", symbol=ETH, owner="two")).status == "ACCEPTED"
        await bench.pass_ms()
        for owner in ("one", "two"):
            for symbol in (BTC, ETH):
                denied = await bench.execute("buy", "0.6", "100", symbol=symbol, owner=owner)
                assert denied.order.denial_code == "TOTAL_EXPOSURE"
        await bench.die()
        await bench.start_another()
        price()
        assert (await bench.execute("buy", "0.6", "100", symbol=ETH, owner="three")).denied
        assert (await bench.execute("buy", "0.5", "100", symbol=ETH, owner="three")).status == "ACCEPTED"

    check = MaximumExposure(MaximumExposureSettings(total=Decimal(250)))
    on_bench(main, checks=(check,), settings={"reporting_currency": "USDT"})
