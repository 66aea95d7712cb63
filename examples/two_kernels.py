"""Two accounts, two kernels, one process and one event loop: neither knows of the other.

Each has its own paper venue and its own file. Run it twice: the second run finds the orders of the first.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from fairlead import ExecutionResult, Kernel, KernelSettings, Proposal


def kernel_of(account: str, folder: Path) -> Kernel:
    """Return a kernel for the account, on files of its own."""
    tables: dict[str, dict[str, Any]] = {
        "paper": {
            "account": account,
            "venue": {"tape": "shipped", "file": str(folder / f"{account}-venue.sqlite")},
        },
        "sqlstore": {"path": str(folder / f"{account}.sqlite")},
        "riskhooks": {"minimum_size": {}, "maximum_positions": {"total": 3}},
    }
    return Kernel(KernelSettings(account=account), plugins=["paper", "sqlstore", "riskhooks"], tables=tables)


async def trade(account: str, folder: Path) -> ExecutionResult:
    """Place one order, once, however often this program runs."""
    async with kernel_of(account, folder) as kernel:
        bot = kernel.session(owner="example")
        wish = Proposal.buy("BTC/USDT", quantity="0.001", limit_price="90000")
        return await bot.execute(wish, idempotency_key="the-only-order")


async def main(folder: Path) -> None:
    """Let both trade at the same time and say what became of it."""
    accounts = ("alice", "bob")
    results = await asyncio.gather(*(trade(account, folder) for account in accounts))
    for account, result in zip(accounts, results, strict=True):
        print(f"{account}: {result.client_order_id} {result.summary()}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
