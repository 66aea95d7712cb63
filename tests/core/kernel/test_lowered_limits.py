"""A limit that was lowered while orders are open: the kernel starts HALTED until an operator has looked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.domain.records import KernelStarted
from fairlead.errors import ConfigurationRefused
from tests.core.kernel.bench import Bench, Yes, on_bench


class Limited(Yes):
    """A check that tells limits."""

    def __init__(self, **limits: Any) -> None:  # noqa: ANN401 - wrong ones, too
        self.limits = limits


async def restarted(bench: Bench, *checks: Yes) -> tuple[str, str]:
    """Restart with these checks; return trading state and reason."""
    bench.fittings["checks"] = checks
    await bench.restart()
    return bench.kernel.trading_state.value, bench.kernel.trading_reason


def test_a_lowered_limit_with_open_orders_halts_until_it_is_acknowledged() -> None:
    """The reason names limit, figures and orders; it survives a restart, and an operator ends it for good."""

    async def main(bench: Bench) -> None:
        await bench.working()
        state, reason = await restarted(bench, Limited(total=3, size=Decimal("0.50")))
        assert (state, reason) == ("halted", "with 1 open orders yes.total was lowered from 5 to 3")
        assert (await bench.execute()).denied
        assert await restarted(bench, Limited(total=3, size=Decimal("0.50"))) == (state, reason)
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="seen")
        assert (await bench.execute()).status == "ACCEPTED"
        assert (await restarted(bench, Limited(total=3, size=Decimal("0.5"))))[0] == "active"

    on_bench(main, checks=[Limited(total=5, size=Decimal("0.50"))])


def test_a_new_limit_counts_as_lowered_and_the_halt_that_was_is_told() -> None:
    """Where there was none, orders may be beyond it; what halted before stays to be read."""

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="by hand")
        state, reason = await restarted(bench, Limited(total=3, size=2))
        assert state == "halted"
        assert "yes.total was lowered from no limit to 3, yes.size was lowered from 4 to 2" in reason
        assert reason.endswith("; halted before: by hand")

    on_bench(main, checks=[Limited(size=4)])


@pytest.mark.parametrize(
    "checks", [(Limited(total=5),), (Limited(total=6),), (Yes(),)], ids=["same", "raised", "gone"]
)
def test_what_is_not_lowered_changes_nothing(checks: tuple[Yes, ...]) -> None:
    """Trading is enabled after reconciliation, as ever."""

    async def main(bench: Bench) -> None:
        await bench.working()
        assert (await restarted(bench, *checks))[0] == "active"

    on_bench(main, checks=[Limited(total=5)])


def test_without_open_orders_a_limit_may_be_lowered() -> None:
    """Nothing stands that the new limit would not have allowed."""

    async def main(bench: Bench) -> None:
        await bench.bot.cancel(await bench.working())
        await bench.pass_ms()
        assert (await restarted(bench, Limited(total=1)))[0] == "active"
        assert [each.limits for each in bench.records() if isinstance(each, KernelStarted)] == [
            (("yes.total", "5"),),
            (("yes.total", "1"),),
        ]

    on_bench(main, checks=[Limited(total=5)])


@pytest.mark.parametrize(
    "limits", [{"total": 0.5}, {"total": "many"}, {"total": None}, {"a\nb": 1}, {"total": Decimal("NaN")}]
)
def test_a_limit_that_is_no_number_is_refused(limits: dict[str, Any]) -> None:
    """The kernel is not made with a check whose limits it could not compare."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        for check in (Limited(**limits), NoMapping()):
            bench.fittings["checks"] = [check]
            with pytest.raises(ConfigurationRefused, match="limits"):
                bench.new_kernel()
        bench.fittings["checks"] = [Yes()]
        await bench.start_another()

    on_bench(main)


class NoMapping(Yes):
    """A check whose limits are a list."""

    limits = (1, 2)
