"""The child of the full-disk test: a kernel whose process may write no further than its files are long.

``python full_disk.py DATABASE ADDRESS ACKNOWLEDGEMENTS MODE``; prints one JSON object. In mode ``freed``
room is given back and trading goes on; in mode ``stays_full`` the kernel gives up, and the next process
has to make sense of what is there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
from pathlib import Path
from typing import Any

import attrs

from fairlead import Proposal
from fairlead.errors import FairleadError, JournalUnavailable
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.session import Session
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead_paper.client import PaperClient
from fairlead_paper.plugin import paper_client
from fairlead_paper.settings import Mode, PaperSettings
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore
from tests.e2e.kill.trader import SETTINGS, SYMBOL

FREED = "freed"
ROOM_BYTES = 300_000
FAR_BELOW = Proposal.buy(SYMBOL, quantity="0.0001", limit_price="60000")
PAUSE_NS = 20 * NANOSECONDS_PER_MILLISECOND


class Victim:
    """Places orders until the disk is full, and says what happened."""

    def __init__(self, bot: Session, client: PaperClient, acknowledgements: str) -> None:
        self._bot = bot
        self._client = client
        self._clock = SystemClock()
        self._waiting: asyncio.Task[str] | None = None
        self._file = os.open(acknowledgements, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def place(self) -> str:
        """Place one order that will not fill, and acknowledge it."""
        result = await self._bot.execute(FAR_BELOW)
        os.write(self._file, f"{result.client_order_id}\n".encode())
        return result.client_order_id

    async def place_until_stopped(self) -> int:
        """Place orders until one is refused, or gets no answer; return how many were acknowledged.

        No answer: its intent is on disk, and what the venue said about it finds no room.
        """
        count = 0
        while True:
            self._waiting = asyncio.get_running_loop().create_task(self.place())
            try:
                async with self._clock.timeout_ns(NANOSECONDS_PER_SECOND):
                    await asyncio.wait((self._waiting,))
            except TimeoutError:
                return count
            if self._waiting.exception() is not None:
                return count
            count += 1

    async def end_of_wait(self) -> bool:
        """Return whether the order that got no answer got one at last, or an error of ours."""
        assert self._waiting is not None
        await asyncio.wait((self._waiting,))
        return isinstance(self._waiting.exception(), (FairleadError, type(None)))

    async def place_at_last(self) -> None:
        """Try until an order can be recorded again."""
        while True:
            try:
                await self.place()
            except JournalUnavailable:
                await self._clock.sleep_ns(PAUSE_NS)
            else:
                return

    async def refusals(self) -> tuple[int, int]:
        """Try ten more; return how many were refused and how many orders the venue got meanwhile."""
        before = (await self._client.venue_state()).orders
        refused = 0
        for _ in range(10):
            try:
                await self.place()
            except FairleadError:
                refused += 1
            await self._clock.sleep_ns(PAUSE_NS)
        return refused, (await self._client.venue_state()).orders - before


def fill_the_disk(database: str) -> None:
    """Let no file of this process grow much beyond what the log has now."""
    size = Path(f"{database}-wal").stat().st_size
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + ROOM_BYTES, hard))


def free_the_disk() -> None:
    """Let files grow again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


async def main(database: str, address: str, acknowledgements: str, mode: str) -> dict[str, Any]:
    """Live through a full disk."""
    clock = SystemClock()
    client = paper_client(PaperSettings(mode=Mode.PROCESS, address=address), clock)
    attempts = 10_000 if mode == FREED else 3
    kernel = Kernel(
        attrs.evolve(SETTINGS, allow_unchecked=True, recovery_attempts_max=attempts, recovery_interval_ms=20),
        exchange=client,
        store=SqlStore(SqlStoreSettings(database)),
        clock=clock,
        logger=logging.getLogger("full_disk"),
    )
    await kernel.start()
    victim = Victim(kernel.session(owner="bot"), client, acknowledgements)
    await victim.place()
    fill_the_disk(database)
    placed = await victim.place_until_stopped()
    refused, sent = await victim.refusals()
    journal = next(state for name, state, _ in kernel.health() if name == "journal")
    told: dict[str, Any] = {
        "placed": placed,
        "refused": refused,
        "sent_while_refused": sent,
        "journal": journal,
    }
    free_the_disk()
    if mode == FREED:
        await victim.place_at_last()
    told["waits_ended"] = await victim.end_of_wait()
    await kernel.stop()
    return told


if __name__ == "__main__":
    json.dump(asyncio.run(main(*sys.argv[1:])), sys.stdout)
