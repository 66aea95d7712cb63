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

from benchmarks.order_round_trip import AllowAll, sqlite_store
from fairlead import Kernel, KernelSettings, Proposal, Trade
from fairlead.ports.exchange import Instrument
from fairlead.ports.store import Store
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange

SYMBOL = "BTC/USDT"
OPERATIONS = ("execute", "cancel", "close", "look-up in memory", "look-up in the store", "price")


class Watch:
    """Times every operation by name."""

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = {name: [] for name in OPERATIONS}

    async def of(self, name: str, work: Callable[[], Awaitable[object]]) -> object:
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


async def measured(store: Store, rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of every operation on the store."""
    settings = KernelSettings(account="bench", on_stop="leave", closed_orders_max=10)
    watch, exchange = Watch(), venue()
    async with Kernel(settings, exchange=exchange, store=store, checks=[AllowAll()]) as kernel:
        bot = kernel.session(owner="bench")
        first = ""

        async def publish() -> None:
            kernel.prices.publish(Trade(SYMBOL, Decimal(100), Decimal(1), kernel.clock.wall_ns()))

        async def close() -> None:
            work = asyncio.ensure_future(bot.close_position(SYMBOL))
            while not (exits := [each for each in kernel.orders(live_only=True) if each.side == "sell"]):
                await asyncio.sleep(0)
            while exchange.submits_of(exits[0].client_order_id) == 0:
                await asyncio.sleep(0)
            exchange.trade(exits[0].client_order_id, "0.01", "100")
            await work

        for _ in range(rounds):
            await watch.of("price", publish)
            wish = Proposal.buy(SYMBOL, quantity="0.01", limit_price="100")
            name = (await bot.execute(wish)).client_order_id
            exchange.trade(name, "0.01", "100")
            await kernel.closed(name)
            first = first or name
            await watch.of("close", close)
            started = time.perf_counter_ns()
            name = (await bot.execute(wish)).client_order_id
            watch.taken["execute"].append(time.perf_counter_ns() - started)
            await watch.of("cancel", lambda name=name: bot.cancel(name))  # type: ignore[misc]  # bound for this round
            await kernel.closed(name)
            await watch.of("look-up in memory", lambda name=name: kernel.find_order(name))  # type: ignore[misc]  # same
        for _ in range(rounds):
            await watch.of("look-up in the store", lambda: kernel.find_order(first))
            for _ in range(6):  # pushes it out of memory again
                name = (await bot.execute(wish)).client_order_id
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
            print(store.ljust(8), name.ljust(22), f"{values['median_us']:9.1f} us  p99 {values['p99_us']:9.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
