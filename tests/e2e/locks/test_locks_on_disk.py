"""A lock outlives its process, which is killed while the lock holds; the next one opens the same file.

The store is SQLite on a real file, time is the system's, and the rests are so long that they hold meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from fairlead.domain.records import OrderInitialized
from fairlead.kernel.journal.codec import decode
from fairlead.kernel.journal.verify import verify_journal
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_sqlstore import SqlStore
from tests.core.kernel.bench import instrument
from tests.e2e.locks.locked_bot import BUY, LOCKS, opened, ordered

ROOT = Path(__file__).resolve().parents[3]
CHILD = Path(__file__).with_name("locked_bot.py")
PATIENCE_NS = 60 * NANOSECONDS_PER_SECOND
"""A guard against a child that never answers; nothing is concluded from how long something took."""

KERNELS_OWN = "LOCKED"
"""The code where the check placed a lock that the kernel itself keeps to: `daily_loss`."""


async def killed_while_locked(path: Path, name: str) -> str:
    """Have a process trade until it is locked, kill it there, and return the code that it was denied with."""
    search = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        str(path),
        name,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": search},
    )
    assert child.stdout is not None
    try:
        async with SystemClock().timeout_ns(PATIENCE_NS):
            said = (await child.stdout.readline()).decode().strip()
    finally:
        if child.returncode is None:
            child.kill()
        _, complaints = await child.communicate()
    assert child.returncode == -signal.SIGKILL, complaints.decode()
    return said


async def own_verdict(path: Path, client_order_id: str, check: str) -> str:
    """Return the code that the check itself gave an order; "" when it allowed it. The journal is whole.

    The kernel's verdict on a lock bears the name of the check that placed it; that one is left out.
    """
    async with SqlStore.reader(path) as reader:
        assert (await verify_journal(reader)).problems == ()
        records = [decode(envelope) for envelope in await reader.envelopes(0, 100_000)]
    [codes] = [
        [each.code for each in record.verdicts if each.check == check and each.code != KERNELS_OWN]
        for record in records
        if isinstance(record, OrderInitialized) and record.client_order_id == client_order_id
    ]
    [code] = codes
    return code


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_after_a_kill(tmp_path: Path, name: str) -> None:
    """Lost, locked, killed with SIGKILL: on the file, the next kernel denies by the check's own value.

    Where the kernel keeps a lock too, its own denial is not taken for the check's.
    """
    make, code = LOCKS[name]
    path = tmp_path / "bot.sqlite"

    async def main() -> None:
        assert await killed_while_locked(path, name) == code
        exchange = ScriptedExchange([instrument()])
        async with opened(path, exchange, make()) as again:
            result = await ordered(again, exchange, BUY)
        assert result.order.denial_code in (code, KERNELS_OWN)
        assert await own_verdict(path, result.client_order_id, name) == code

    asyncio.run(main())
