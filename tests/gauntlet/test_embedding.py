"""Embedding: stories of engines that wanted to own the process, the tree or the build."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fairlead import Kernel, KernelSettings, Proposal
from fairlead.kernel.system_clock import SystemClock
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, instrument, quiet_logger
from tests.core.plugins.installed_distributions import declare, install

CLOCK = SystemClock()
ADAPTER = """
from fairlead.domain.instruments import Instrument
from fairlead.hookspecs import hookimpl
from fairlead.testing.scripted_exchange import ScriptedExchange

requires_api = "1.0"
RULES = Instrument(
    symbol="BTC/USDT", base="BTC", quote="USDT", price_increment="0.01", quantity_increment="0.001"
)

@hookimpl
def fairlead_exchanges(context):
    return [ScriptedExchange([RULES])]
"""
BOT = """
import asyncio, sys
from fairlead import Kernel, KernelSettings, Proposal
from fairlead.testing.memory_store import MemoryStore

async def main():
    settings = KernelSettings(account="main", allow_unchecked=True)
    async with Kernel(settings, ["my-venue"], store=MemoryStore()) as kernel:
        bot = kernel.session(owner="bot")
        result = await bot.execute(Proposal.buy("BTC/USDT", quantity="1", limit_price="100"))
        print(result.status)

asyncio.run(main())
"""


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#1004",
    "nautechsystems/nautilus_trader#644",
    story="Inside a running asyncio application tasks were not run, and the exit was not clean.",
)
def test_nautilus_trader_1004_a_kernel_is_a_guest_in_a_running_application() -> None:
    """The application's tasks run on, nothing of the process is changed, and a stop leaves nothing behind."""

    def process() -> list[object]:
        loop = asyncio.get_running_loop()
        signals = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        return [*signals, loop.get_exception_handler(), sys.excepthook, Path.cwd(), threading.active_count()]

    async def application() -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await CLOCK.sleep_ns(100_000)

        own = asyncio.create_task(tick())
        await CLOCK.sleep_ns(0)
        before, tasks = process(), asyncio.all_tasks()
        for number in range(2):
            exchange = ScriptedExchange([instrument()])
            settings = KernelSettings(account="main", on_stop="leave", allow_unchecked=True)
            kernel = Kernel(settings, exchange=exchange, store=MemoryStore(), logger=quiet_logger())
            ticked = ticks
            async with kernel:
                bot = kernel.session(owner="bot")
                result = await bot.execute(Proposal.buy(BTC, quantity="1", limit_price="100"))
                waits = asyncio.create_task(result.closed())
                await CLOCK.sleep_ns(5_000_000)
                if number:
                    exchange.trade(result.client_order_id, "1", "100")
                    assert (await waits).status == "FILLED"
            if not number:
                await asyncio.wait((waits,))
                assert waits.exception() is not None
            assert ticks > ticked
            assert asyncio.all_tasks() == tasks
            assert process() == before
        own.cancel()

    asyncio.run(application())


@pytest.mark.gauntlet(
    "nautechsystems/nautilus_trader#4694",
    "nautechsystems/nautilus_trader#4941",
    "nautechsystems/nautilus_trader#4748",
    story="One's own adapter could not live outside the tree: it meant building the engine's wheel anew.",
)
def test_nautilus_trader_4694_an_adapter_of_ones_own_is_a_distribution_of_its_own(tmp_path: Path) -> None:
    """Installed beside Fairlead and named in one word, one's own adapter is what the kernel trades with."""
    install(tmp_path, "my-venue", declare("my-venue", "my_venue"), {"my_venue": ADAPTER})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ran = subprocess.run(
        [sys.executable, "-c", BOT], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.stdout == "ACCEPTED\n", ran.stderr
