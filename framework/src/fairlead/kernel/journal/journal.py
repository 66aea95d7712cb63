"""The journal writer: group commit, strictly in sequence, and nothing given out before it is durable.

While one batch is being committed, further steps gather for the next. A batch holds whole steps,
their rows as they are at its end, and their outbox rows. When a commit fails, hangs or is uncertain,
the writer stops and hands what was in doubt to the recovery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import attrs

from fairlead.domain.records import Record
from fairlead.errors import StoreFault
from fairlead.kernel.core.state import Dirty, EngineState
from fairlead.kernel.journal.codec import seal
from fairlead.kernel.journal.loose_rows import LooseRows
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.kernel.journal.rows import dirty_rows
from fairlead.ports.clock import Clock
from fairlead.ports.store import Batch, JournalHead, OutboxRow, Row, Store

Entry = tuple[int, int, Record]


@attrs.define(slots=True)
class SealedBatch:
    """A batch on its way to the store, with what it will give out."""

    batch: Batch | None
    outputs: list[StepOutput]
    entries: list[Entry] = attrs.Factory(list)


class Journal:
    """Gathers steps, seals them into batches and gives their outputs out when they are durable."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        commit_timeout_ns: int,
        batch_steps_max: int,
        release: Callable[[StepOutput], None],
        on_fault: Callable[[SealedBatch, Exception], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._commit_timeout_ns = commit_timeout_ns
        self._batch_steps_max = batch_steps_max
        self._release = release
        self._on_fault = on_fault
        self._entries: list[Entry] = []
        self._outbox: list[OutboxRow] = []
        self._outputs: list[StepOutput] = []
        self._loose = LooseRows()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._state: EngineState | None = None
        self._broken: Exception | None = None
        self._failure: Exception | None = None
        self.on_committed: Callable[[], None] = lambda: None
        self.head = JournalHead(0, b"")
        self.batches = 0

    @property
    def durable_sequence(self) -> int:
        """Return the sequence up to which everything is durable."""
        return self.head.sequence

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing will be committed any more."""
        return self._failure is not None

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is pending or being committed."""
        return self._idle.is_set()

    def follow(self, state: EngineState, head: JournalHead) -> None:
        """Continue after this head with this state; drops whatever was gathered."""
        self._state = state
        self.head = head
        self._entries, self._outbox, self._outputs = [], [], []
        self._room.set()

    def add(self, entries: list[Entry], outbox: list[OutboxRow], output: StepOutput) -> None:
        """Gather one step. Without records, and with nothing pending, it is given out at once."""
        if self._failure is not None:
            return
        if not entries and self._idle.is_set():
            self._release(output)
            return
        self._entries.extend(entries)
        self._outbox.extend(outbox)
        self._outputs.append(output)
        self._idle.clear()
        self._wake.set()
        if len(self._outputs) >= self._batch_steps_max:
            self._room.clear()

    def add_rows(self, rows: Sequence[Row], when_durable: Callable[[], None] | None = None) -> None:
        """Have rows that no record stands for written with the next batch, or in one of their own.

        They are whole rows: one that is given again replaces what still waits. What a failed commit had of
        them is written again after the recovery. *when_durable* is called in the loop once they are stored.
        """
        if self._failure is not None or not (rows or when_durable):
            return
        self._loose.add(rows, when_durable)
        self._idle.clear()
        self._wake.set()

    @property
    def is_full(self) -> bool:
        """Tell whether a full batch is pending; see `room`."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Wait while a full batch is pending, so that a fast submitter cannot grow memory."""
        while not self._room.is_set():
            await self._room.wait()

    async def quiet(self) -> None:
        """Wait until nothing is pending or being committed, or the journal has ended."""
        await self._idle.wait()

    async def settled(self) -> None:
        """Wait until everything gathered so far is durable and given out, or taken back.

        Raises what made the journal unusable for good.
        """
        await self._idle.wait()
        if self._failure is not None:
            raise self._failure

    async def run(self) -> None:
        """Commit batches until canceled, or until `end`."""
        while self._failure is None:
            await self._wake.wait()
            self._wake.clear()
            while self._outputs or self._loose or self._broken is not None:
                if self._broken is not None:
                    error, self._broken = self._broken, None
                    await self._on_fault(SealedBatch(None, []), error)
                else:
                    await self._commit()
            self._idle.set()

    def end(self, failure: Exception) -> None:
        """Commit nothing any more: the journal cannot be brought back."""
        self._failure = failure
        self._broken = None
        self._loose = LooseRows()
        self.discard()
        self._wake.set()
        self._idle.set()

    def break_off(self, error: Exception) -> None:
        """A step broke half-way: commit nothing more of what was gathered, recover instead."""
        self._broken = error
        self._idle.clear()
        self._wake.set()

    def discard(self) -> list[StepOutput]:
        """Take back everything gathered and not committed; return what it would have given out."""
        outputs = self._outputs
        self._entries, self._outbox, self._outputs = [], [], []
        self._room.set()
        return outputs

    @property
    def gathered(self) -> tuple[list[Entry], list[StepOutput]]:
        """Return what waits for the next commit."""
        return self._entries, self._outputs

    def _seal(self, entries: list[Entry], outbox: list[OutboxRow], loose: list[Row]) -> Batch | None:
        if not entries and not loose:
            return None
        state, head = self._state, self.head
        assert state is not None  # follow() precedes run(); narrows the type
        if not entries:  # rows alone: nothing is folded, and the head stays where it is
            return Batch(state.epoch, head.sequence + 1, head.sequence, head.hash, head.hash, (), loose, ())
        dirty, state.dirty = state.dirty, Dirty()
        rows = dirty_rows(state, dirty)
        rows.extend(loose)
        envelopes = seal(entries, head.hash)
        last = envelopes[-1]
        return Batch(state.epoch, entries[0][0], last.sequence, head.hash, last.hash, envelopes, rows, outbox)

    async def _commit(self) -> None:
        entries, outbox, outputs = self._entries, self._outbox, self._outputs
        self._entries, self._outbox, self._outputs = [], [], []
        self._room.set()
        loose = self._loose.take()
        sealed = SealedBatch(None, outputs, entries)
        try:
            batch = sealed.batch = self._seal(entries, outbox, loose)
            if batch is not None:
                async with self._clock.timeout_ns(self._commit_timeout_ns):
                    await self._store.append(batch)
                self.head = JournalHead(batch.last_sequence, batch.head_hash)
                self.batches += 1
        except (Exception, SystemExit) as error:  # supervision point: any failure leads to recovery
            self._loose.put_back()
            fault = error if isinstance(error, Exception) else StoreFault("The store wanted to exit.")
            await self._on_fault(sealed, fault)
            return
        self._loose.done()
        if entries:
            self.on_committed()
        for output in outputs:
            self._release(output)
