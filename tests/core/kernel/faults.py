"""How a test lets commits wait or fail."""

from __future__ import annotations

import asyncio

from fairlead.ports.store import Batch
from fairlead.testing.memory_store import AppendFault
from tests.core.kernel.bench import Bench

FAULTS = [*AppendFault]
STORED = (AppendFault.UNCERTAIN_STORED, AppendFault.HANGS_STORED)
LONG_MS = 60_000


class Brake:
    """Holds every append before it is durable, until it is let go."""

    def __init__(self, bench: Bench) -> None:
        self.gate = asyncio.Event()
        self.held = 0
        bench.before = self.before

    async def before(self, method: str) -> None:
        """Hold an append."""
        if method == "append" and not self.gate.is_set():
            self.held += 1
            await self.gate.wait()

    def release(self) -> None:
        """Let everything go."""
        self.gate.set()


def fail_from(bench: Bench, nth: int, fault: AppendFault, times: int = 1) -> list[int]:
    """Let the nth append from now fail, and the *times* - 1 that follow it; return the counter."""
    count = [0]

    def faults(_batch: Batch) -> AppendFault | None:
        count[0] += 1
        return fault if nth <= count[0] < nth + times else None

    bench.faults = faults
    return count


def slow_down(bench: Bench, method: str, milliseconds: int) -> None:
    """Let a method of the store take its time from now on."""

    async def before(called: str) -> None:
        if called == method:
            await bench.pass_ms(milliseconds)

    bench.before = before
