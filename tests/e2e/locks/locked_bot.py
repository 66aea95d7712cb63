"""The child: loses on a real file until its check locks, says so, and waits to be killed.

``python locked_bot.py DATABASE CHECK``; it prints the code under which its last order was denied.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

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

BUY = Proposal.buy(BTC, quantity="1", limit_price="100")
SELL = Proposal.sell(BTC, quantity="1", limit_price="90")


def opened(path: Path, exchange: ScriptedExchange, check: RiskCheck) -> Kernel:
    """Return a kernel on the file, not started."""
    store = SqlStore(SqlStoreSettings(path))
    settings = KernelSettings(account="main", on_stop="leave", reporting_currency="USDT")
    return Kernel(settings, exchange=exchange, store=store, checks=(check,), logger=quiet_logger())


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
        raise AssertionError("the order was not filled")
    return result


async def lose_and_wait(path: Path, name: str) -> None:
    """Buy at 100, sell at 90, be denied, and never end by oneself."""
    exchange = ScriptedExchange([instrument()])
    make, _ = LOCKS[name]
    kernel = opened(path, exchange, make())
    await kernel.start()
    for proposal in (BUY, SELL):
        if (await ordered(kernel, exchange, proposal)).denied:
            raise AssertionError("it was locked before it had lost anything")
    denied = await ordered(kernel, exchange, BUY)
    sys.stdout.write(f"{denied.order.denial_code}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(lose_and_wait(Path(sys.argv[1]), sys.argv[2]))
