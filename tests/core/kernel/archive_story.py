"""A history to archive: what a kernel did over three virtual days."""

from __future__ import annotations

from fairlead.kernel.journal.archive_plan import Cut
from fairlead.testing.memory_store import MemoryDisk
from tests.core.kernel.bench import BTC, Bench, on_bench

START_NS = 1_767_225_600_000_000_000
DAY_NS = 86_400_000_000_000
SECOND_DAY = Cut(START_NS + DAY_NS, START_NS + DAY_NS)
"""Archives the first day, its idempotency keys too."""


def trade(disk: MemoryDisk) -> None:
    """Trade on the disk: an episode that ends on the first day, one that stays open, orders of all kinds."""

    async def main(bench: Bench) -> None:
        await _round_trip(bench, "old")
        await bench.execute("buy", "1", "50", key="denied-or-not")
        lost = await bench.working("buy", "1", "60")
        await bench.bot.cancel(lost)
        await bench.pass_ms(1_000)
        await bench.working("buy", "3", "70")  # lives on
        opened = await bench.working("buy", "2", "100")
        bench.exchange.trade(opened, "2", "100", fee="0.2")
        await bench.pass_ms(1_000)
        await bench.pass_ms(86_400_000)
        part = await bench.working("sell", "1", "120")
        bench.exchange.trade(part, "1", "120", fee="0.1")
        await bench.pass_ms(1_000)
        await bench.execute("buy", "1", "40", key="young")
        await bench.pass_ms(86_400_000)
        await bench.execute("buy", "1", "30")
        await bench.pass_ms(1_000)

    on_bench(main, disk=disk)


async def _round_trip(bench: Bench, key: str) -> None:
    bought = (await bench.execute("buy", "1.5", "100", symbol=BTC, key=key)).client_order_id
    bench.exchange.trade(bought, "1.5", "100", fee="0.15")
    await bench.pass_ms(1_000)
    sold = await bench.working("sell", "1.5", "110")
    bench.exchange.trade(sold, "1.5", "110", fee="0.16")
    await bench.pass_ms(1_000)
