"""A bot without async: three threads trade through one blocking kernel."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from fairlead import BlockingKernel, Kernel, KernelSettings, Proposal


def trade(kernel: BlockingKernel, owner: str, said: dict[str, list[str]]) -> None:
    """Place three orders and take them back, as this owner."""
    bot = kernel.session(owner=owner)
    for price in ("90000", "91000", "92000"):
        result = bot.execute(Proposal.buy("BTC/USDT", quantity="0.001", limit_price=price))
        bot.cancel(result.client_order_id)
        end = result.closed(timeout_ms=10_000)
        said[owner].append(f"{end.client_order_id} {end.status}")


def main(folder: Path) -> None:
    """Let three threads trade at the same time and say what became of it."""
    tables: dict[str, dict[str, Any]] = {
        "paper": {"account": "threads", "venue": {"tape": "shipped"}},
        "sqlstore": {"path": str(folder / "threads.sqlite")},
        "riskhooks": {"minimum_size": {}, "maximum_positions": {"total": 3}},
    }
    settings = KernelSettings(account="threads")
    owners = ("first", "second", "third")
    said: dict[str, list[str]] = {owner: [] for owner in owners}
    with BlockingKernel(Kernel(settings, ["paper", "sqlstore", "riskhooks"], tables=tables)) as kernel:
        threads = [threading.Thread(target=trade, args=(kernel, owner, said)) for owner in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not kernel.orders(live_only=True)
    for owner in owners:
        for line in said[owner]:
            print(f"{owner}: {line}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
