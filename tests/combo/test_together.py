"""Whichever plugins are installed make a kernel that trades; the testing kit stands in for the others."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from fairlead import ExecutionResult, Kernel, KernelSettings, OrderStatus, Proposal
from fairlead.ports.exchange import Instrument
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.combo.expected import expected_plugins

RULES = Instrument(
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    price_increment=Decimal("0.1"),
    quantity_increment=Decimal("0.00001"),
)
PRESENT = expected_plugins()


def endpoint_in(folder: Path) -> Mapping[str, Any]:
    """Return a receiver that is not there: trading goes on as if nobody had to be told."""
    secret = folder / "secret.txt"
    secret.write_text("whsec_" + b64encode(bytes(32)).decode("ascii"), encoding="ascii")
    secret.chmod(0o600)
    url = "http://127.0.0.1:9/hook"
    return {"url": url, "secrets": [{"$file": str(secret)}], "allow_private": True, "ports": [9]}


def tables_in(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return a small configuration of every plugin that is there."""
    every: dict[str, Mapping[str, Any]] = {
        "paper": {"venue": {"tape": "shipped", "file": str(folder / "venue.sqlite")}},
        "riskhooks": {"maximum_positions": {"total": 3}, "minimum_size": {}},
        "sqlstore": {"path": str(folder / "bot.sqlite")},
        "webhook": {"endpoints": {"nobody": endpoint_in(folder)}},
    }
    return {name: every[name] for name in PRESENT}


class Parts:
    """What stands in for plugins that are not there, and outlives one kernel."""

    def __init__(self, folder: Path) -> None:
        self.tables = tables_in(folder)
        self.disk = MemoryDisk()
        self.venue = ScriptedExchange([RULES])

    def kernel(self) -> Kernel:
        """Return a kernel of what is installed, that was not started."""
        return Kernel(
            KernelSettings(account="main", on_stop="leave", allow_unchecked="riskhooks" not in PRESENT),
            PRESENT,
            tables=self.tables,
            exchange=None if "paper" in PRESENT else self.venue,
            store=None if "sqlstore" in PRESENT else MemoryStore(self.disk),
        )


def test_a_kernel_of_these_plugins_trades_and_remembers(tmp_path: Path) -> None:
    """An order goes out, is found by the next kernel under its key, is canceled, and is then CANCELED."""
    parts = Parts(tmp_path)
    wish = Proposal.buy("BTC/USDT", quantity="0.01", limit_price="90000")

    async def ordered() -> ExecutionResult:
        async with parts.kernel() as kernel:
            return await kernel.session(owner="bot").execute(wish, idempotency_key="first")

    async def canceled(first: ExecutionResult) -> tuple[str, OrderStatus]:
        async with parts.kernel() as kernel:
            bot = kernel.session(owner="bot")
            again = await bot.execute(wish, idempotency_key="first")
            await bot.cancel(first.client_order_id)
            return again.client_order_id, (await again.closed()).status

    first = asyncio.run(ordered())

    assert first.status is OrderStatus.ACCEPTED
    assert asyncio.run(canceled(first)) == (first.client_order_id, OrderStatus.CANCELED)
    assert {file.name for file in tmp_path.glob("*.sqlite")} == {
        name for plugin, name in (("paper", "venue.sqlite"), ("sqlstore", "bot.sqlite")) if plugin in PRESENT
    }


def test_the_checks_that_are_there_are_asked(tmp_path: Path) -> None:
    """A fourth position is denied where the risk checks are installed, and goes out where they are not."""
    parts = Parts(tmp_path)

    async def denials() -> list[bool]:
        async with parts.kernel() as kernel:
            bot = kernel.session(owner="bot")
            results = [
                await bot.execute(
                    Proposal.buy("BTC/USDT", book=f"b{n}", quantity="0.01", limit_price="90000")
                )
                for n in range(4)
            ]
            return [result.denied for result in results]

    assert asyncio.run(denials()) == [False, False, False, "riskhooks" in PRESENT]
