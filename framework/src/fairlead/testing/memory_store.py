"""A store in memory: as strict as a real one, and it can fail in every way a real one can.

The `MemoryDisk` is what a power cut leaves; a `MemoryStore` is one process's access to it. Kill the
process with `MemoryDisk.lose_process`, give the same disk to a new `MemoryStore`, and the next kernel
finds exactly what was durable.
"""

from __future__ import annotations

import asyncio
import enum
from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping, Sequence
from operator import attrgetter
from types import coroutine

import attrs

from fairlead.errors import (
    CommitFailed,
    CommitUncertain,
    ConfigurationRefused,
    RowRuleBroken,
    StaleEpoch,
    StoreHeld,
)
from fairlead.ports.searches import Search
from fairlead.ports.store import (
    GENESIS_HASH,
    TABLES,
    Batch,
    Envelope,
    JournalHead,
    Opened,
    OutboxRow,
    Scalar,
    breach_of,
)
from fairlead.testing.memory_table import MemoryTable, MemoryTables, Values

BEFORE_DURABLE = "store.append.before_durable"
AFTER_DURABLE = "store.append.after_durable"

_SEQUENCE = attrgetter("sequence")


class AppendFault(enum.Enum):
    """What goes wrong with one append."""

    FAILS = "fails"
    """`CommitFailed`; nothing is stored."""

    UNCERTAIN_LOST = "uncertain_lost"
    """`CommitUncertain`; nothing is stored."""

    UNCERTAIN_STORED = "uncertain_stored"
    """`CommitUncertain`; the batch is stored."""

    HANGS = "hangs"
    """No answer; nothing is stored, but would be if the append went on before a `reopen`."""

    HANGS_STORED = "hangs_stored"
    """No answer; the batch is stored."""


@coroutine
def yield_to_loop() -> Generator[None, None, None]:
    """Let every other task that is ready run once."""
    yield


@attrs.define(eq=False)
class MemoryDisk:
    """What outlives a kernel: journal, rows, outbox, account, epoch and who holds it.

    Tests may read all of it, and change it where they play damage.
    """

    account: str = ""
    epoch: int = 0
    holder: str = ""
    head: JournalHead = attrs.field(factory=lambda: JournalHead(0, GENESIS_HASH))
    envelopes: list[Envelope] = attrs.field(factory=list)
    outbox: list[OutboxRow] = attrs.field(factory=list)
    tables: MemoryTables = attrs.field(factory=lambda: MemoryTables.of(TABLES))
    process: MemoryStore | None = None
    """The store that holds the disk now; its appends alone can become durable."""

    _event_ids: set[str] = attrs.field(factory=set, init=False)

    def lose_process(self) -> None:
        """The process that holds the disk dies: its hold ends, and nothing it still tries takes effect."""
        self.process = None

    def copy(self) -> MemoryDisk:
        """Return the disk as it would be found after a power cut now, held by nobody."""
        twin = MemoryDisk(
            self.account,
            self.epoch,
            self.holder,
            self.head,
            list(self.envelopes),
            list(self.outbox),
            self.tables.copy(),
        )
        twin._event_ids = set(self._event_ids)
        return twin

    def store(self, batch: Batch) -> None:
        """Check the whole batch, then make it durable; when it raises, nothing has changed."""
        if batch.epoch != self.epoch:
            raise StaleEpoch(
                f"The batch carries epoch {batch.epoch}, but the store is at {self.epoch}.",
                not_done="Nothing of the batch was stored.",
            )
        problem = breach_of(batch, self.head)
        if problem:
            raise CommitFailed(f"The batch does not fit: {problem}.", not_done="Nothing of it was stored.")
        by_name = self.tables.by_name
        upserts: list[tuple[MemoryTable, Values, Values]] = []
        for row in batch.rows:
            table = by_name.get(row.table)
            if table is None:
                raise CommitFailed(f"There is no table {row.table!r}.", not_done="Nothing was stored.")
            upserts.append((table, *table.checked(row.values)))
        event_ids = {row.event_id for row in batch.outbox}
        if len(event_ids) != len(batch.outbox) or not self._event_ids.isdisjoint(event_ids):
            raise RowRuleBroken("uq_outbox_event_id")
        for table, key, values in upserts:
            table.upsert(key, values)
        self.envelopes.extend(batch.envelopes)
        self.outbox.extend(batch.outbox)
        self._event_ids |= event_ids
        self.head = JournalHead(batch.last_sequence, batch.head_hash)


class MemoryStore:
    """A `Store` on a `MemoryDisk`.

    *at* is called with the two labels of the crash points, after other tasks had a turn; what it raises
    goes through. *faults* is asked once per append what goes wrong with it; None means nothing does.
    """

    def __init__(
        self,
        disk: MemoryDisk | None = None,
        *,
        at: Callable[[str], None] | None = None,
        faults: Callable[[Batch], AppendFault | None] | None = None,
    ) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        self.faults = faults
        self._at = at
        self._in_doubt: Batch | None = None
        self._released = asyncio.Event()
        self.hanging = 0
        """How many appends hang now."""

    async def open(self, account: str, holder: str) -> Opened:
        """See `Store.open`."""
        disk = self.disk
        if disk.process is not None:
            raise StoreHeld(disk.holder)
        if disk.account not in ("", account):
            raise ConfigurationRefused(
                f"The store belongs to account {disk.account!r}, not to {account!r}.",
                not_done="The kernel did not start.",
                fix="Give each account its own store.",
            )
        await yield_to_loop()
        if disk.process is not None:
            raise StoreHeld(disk.holder)
        disk.process = self
        disk.account = account
        disk.holder = holder
        return self._take_over()

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        if self._in_doubt is not None:
            raise CommitFailed(
                "An earlier append is in doubt.", not_done="Nothing was stored.", fix="Call reopen."
            )
        fault = self.faults(batch) if self.faults is not None else None
        self._in_doubt = batch
        await self._reach(BEFORE_DURABLE)
        try:
            await self._fail_before(fault)
            self._check_held()
            self.disk.store(batch)
        except (CommitFailed, StaleEpoch):
            self._settle(batch)
            raise
        await self._reach(AFTER_DURABLE)
        if fault is AppendFault.UNCERTAIN_STORED:
            raise CommitUncertain("The commit was not confirmed.")
        if fault is AppendFault.HANGS_STORED:
            await self._hang()
        self._settle(batch)

    def release(self) -> None:
        """Let the appends that hang now go on."""
        self._released.set()
        self._released = asyncio.Event()

    async def reopen(self) -> Opened:
        """See `Store.reopen`."""
        await yield_to_loop()
        self._check_held()
        self._in_doubt = None
        return self._take_over()

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows`."""
        found = self.disk.tables.named(table)
        return found.where("live", value=True) if live_only else found.all()

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        return self.disk.tables.named(table).where(column, value)

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.search`."""
        return self.disk.tables.named(table).search(wanted)

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """See `Store.envelopes`."""
        first = bisect_right(self.disk.envelopes, after_sequence, key=_SEQUENCE)
        return self.disk.envelopes[first : first + limit]

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        rows = self.disk.outbox
        first = bisect_right(rows, after_sequence, key=_SEQUENCE)
        last = min(first + limit, len(rows))
        while first < last < len(rows) and rows[last].sequence == rows[last - 1].sequence:
            last += 1
        return rows[first:last]

    async def close(self) -> None:
        """See `Store.close`."""
        if self.disk.process is self:
            self.disk.process = None

    async def _hang(self) -> None:
        self.hanging += 1
        try:
            await self._released.wait()
        finally:
            self.hanging -= 1

    def _settle(self, batch: Batch) -> None:
        """The append's fate is known; unless a `reopen` has taken it over meanwhile, the next may come."""
        if self._in_doubt is batch:
            self._in_doubt = None

    def _take_over(self) -> Opened:
        self.disk.epoch += 1
        return Opened(self.disk.epoch, self.disk.head)

    def _check_held(self) -> None:
        if self.disk.process is not self:
            raise StaleEpoch("This process does not hold the store.", not_done="Nothing was stored.")

    async def _reach(self, label: str) -> None:
        await yield_to_loop()
        if self._at is not None:
            self._at(label)

    async def _fail_before(self, fault: AppendFault | None) -> None:
        if fault is AppendFault.FAILS:
            raise CommitFailed("The disk refused the batch.", not_done="Nothing of it was stored.")
        if fault is AppendFault.UNCERTAIN_LOST:
            raise CommitUncertain("The commit was not confirmed.")
        if fault is AppendFault.HANGS:
            await self._hang()
