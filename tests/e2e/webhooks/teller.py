"""The process that is killed: a kernel on SQLite whose bot makes events, and whose webhooks tell them.

`python -m tests.e2e.webhooks.teller FOLDER PORT ENOUGH`; the signing secret is in the environment.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from fairlead import Kernel, KernelSettings, Proposal

SECRET_VARIABLE = "FAIRLEAD_TEST_HOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
STORE, VENUE = "kernel.sqlite", "venue.sqlite"
NOTIFIER = "webhook.receiver"
SIDE_BY_SIDE = 8


def tables(folder: Path, port: int) -> dict[str, dict[str, Any]]:
    """Return the plugins' tables; pauses are short, so that a failing receiver costs a test no hours."""
    schedule = {
        "retry_pauses_ms": [20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000],
        "attempt_timeout_ms": 400,
        "subjects_at_once": 16,
        "circuit_failures": 12,
        "circuit_pause_ms": 100,
        "retry_after_max_ms": 1_000,
    }
    endpoint = {
        "url": f"http://127.0.0.1:{port}/hook",
        "secrets": [{"$env": SECRET_VARIABLE}],
        "allow_private": True,
        "ports": [port],
        "schedule": schedule,
    }
    return {
        "paper": {"venue": {"tape": "shipped", "file": str(folder / VENUE), "synchronous": "normal"}},
        "sqlstore": {"path": str(folder / STORE)},
        "riskhooks": {"symbols": {"allow": ["BTC/USDT"]}},
        "webhook": {"endpoints": {"receiver": endpoint}},
    }


async def trade(kernel: Kernel, enough: int) -> None:
    """Rest orders far below the market, annotate and cancel them, until the journal is long enough."""
    bot = kernel.session(owner="teller")
    while kernel.sequence < enough:
        result = await bot.execute(Proposal.buy("BTC/USDT", quantity="0.001", limit_price="50000"))
        await bot.annotate(result.client_order_id, note="told")
        await bot.cancel(result.client_order_id)
        await result.closed()


async def main(folder: Path, port: int, enough: int) -> None:
    """Trade and tell until killed."""
    given = tables(folder, port)
    settings = KernelSettings(account="main")
    async with Kernel(settings, list(given), tables=given) as kernel:
        await asyncio.gather(*(trade(kernel, enough) for _ in range(SIDE_BY_SIDE)))
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
