"""Runs a kernel whose account has an order that somebody made by hand, until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
from decimal import Decimal

from fairlead import Kernel, KernelSettings
from fairlead.ports.exchange import OrderSide
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import ETH, instrument, quiet_logger


async def main() -> None:
    """Run."""
    exchange = ScriptedExchange([instrument(), instrument(ETH)])
    exchange.hold("human-1", ETH, OrderSide.BUY, Decimal(2), Decimal(100))
    settings = KernelSettings(
        account="main",
        on_stop="leave",
        allow_unchecked=True,
        control_socket="bot.sock",
        foreign_policy="leave",
    )
    store = MemoryStore(MemoryDisk())
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with Kernel(settings, exchange=exchange, store=store, logger=quiet_logger()):
        os.write(1, b"running\n")
        await ended.wait()


asyncio.run(main())
