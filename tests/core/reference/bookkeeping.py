"""An engine without its shell: a clock set by hand, and a journal committed when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fairlead.domain.identifiers import account_tag
from fairlead.domain.instruments import Instrument
from fairlead.domain.reconciliation import Counts
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.inputs import InFlightLost, Input, KernelStarting, ReconciliationEnded
from fairlead.kernel.core.state import Dirty, EngineState
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.journal.codec import seal
from fairlead.kernel.journal.journal import Entry
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.kernel.journal.restore import load_command, load_order, restore_state
from fairlead.kernel.journal.rows import dirty_rows
from fairlead.ports.clock import Timer
from fairlead.ports.store import Batch, Opened, OutboxRow
from fairlead.testing.memory_store import MemoryDisk, MemoryStore

T = TypeVar("T")
ACCOUNT = "reference"


class HandClock:
    """A clock whose time a test sets; nobody waits for it."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def wall_ns(self) -> int:
        """Return the time that was set."""
        return self.now_ns

    def monotonic_ns(self) -> int:
        """Return the same time."""
        return self.now_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait for nobody: what is tested here never waits."""
        raise NotImplementedError

    def timeout_ns(self, duration_ns: int) -> AbstractAsyncContextManager[object]:
        """Bound no wait."""
        raise NotImplementedError

    def call_at_ns(self, due_monotonic_ns: int, callback: Callable[[], None]) -> Timer:
        """Call nobody."""
        raise NotImplementedError


class Ledger:
    """Gathers steps for a memory disk, and gives their effects out at once."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.entries: list[Entry] = []
        self.outbox: list[OutboxRow] = []
        self.effects: list[Effect] = []

    @property
    def durable_sequence(self) -> int:
        """Return what the disk holds."""
        return self.disk.head.sequence

    def add(self, entries: list[Entry], outbox: list[OutboxRow], output: StepOutput) -> None:
        """Gather one step."""
        self.entries += entries
        self.outbox += outbox
        self.effects += output.effects

    def commit(self, state: EngineState) -> None:
        """Write what was gathered."""
        if not self.entries:
            return
        dirty, state.dirty = state.dirty, Dirty()
        head, rows = self.disk.head, dirty_rows(state, dirty)
        envelopes = seal(self.entries, head.hash)
        first, last = self.entries[0][0], envelopes[-1]
        batch = Batch(
            self.disk.epoch, first, last.sequence, head.hash, last.hash, envelopes, rows, self.outbox
        )
        self.disk.store(batch)
        self.entries, self.outbox = [], []


class BareKernel:
    """The engine of an account that trades these instruments, started and reconciled."""

    def __init__(self, rules: Rules, instruments: list[Instrument], start_ns: int) -> None:
        self.rules = rules
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.clock = HandClock(start_ns)
        self.ledger = Ledger()
        self.broken: list[Exception] = []
        self._begin(EngineState(ACCOUNT, account_tag(ACCOUNT)))

    def _begin(self, state: EngineState) -> None:
        state.instruments = self.instruments
        journal: Any = self.ledger  # it has what an engine uses of a journal
        self.engine = Engine(state, self.rules, self.clock, journal)
        self.engine.on_broken_step = self.broken.append
        self.process(KernelStarting(0, "reference", "1", (), ""))
        self.process(InFlightLost(frozenset(), "the kernel was restarted"))
        self.process(ReconciliationEnded("start", Counts(), 0, enable=True, whole=True, recorded=True))
        self.ledger.effects.clear()

    def process(self, given: Input) -> list[Effect]:
        """Take one step; return its effects. A step that breaks raises."""
        self.engine.process(given)
        if self.broken:
            raise self.broken[0]
        effects, self.ledger.effects = self.ledger.effects, []
        return effects

    def restart(self) -> None:
        """Forget all memory and read it back from what was committed."""
        state = self.engine.state
        self.ledger.commit(state)
        disk = self.ledger.disk
        store = MemoryStore(disk)
        names, keys = list(state.orders), list(state.commands)
        read = at_once(restore_state(store, ACCOUNT, Opened(disk.epoch, disk.head)))
        for name in names:
            assert at_once(load_order(store, read, name))
        for owner, key in keys:
            at_once(load_command(store, read, owner, key))
        self._begin(read)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    message = "It waited."
    raise AssertionError(message)
