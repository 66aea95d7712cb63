"""Writes what "Archive and back up" begins with: a configuration, and a database with a past."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.core.kernel.bench import BTC, instrument, quiet_logger

LONG_AGO_NS = 200 * 86_400 * NANOSECONDS_PER_SECOND

CONFIGURATION = """
[kernel]
account = "main"

[plugins.paper.venue]
tape = "shipped"

[plugins.sqlstore]
path = "bot.sqlite"
backup_folder = "backups"

[plugins.riskhooks.maximum_positions]
total = 3
"""


class LongAgo(SystemClock):
    """A clock of two hundred days ago."""

    def wall_ns(self) -> int:
        """See `Clock.wall_ns`."""
        return super().wall_ns() - LONG_AGO_NS


async def trade(clock: SystemClock, key: str) -> None:
    """Buy and sell one BTC."""
    exchange = ScriptedExchange([instrument()])
    settings = KernelSettings(account="main", on_stop="leave", allow_unchecked=True)
    store = SqlStore(SqlStoreSettings("bot.sqlite"))
    async with Kernel(settings, exchange=exchange, store=store, clock=clock, logger=quiet_logger()) as kernel:
        bot = kernel.session(owner="my-bot")
        for side, name in ((Proposal.buy, key), (Proposal.sell, f"{key}-exit")):
            wish = side(BTC, quantity="1", limit_price="100")
            result = await bot.execute(wish, idempotency_key=name)
            exchange.trade(result.client_order_id, "1", "100", fee="0.1")
            await result.closed()


Path("fairlead.toml").write_text(CONFIGURATION, encoding="utf-8")
Path("backups").mkdir()
asyncio.run(trade(LongAgo(), "first-entry"))
asyncio.run(trade(SystemClock(), "latest-entry"))
