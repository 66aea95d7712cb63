"""What each operation of a kernel takes: execute, cancel, close, look-up, price.

One at a time, each awaited to its answer, on the memory store and on SQLite (durable: WAL,
``synchronous=FULL``). The venue answers at once, so what is measured is the kernel's. Figures are wall time
in microseconds: the median, and the 99th of a hundred.

Usage: ``python -m benchmarks.operations [--rounds N] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import TypeVar

from benchmarks.order_round_trip import AllowAll, sqlite_store
from fairlead import Kernel, KernelSettings, Proposal, Session, Trade
from fairlead.ports.events import OrderChanged
from fairlead.ports.exchange import Instrument
from fairlead.ports.store import Store
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange

T = TypeVar("T")

SYMBOL = "BTC/USDT"
EVICTING = 12
"""More orders than memory holds finished ones."""
OPERATIONS = ("execute", "cancel", "close", "look-up in memory", "look-up in the store", "price")


class Watch:
    """Times every operation by name."""

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = {name: [] for name in OPERATIONS}

    async def of(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        started = time.perf_counter_ns()
        answer = await work()
        self.taken[name].append(time.perf_counter_ns() - started)
        return answer

    def figures(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "median_us": statistics.median(taken) / 1_000,
                "p99_us": sorted(taken)[int(len(taken) * 0.99)] / 1_000,
            }
            for name, taken in self.taken.items()
        }


def venue() -> ScriptedExchange:
    rules = Instrument(
        symbol=SYMBOL, base="BTC", quote="USDT", price_increment="0.1", quantity_increment="0.0001"
    )
    return ScriptedExchange([rules])


async def closed_by_venue(bot: Session, kernel: Kernel, exchange: ScriptedExchange) -> None:
    """Close the position, and have the exit filled when it has come to the venue."""
    events = kernel.events.stream(OrderChanged)
    work = asyncio.ensure_future(bot.close_position(SYMBOL))
    async for event in events:
        order = getattr(event, "order", None)
        if order is not None and order.side == "sell" and order.status == "ACCEPTED":
            exchange.trade(order.client_order_id, "0.01", "100")
            break
    events.close()
    await work


async def measured(store: Store, rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of every operation on the store."""
    settings = KernelSettings(account="bench", on_stop="leave", closed_orders_max=10)
    watch, exchange = Watch(), venue()
    wish = Proposal.buy(SYMBOL, quantity="0.01", limit_price="100")
    async with Kernel(settings, exchange=exchange, store=store, checks=[AllowAll()]) as kernel:
        bot = kernel.session(owner="bench")

        async def publish() -> None:
            kernel.prices.publish(Trade(SYMBOL, Decimal(100), Decimal(1), kernel.clock.wall_ns()))

        async def execute() -> str:
            return (await bot.execute(wish)).client_order_id

        first = await execute()
        exchange.trade(first, "0.01", "100")
        for _ in range(rounds):
            await watch.of("price", publish)
            await watch.of("close", partial(closed_by_venue, bot, kernel, exchange))
            name = await watch.of("execute", execute)
            await watch.of("cancel", partial(bot.cancel, name))
            await kernel.closed(name)
            await watch.of("look-up in memory", partial(kernel.find_order, name))
            name = await execute()
            exchange.trade(name, "0.01", "100")
            await kernel.closed(name)
        for _ in range(rounds):
            await watch.of("look-up in the store", partial(kernel.find_order, first))
            for _ in range(EVICTING):
                name = await execute()
                await bot.cancel(name)
                await kernel.closed(name)
    return watch.figures()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "memory": asyncio.run(measured(MemoryStore(MemoryDisk()), arguments.rounds)),
            "sqlite": asyncio.run(measured(sqlite_store(folder), arguments.rounds)),
        }
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for store, operations in figures.items():
        for name, values in operations.items():
            print(
                store.ljust(8),
                name.ljust(22),
                f"{values['median_us']:9.1f} us  p99 {values['p99_us']:9.1f} us",
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
