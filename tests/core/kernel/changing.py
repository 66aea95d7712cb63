"""What the tests of changes have in common."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from fairlead import ChangeResult, OrderSide
from fairlead.domain.change_records import ChangeRecord
from fairlead.ports.exchange import Terms, VenueStatus
from tests.core.kernel.bench import BTC, OWNER, Bench

BUYS = ((BTC, OWNER, ""), OrderSide.BUY)
SELLS = ((BTC, OWNER, ""), OrderSide.SELL)
DEADLINE_MS = 40_000
"""More than a request's deadline and its margin: whatever was lost can no longer arrive."""


def reserved(bench: Bench, key: tuple[tuple[str, str, str], OrderSide] = BUYS) -> Decimal:
    """Return what live orders of the key may still fill, as the kernel has it reserved."""
    return bench.kernel._parts.engine.state.leaves_of(*key)


def at_venue(bench: Bench, name: str) -> Terms:
    """Return the terms under which the venue holds an order."""
    order = bench.exchange.orders[name]
    return Terms(order.quantity, order.limit_price, order.trigger_price)


def live_at_venue(bench: Bench) -> list[str]:
    """Return the orders that are alive at the venue."""
    return [name for name, order in bench.exchange.orders.items() if order.status is VenueStatus.LIVE]


def change_records(bench: Bench) -> list[str]:
    """Return the kinds of the durable records of changes, in order."""
    kinds = {cls.KIND for cls in ChangeRecord.__args__}
    return [record.KIND for record in bench.records() if record.KIND in kinds]


def spawn_modify(bench: Bench, name: str, **wishes: Any) -> asyncio.Task[ChangeResult]:  # noqa: ANN401 - as modify_order
    """Have an order modified in a task of its own."""
    return bench.loop.create_task(bench.bot.modify_order(name, **wishes))


def spawn_replace(bench: Bench, name: str, **wishes: Any) -> asyncio.Task[ChangeResult]:  # noqa: ANN401 - as replace_order
    """Have an order replaced in a task of its own."""
    return bench.loop.create_task(bench.bot.replace_order(name, **wishes))


async def abandon(task: asyncio.Task[ChangeResult]) -> None:
    """Let go of a command whose kernel is gone."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()  # seen: its kernel ended, or told it what was known
