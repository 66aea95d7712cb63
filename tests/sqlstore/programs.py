"""Kernels of a few lines, run as processes of their own so that they can be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_HEAD = """
import asyncio, os, sys
from decimal import Decimal
from fairlead.errors import CommitFailed, CommitUncertain, StoreHeld
from fairlead.testing.conformance.store_batches import Scribe, sample_row, setting
from fairlead_sqlstore import SqlStore, SqlStoreSettings

async def main(path, size=0):
"""
_TAIL = """
asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""

HOLD = """
    store = SqlStore(SqlStoreSettings(path))
    scribe = await Scribe.opened(store, holder=f"host pid {os.getpid()} started 17")
    await scribe.write()
    print("holding", flush=True)
    sys.stdin.readline()
    await store.close()
"""

HOLD_AND_FORK = """
    store = SqlStore(SqlStoreSettings(path))
    await store.open("acc", "parent")
    if os.fork() == 0:
        os.write(1, b"%d\\n" % os.getpid())
        sys.stdin.readline()
        os._exit(0)
    os.wait()
"""

COMMIT_FOR_EVER = """
    store = SqlStore(SqlStoreSettings(path))
    scribe = await Scribe.opened(store, holder=f"pid {os.getpid()}")
    while True:
        number = scribe.head.sequence + 1
        order = sample_row("orders", client_order_id=f"{number:08}", quantity=Decimal(number), live=True)
        await scribe.write(order, setting("counter", str(number)), payloads=[bytes(700)])
        os.write(1, b"%d\\n" % number)
"""

RUN_OUT_OF_SPACE = """
    import resource, signal
    store = SqlStore(SqlStoreSettings(path))
    scribe = await Scribe.opened(store)
    await scribe.write(setting("counter", "kept"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    wal = os.stat(path + "-wal").st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 20_000, resource.RLIM_INFINITY))
    try:
        await scribe.write(setting("counter", "too big"), payloads=[bytes(size)])
    except (CommitFailed, CommitUncertain) as error:
        print(type(error).__name__)
    print(*[row["value"] for row in await store.rows("settings")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    head = scribe.head
    print((await scribe.reopen()).head == head)
    await scribe.write(setting("counter", "room again"), payloads=[bytes(size)])
    print(*[row["value"] for row in await store.rows("settings")])
    await store.close()
"""


def start(body: str, path: Path, *arguments: int) -> subprocess.Popen[str]:
    """Start the program on the file, with numbers it may need."""
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD + body + _TAIL, str(path), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that the program prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    """Kill the program if it still runs, and close its pipes."""
    process.kill()
    process.communicate()
