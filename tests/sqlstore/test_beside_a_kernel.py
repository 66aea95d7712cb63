"""Every reading command beside a kernel that commits all the time: one moment each, and nobody is held up."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.cli.exit_codes import ExitCode
from tests.core.cli.memory_reader import run_command

PROGRAM = """
import asyncio, os, sys
from fairlead import Kernel, KernelSettings, Proposal
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from tests.core.kernel.bench import BTC, instrument, quiet_logger

async def main():
    exchange = ScriptedExchange([instrument()])
    settings = KernelSettings(account="main", on_stop="leave", allow_unchecked=True)
    store = SqlStore(SqlStoreSettings(sys.argv[1]))
    async with Kernel(settings, exchange=exchange, store=store, logger=quiet_logger()) as kernel:
        bot = kernel.session(owner="bot")
        for number in range(100_000):
            for side in (Proposal.buy, Proposal.sell):
                result = await bot.execute(side(BTC, quantity="1", limit_price="100"))
                exchange.trade(result.client_order_id, "1", "100", fee="0.1")
                await result.closed()
            os.write(1, b"%d\\n" % number)

asyncio.run(main())
"""
COMMANDS = (
    ("orders",),
    ("orders", "--live"),
    ("fills",),
    ("positions",),
    ("positions", "--history"),
    ("balances",),
    ("journal", "verify"),
    ("journal", "replay"),
    ("journal", "export"),
    ("db", "backup"),
    ("db", "archive", "--keep-days", "1", "--dry-run"),
)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Run a kernel that trades all the time, in a process of its own."""
    path = tmp_path / "bot.sqlite"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline()
        yield path, process
    finally:
        process.kill()
        process.communicate()


def rounds(process: subprocess.Popen[bytes]) -> int:
    """Return how many rounds the kernel has ended since the last call."""
    assert process.stdout is not None
    text = b""
    while select.select([process.stdout], [], [], 0)[0]:
        text += os.read(process.stdout.fileno(), 65_536)
    return text.count(b"\n")


def test_every_reading_command_works_beside_a_kernel(busy: tuple[Path, subprocess.Popen[bytes]]) -> None:
    """Each ends well, the kernel trades while they read, and none leaves a lock that stops it."""
    path, process = busy
    assert process.stdout is not None
    beside = 0
    for command in COMMANDS:
        rounds(process)
        code, out, error = run_command(*command, "--store", str(path))
        assert code == ExitCode.OK, (command, error)
        assert out
        assert process.poll() is None
        beside += rounds(process)  # a quick command may end within a round
        assert os.read(process.stdout.fileno(), 65_536), f"the kernel ended after {command}"
    assert beside > 0, "the kernel did nothing while the commands ran"
    order = json.loads(run_command("orders", "--last", "1", "--json", "--store", str(path))[1])["orders"][0]
    assert run_command("explain", order["client_order_id"], "--store", str(path))[0] == ExitCode.OK


def test_what_a_command_shows_belongs_together(busy: tuple[Path, subprocess.Popen[bytes]]) -> None:
    """However often it is asked, the fold of what was read equals the rows that were read."""
    path, process = busy
    seen = set()
    for _ in range(8):
        code, out, _ = run_command("journal", "verify", "--json", "--store", str(path))
        assert code == ExitCode.OK
        seen.add(json.loads(out)["report"]["records"])
        assert process.stdout is not None
        assert process.stdout.readline()
    assert len(seen) == 8
