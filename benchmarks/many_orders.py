"""One kernel, many orders: does memory stay flat, and does an order cost the same at the end?

Every order is filled and finished. Memory is the process's resident set after each block of orders; cost is
CPU time of the whole process. At the end every order is looked up by id, and memory is looked at again.

Exits with 1 when a promise is broken: memory moves after the first block, an order costs more at the end,
or an order that was asked for is not answered. Cost is CPU time and no count of instructions: what else the
machine does shows in it through caches and clocks, by a tenth and more. Hence the median of the last three
blocks is compared with the first; a run that fails by little beside other work is to be repeated without it.

Usage: ``python -m benchmarks.many_orders [--orders N] [--block N] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from benchmarks.order_round_trip import AllowAll, InstantVenue, sqlite_store
from fairlead import Kernel, KernelSettings, Proposal, Session

SUBMITTERS = 64
LAST_BLOCKS = 3
"""Of so many last blocks the median cost is taken."""

RESIDENT_MOVES_MAX_MIB = 20e6 / 2**20
"""How far resident memory may be from that after the first block, up or down: 20 MB."""

COST_RATIO_MAX = 1.2
"""How much more than one of the first block an order of the last ones may cost."""


def resident_mb() -> float:
    """Return the resident memory of this process in MiB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell its resident memory")


async def one_block(bots: Sequence[Session], orders: int) -> list[str]:
    """Have so many orders filled, each bot trading in its own book; return their ids."""
    left = iter(range(orders))
    names: list[str] = []

    async def submit(bot: Session) -> None:
        sides = itertools.cycle((Proposal.buy, Proposal.sell))
        for _ in left:
            result = await bot.execute(next(sides)("BTC/USDT", quantity="0.01", limit_price="100"))
            names.append((await result.closed()).client_order_id)

    await asyncio.gather(*(submit(bot) for bot in bots))
    return names


async def measure(folder: str, orders: int, block: int) -> dict[str, object]:
    """Run the blocks and the look-ups, and return the figures."""
    blocks: list[dict[str, str]] = []
    made = 0
    ids = Path(folder, "ids")  # not a list: it would be what grows
    settings = KernelSettings(account="bench")
    async with Kernel(
        settings, exchange=InstantVenue(), store=sqlite_store(folder), checks=[AllowAll()]
    ) as kernel:
        bots = [kernel.session(owner=f"bench-{number}") for number in range(SUBMITTERS)]
        while made < orders:
            cpu = time.process_time()
            names = await one_block(bots, block)
            made += block
            remember(ids, names)
            del names
            cost = (time.process_time() - cpu) / block * 1e6
            blocks.append(
                {"orders": str(made), "resident_mb": f"{resident_mb():.1f}", "cpu_us": f"{cost:.0f}"}
            )
            print(blocks[-1], file=sys.stderr)
        held = len(kernel.orders())
        answered = await count_answered(kernel, ids)
        after = f"{resident_mb():.1f}"
    return {"blocks": blocks, "asked": made, "answered": answered, "held_in_memory": held, "after_mb": after}


async def count_answered(kernel: Kernel, ids: Path) -> int:
    """Look every order up, and return how many are answered as they were filled."""
    answered = 0
    for name in remembered(ids):
        order = await kernel.find_order(name)
        answered += order is not None and order.filled_quantity == Decimal("0.01")
    return answered


def remember(ids: Path, names: Sequence[str]) -> None:
    """Write ids to the end of the file."""
    with ids.open("a", encoding="ascii") as file:
        file.writelines(f"{name}\n" for name in names)


def remembered(ids: Path) -> Iterator[str]:
    """Return every id of the file, one after the other."""
    with ids.open(encoding="ascii") as file:
        for line in file:
            yield line.strip()


def broken_promises(
    resident_mib: Sequence[float], cpu_us: Sequence[float], asked: int, answered: int
) -> list[str]:
    """Return what the figures of the blocks, and of the look-ups after them, do not keep; nothing if all."""
    broken: list[str] = []
    moved = max((size - resident_mib[0] for size in resident_mib), key=abs)
    if abs(moved) > RESIDENT_MOVES_MAX_MIB:
        broken.append(f"memory moved by {moved:+.1f} MiB after the first block")
    ratio = statistics.median(cpu_us[-LAST_BLOCKS:]) / cpu_us[0]
    if ratio > COST_RATIO_MAX:
        broken.append(f"an order of the last blocks costs {ratio:.2f} times one of the first")
    if answered < asked:
        broken.append(f"{asked - answered} of {asked} orders were not answered by id")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--block", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.orders <= LAST_BLOCKS * arguments.block:
        parser.error(f"the last {LAST_BLOCKS} blocks are compared with the first: give more orders")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(folder, arguments.orders, arguments.block))
    blocks: list[dict[str, str]] = figures["blocks"]  # type: ignore[assignment]  # see measure
    asked, answered = int(str(figures["asked"])), int(str(figures["answered"]))
    sizes = [float(each["resident_mb"]) for each in blocks]
    costs = [float(each["cpu_us"]) for each in blocks]
    after = float(str(figures["after_mb"]))
    broken = broken_promises([*sizes, after], costs, asked, answered)
    if arguments.json:
        print(json.dumps({**figures, "broken": broken}))
        return 1 if broken else 0
    last = statistics.median(costs[-LAST_BLOCKS:])
    print(f"resident: {sizes[0]:.1f} MiB after the first block, then {min(sizes):.1f} to {max(sizes):.1f}")
    print(f"CPU an order: {costs[0]:.0f} us in the first block, {last:.0f} us in the last (median of three)")
    print(f"{answered} of {asked} orders answered by id, one after the other; {after:.1f} MiB after that")
    print(f"{figures['held_in_memory']} orders held in memory before that")
    for problem in broken:
        print(f"BROKEN: {problem}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
