"""What one order costs the kernel: proposal, gate, intent, attempt, acceptance, fill, position.

Every order goes through the public `Session.execute` and is awaited to its end. Records are encoded and
chained, rows are built, batches are committed; only the venue is instant. Three probes:

* ``memory``: on the memory store;
* ``sqlite``: durable (WAL, ``synchronous=FULL``), with 1 and with 256 concurrent submitters.

The orders are sent in rounds; figures are the median round's, and the best round's. On a machine that
others use at the same time, the least CPU time is the figure to compare.

Usage: ``python benchmarks/order_round_trip.py [--orders N] [--rounds N] [--profile] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from fairlead import Kernel, KernelSettings, Proposal, Session
from fairlead.ports.exchange import (
    Answer,
    ExchangeCapabilities,
    Fence,
    FillPage,
    FillReport,
    Instrument,
    Liquidity,
    LookUp,
    ModifyRequest,
    OrderReport,
    Outcome,
    ReportSink,
    SubmitRequest,
    VenueBalance,
)
from fairlead.ports.risk import ALLOW, Fact, Judgement, RiskRequest, RiskView
from fairlead.ports.store import Store
from fairlead.testing.memory_store import MemoryDisk, MemoryStore

PRICE = Decimal(100)
FEE = Decimal("0.1")


class InstantVenue:
    """Accepts and fills every order at once, so that only the kernel is measured."""

    name = "instant"
    capabilities = ExchangeCapabilities(fence=Fence.DEADLINE, simulated=True)

    def __init__(self) -> None:
        self._sink: ReportSink | None = None
        self._count = 0

    async def connect(self, sink: ReportSink) -> None:
        self._sink = sink

    async def disconnect(self) -> None:
        self._sink = None

    async def instruments(self) -> Sequence[Instrument]:
        return [
            Instrument(
                symbol="BTC/USDT",
                base="BTC",
                quote="USDT",
                price_increment=Decimal("0.1"),
                quantity_increment=Decimal("0.0001"),
            )
        ]

    async def submit(self, request: SubmitRequest) -> Answer:
        self._count += 1
        number = str(self._count)
        fill = FillReport(
            request.client_order_id,
            number,
            number,
            request.symbol,
            request.side,
            request.quantity,
            PRICE,
            None,
            FEE,
            "USDT",
            Liquidity.TAKER,
            self._count,
        )
        if self._sink is not None:
            self._sink.put(fill)
        return Answer(Outcome.ACCEPTED, number)

    async def modify(self, request: ModifyRequest) -> Answer:
        return Answer(Outcome.REFUSED, reason=f"{request.client_order_id} is over")

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        return Answer(Outcome.REFUSED, reason="it is filled")

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        return LookUp(None, (), complete=True)

    async def open_orders(self) -> Sequence[OrderReport]:
        return ()

    async def fills_since(self, cursor: str) -> FillPage:
        return FillPage((), cursor, more=False)

    async def balances(self) -> Mapping[str, VenueBalance]:
        return {}


class AllowAll:
    """A check that costs next to nothing."""

    name = "allow-all"
    version = "1"
    stateless = True

    def initial(self) -> str:
        return ""

    def fold(self, value: str, fact: Fact) -> str:
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        return ALLOW


async def one_round(bot: Session, orders: int, submitters: int) -> tuple[float, float]:
    """Send the orders from that many submitters; return wall and CPU seconds."""
    left = iter(range(orders))

    async def submit() -> None:
        for _ in left:
            wish = Proposal.buy("BTC/USDT", quantity="0.01", limit_price="100")
            result = await bot.execute(wish)
            await result.closed()

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(submit() for _ in range(submitters)))
    return time.perf_counter() - started, time.process_time() - cpu


async def probe(
    store: Store, orders: int, submitters: int, rounds: int, profiler: cProfile.Profile | None
) -> dict[str, str]:
    """Send the orders in that many rounds, one after the other, and return the figures."""
    settings = KernelSettings(account="bench")
    each = max(orders // rounds, submitters)
    async with Kernel(settings, exchange=InstantVenue(), store=store, checks=[AllowAll()]) as kernel:
        bot = kernel.session(owner="bench")
        if profiler is not None:
            profiler.enable()
        times = [await one_round(bot, each, submitters) for _ in range(rounds)]
        if profiler is not None:
            profiler.disable()
    walls, cpus = zip(*times, strict=True)
    return {
        "orders": str(each * rounds),
        "submitters": str(submitters),
        "orders_per_second": f"{each / statistics.median(walls):.0f}",
        "orders_per_second_best": f"{each / min(walls):.0f}",
        "cpu_us_per_order": f"{statistics.median(cpus) / each * 1e6:.1f}",
        "cpu_us_per_order_least": f"{min(cpus) / each * 1e6:.1f}",
    }


def sqlite_store(folder: str) -> Store:
    """Return the durable store on a file of its own."""
    from fairlead_sqlstore.settings import SqlStoreSettings
    from fairlead_sqlstore.store import SqlStore

    return SqlStore(SqlStoreSettings(path=str(Path(folder, "bench.sqlite"))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, str]] = {}
    for name, submitters, share in (("memory", 64, 1), ("sqlite", 1, 10), ("sqlite", 256, 1)):
        profiler = cProfile.Profile() if arguments.profile else None
        orders = arguments.orders // share
        with tempfile.TemporaryDirectory() as folder:
            store = MemoryStore(MemoryDisk()) if name == "memory" else sqlite_store(folder)
            figures[f"{name}, {submitters} submitters"] = asyncio.run(
                probe(store, orders, submitters, arguments.rounds, profiler)
            )
        if profiler is not None:
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for title, values in figures.items():
        print(title.ljust(24), " ".join(f"{key}={value}" for key, value in values.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
