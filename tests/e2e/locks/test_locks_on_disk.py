"""A lock outlives its kernel, which is killed while the lock holds and opened again on its file.

The store is SQLite on a real file, time is the system's, and the rests are so long that they hold meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead import ExecutionResult, Kernel, KernelSettings, Proposal
from fairlead.ports.risk import RiskCheck
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_riskhooks.cool_down import CoolDown, CoolDownSettings
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from fairlead_riskhooks.duplicate_intent import DuplicateIntent, DuplicateIntentSettings
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.core.kernel.bench import BTC, instrument, quiet_logger

LONG_MS = 86_400_000
PAUSE_NS = 10_000_000
PATIENCE = 500
KERNELS_OWN = "LOCKED"
"""The code where the check placed a lock that the kernel itself keeps to: `daily_loss`."""

LOCKS: dict[str, tuple[Callable[[], RiskCheck], str]] = {
    "cool_down": (lambda: CoolDown(CoolDownSettings(after_loss_ms=LONG_MS)), "COOL_DOWN_AFTER_LOSS"),
    "daily_loss": (lambda: DailyLoss(DailyLossSettings(maximum_loss="5")), "DAILY_LOSS"),
    "order_rate": (lambda: OrderRate(OrderRateSettings(window_ms=LONG_MS, total=1)), "ORDER_RATE"),
    "duplicate_intent": (
        lambda: DuplicateIntent(DuplicateIntentSettings(window_ms=LONG_MS)),
        "DUPLICATE_INTENT",
    ),
}
"""A check that locks for a while, made anew for each kernel, and the code of its denials."""


def opened(path: Path, exchange: ScriptedExchange, check: RiskCheck) -> tuple[Kernel, SqlStore]:
    """Return a kernel on the file, not started, and its store."""
    store = SqlStore(SqlStoreSettings(path))
    settings = KernelSettings(account="main", on_stop="leave", reporting_currency="USDT")
    kernel = Kernel(settings, exchange=exchange, store=store, checks=(check,), logger=quiet_logger())
    return kernel, store


async def killed(kernel: Kernel, store: SqlStore, exchange: ScriptedExchange) -> None:
    """Do what the end of a process does: tasks are gone, the file's lock and its connections too."""
    exchange.sink = None
    await kernel._parts.supervisor.cancel_all()
    kernel._parts.timers.close()
    assert store._hold is not None
    store._hold.drop()
    await store._reader.close()
    store._abandon()


async def ordered(kernel: Kernel, exchange: ScriptedExchange, proposal: Proposal) -> ExecutionResult:
    """Have an order executed, and filled in full at its price unless it was denied."""
    result = await kernel.session(owner="bot").execute(proposal)
    if not result.denied:
        order = result.order
        exchange.trade(result.client_order_id, str(order.quantity), str(order.limit_price))
        for _ in range(PATIENCE):
            await kernel.clock.sleep_ns(PAUSE_NS)
            found = {each.client_order_id: each.status for each in kernel.orders()}
            if found.get(result.client_order_id, "FILLED") == "FILLED":
                return result
        pytest.fail("the order was not filled")
    return result


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_after_a_kill(tmp_path: Path, name: str) -> None:
    """Bought at 100, sold at 90: the next order is denied, by this kernel and by the one after it."""
    make, code = LOCKS[name]
    buy = Proposal.buy(BTC, quantity="1", limit_price="100")
    sell = Proposal.sell(BTC, quantity="1", limit_price="90")

    async def main() -> None:
        exchange = ScriptedExchange([instrument()])
        kernel, store = opened(tmp_path / "bot.sqlite", exchange, make())
        await kernel.start()
        assert not (await ordered(kernel, exchange, buy)).denied
        assert not (await ordered(kernel, exchange, sell)).denied
        assert (await ordered(kernel, exchange, buy)).order.denial_code == code
        await killed(kernel, store, exchange)

        again, _ = opened(tmp_path / "bot.sqlite", exchange, make())
        async with again:
            assert (await ordered(again, exchange, buy)).order.denial_code in (code, KERNELS_OWN)

    asyncio.run(main())
