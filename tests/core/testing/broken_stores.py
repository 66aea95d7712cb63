"""Stores that are wrong in one way each: what the store rules are there to find."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from fairlead.errors import CommitFailed, CommitUncertain, StoreHeld, UnknownName
from fairlead.ports.row_rules import broken_rule
from fairlead.ports.searches import Search
from fairlead.ports.store import Batch, Envelope, JournalHead, Opened, OutboxRow, Row, Scalar
from fairlead.testing.memory_store import AppendFault, MemoryStore, yield_to_loop

Rows = Sequence[Mapping[str, Scalar]]


class StartsAtEpochTwo(MemoryStore):
    """A fresh store does not begin at epoch 1."""

    async def open(self, account: str, holder: str) -> Opened:
        """Raise the epoch once more."""
        opened = await super().open(account, holder)
        self.disk.epoch += 1
        return Opened(self.disk.epoch, opened.head)


class KeepsTheEpoch(MemoryStore):
    """A second open does not raise the epoch."""

    async def open(self, account: str, holder: str) -> Opened:
        """Put the epoch back."""
        opened = await super().open(account, holder)
        self.disk.epoch = 1
        return Opened(1, opened.head)


class Rewriting(MemoryStore):
    """Base of the stores that append something else than they were given."""

    def rewritten(self, batch: Batch) -> Batch:
        """Return what is appended."""
        return batch

    async def append(self, batch: Batch) -> None:
        """Append something else."""
        await super().append(self.rewritten(batch))


class ForgetsTheOutbox(Rewriting):
    """Outbox rows are lost."""

    def rewritten(self, batch: Batch) -> Batch:
        """Drop them."""
        return replace(batch, outbox=[])


class IgnoresContinuity(Rewriting):
    """Any batch is taken to follow the head."""

    def rewritten(self, batch: Batch) -> Batch:
        """Move the head to where the batch begins."""
        if batch.envelopes and batch.epoch == self.disk.epoch:
            self.disk.head = JournalHead(batch.first_sequence - 1, batch.previous_hash)
            last = batch.first_sequence + len(batch.envelopes) - 1
            return replace(batch, last_sequence=last, head_hash=batch.envelopes[-1].hash)
        return batch


class IgnoresTheEpoch(Rewriting):
    """A batch of any epoch is taken."""

    def rewritten(self, batch: Batch) -> Batch:
        """Give it the current epoch."""
        return replace(batch, epoch=self.disk.epoch)


class PassesOverOddRows(Rewriting):
    """A row that cannot be is left out, and the rest of the batch confirmed."""

    def rewritten(self, batch: Batch) -> Batch:
        """Leave out whatever row would be refused."""
        return replace(batch, rows=[row for row in batch.rows if not broken_rule(row.table, row.values)])


class RenamesEvents(Rewriting):
    """An event id that was told before is made another, so a receiver takes the event for a new one."""

    def rewritten(self, batch: Batch) -> Batch:
        """Name them by their place."""
        return replace(
            batch,
            outbox=[
                replace(row, event_id=f"{row.event_id}-{place}")
                if row.event_id in self.disk._event_ids
                else row
                for place, row in enumerate(batch.outbox)
            ],
        )


class IsNotAtomic(Rewriting):
    """Rows are stored one by one, before the batch is known to be good."""

    def rewritten(self, batch: Batch) -> Batch:
        """Store the rows up to the first bad one."""
        for row in batch.rows:
            if row.table not in self.disk.tables.by_name:
                break
            table = self.disk.tables.named(row.table)
            table.upsert(*table.checked(row.values))
        return batch


class TakesFloats(Rewriting):
    """Whatever looks like a number is stored as one."""

    def rewritten(self, batch: Batch) -> Batch:
        """Make decimals of them."""
        return replace(batch, rows=[_with_decimals(row) for row in batch.rows])


def _with_decimals(row: Row) -> Row:
    if row.table != "balances":
        return row
    values = row.named()
    return Row.of(row.table, {**values, "total": Decimal(str(values["total"]))})


class MergesRows(Rewriting):
    """What is empty in a row keeps its old value."""

    def rewritten(self, batch: Batch) -> Batch:
        """Fill the gaps from the stored rows."""
        return replace(batch, rows=[self._merged(row) for row in batch.rows])

    def _merged(self, row: Row) -> Row:
        table = self.disk.tables.named(row.table)
        key, _ = table.checked(row.values)
        old = table.rows.get(key, row.values)
        return Row(row.table, tuple(new or before for new, before in zip(row.values, old, strict=True)))


class StoresTextPayloads(Rewriting):
    """Payloads go through a text column."""

    def rewritten(self, batch: Batch) -> Batch:
        """Decode and encode them."""
        return replace(batch, envelopes=[_through_text(envelope) for envelope in batch.envelopes])


def _through_text(envelope: Envelope) -> Envelope:
    return replace(envelope, payload=envelope.payload.decode("utf-8", "replace").encode())


class LosesWhatIsOverALimit(Rewriting):
    """Rows beyond the thousandth are not stored."""

    def rewritten(self, batch: Batch) -> Batch:
        """Cut them off."""
        return replace(batch, rows=batch.rows[:1_000])


class AdmitsASecondHolder(MemoryStore):
    """The hold is not a hold."""

    async def open(self, account: str, holder: str) -> Opened:
        """Throw the other one out."""
        self.disk.process = None
        return await super().open(account, holder)


class HidesTheHolder(MemoryStore):
    """The refusal does not say who holds the store."""

    async def open(self, account: str, holder: str) -> Opened:
        """Refuse without a name."""
        try:
            return await super().open(account, holder)
        except StoreHeld:
            raise StoreHeld("somebody") from None


class TakesAnyAccount(MemoryStore):
    """Another account's store is taken over."""

    async def open(self, account: str, holder: str) -> Opened:
        """Forget whose it was."""
        self.disk.account = ""
        return await super().open(account, holder)


class StaysOpen(MemoryStore):
    """Close does nothing."""

    async def close(self) -> None:
        """Keep the store."""


class LosesRowsAtClose(MemoryStore):
    """Rows lived in memory only."""

    async def close(self) -> None:
        """Lose them."""
        await super().close()
        for table in self.disk.tables.by_name.values():
            table.rows.clear()


class Distorting(MemoryStore):
    """Base of the stores that do not give back what they were given."""

    def distorted(self, value: Scalar) -> Scalar:
        """Return what a stored value comes back as."""
        return value

    async def rows(self, table: str, *, live_only: bool = False) -> Rows:
        """Return distorted rows."""
        found = await super().rows(table, live_only=live_only)
        return [{name: self.distorted(value) for name, value in row.items()} for row in found]


class RoundsDecimals(Distorting):
    """Decimals go through a float."""

    def distorted(self, value: Scalar) -> Scalar:
        """Round."""
        return Decimal(repr(float(value))) if isinstance(value, Decimal) else value


class GivesFloats(Distorting):
    """Decimals come back as floats."""

    def distorted(self, value: Scalar) -> Scalar:
        """Return a float."""
        return float(value) if isinstance(value, Decimal) else value  # type: ignore[return-value] # on purpose


class StripsText(Distorting):
    """Text comes back without its margins."""

    def distorted(self, value: Scalar) -> Scalar:
        """Strip."""
        return value.strip() if isinstance(value, str) else value


class GivesTruthAsInteger(Distorting):
    """True comes back as 1."""

    def distorted(self, value: Scalar) -> Scalar:
        """Return a number."""
        return int(value) if isinstance(value, bool) else value


class GivesRowsAsTheyCame(MemoryStore):
    """Rows are not sorted by key."""

    async def rows(self, table: str, *, live_only: bool = False) -> Rows:
        """Return them in order of arrival."""
        found = await super().rows(table, live_only=live_only)
        spec = self.disk.tables.named(table)
        arrived = list(spec.rows)
        return sorted(found, key=lambda row: arrived.index(tuple(row[key] for key in spec.table.key)))


class TakesAllForLive(MemoryStore):
    """Closed orders count as live."""

    async def rows(self, table: str, *, live_only: bool = False) -> Rows:
        """Return all of them."""
        del live_only
        return await super().rows(table)


class ComparesDecimalsAsText(MemoryStore):
    """1.5 is not 1.50."""

    async def rows_where(self, table: str, column: str, value: Scalar) -> Rows:
        """Compare texts."""
        return [row for row in await self.rows(table) if str(row[column]) == str(value)]


class AnswersForWhatIsNotThere(MemoryStore):
    """A misspelt name finds nothing."""

    async def rows(self, table: str, *, live_only: bool = False) -> Rows:
        """Find nothing."""
        try:
            return await super().rows(table, live_only=live_only)
        except UnknownName:
            return []


class Searching(MemoryStore):
    """Base of the stores that search for something else than they were asked for."""

    def instead(self, wanted: Search) -> Search:
        """Return what is searched for."""
        return wanted

    async def search(self, table: str, wanted: Search) -> Rows:
        """Search for something else."""
        return await super().search(table, self.instead(wanted))


class IgnoresOwners(Searching):
    """Whoever asks is shown everybody's rows."""

    def instead(self, wanted: Search) -> Search:
        """Forget the owner."""
        return replace(wanted, equal=tuple(pair for pair in wanted.equal if pair[0] != "owner"))


class IncludesTheEnd(Searching):
    """A span holds the row at its end."""

    def instead(self, wanted: Search) -> Search:
        """Move the end."""
        before = wanted.before
        return replace(wanted, before=None if before is None else (before[0], before[1] + 1))


class SearchesLikeSql(MemoryStore):
    """A part is a pattern of LIKE: `%` and `_` are special and case is not."""

    async def search(self, table: str, wanted: Search) -> Rows:
        """Search in two steps."""
        found = await super().search(table, replace(wanted, parts=(), limit=0))
        patterns = {name: _like(text) for name, text in wanted.parts}
        rows = [row for row in found if all(p.search(str(row[name])) for name, p in patterns.items())]
        return rows[: wanted.limit or None]


def _like(text: str) -> re.Pattern[str]:
    pattern = re.escape(text).replace("%", ".*").replace("_", ".")
    return re.compile(pattern, re.IGNORECASE)


class ForgetsTheLimit(Searching):
    """A search is never cut."""

    def instead(self, wanted: Search) -> Search:
        """Forget it."""
        return replace(wanted, limit=0)


class OldestFirst(MemoryStore):
    """The newest comes last."""

    async def search(self, table: str, wanted: Search) -> Rows:
        """Turn the order round."""
        found = await super().search(table, wanted)
        return found[::-1] if wanted.newest_by else found


class FindsNothingForAnything(MemoryStore):
    """A misspelt column finds nothing."""

    async def search(self, table: str, wanted: Search) -> Rows:
        """Find nothing."""
        try:
            return await super().search(table, wanted)
        except UnknownName:
            return []


class RepeatsTheLastRecord(MemoryStore):
    """A page begins with the record that was asked to be followed."""

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Begin one too early."""
        return await super().envelopes(after_sequence - 1, limit)


class CutsARecordsFacts(MemoryStore):
    """A page of the outbox ends in the middle of a record."""

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """Cut."""
        return (await super().outbox(after_sequence, limit))[:limit]


class WritesBehind(MemoryStore):
    """An append is confirmed before it is durable: it becomes so with the next one, or with the close."""

    _owed: Batch | None = None

    async def append(self, batch: Batch) -> None:
        """Store the one before."""
        await self._pay()
        self._owed = batch

    async def close(self) -> None:
        """Store the last one."""
        await self._pay()
        await super().close()

    async def _pay(self) -> None:
        owed, self._owed = self._owed, None
        if owed is not None and self.disk.process is self:
            await super().append(owed)


class WritesAfterDeath(MemoryStore):
    """Neither hold nor epoch is asked for."""

    async def append(self, batch: Batch) -> None:
        """Store it anyhow."""
        self.disk.store(replace(batch, epoch=self.disk.epoch))


class ReopensUnderTheSameEpoch(MemoryStore):
    """Reopen does not fence."""

    async def reopen(self) -> Opened:
        """Only read the head."""
        self._in_doubt = None
        return Opened(self.disk.epoch, self.disk.head)


class LetsLateWritersThrough(MemoryStore):
    """The epoch is looked at when the append begins, not when it becomes durable."""

    async def append(self, batch: Batch) -> None:
        """Look, wait, and store."""
        fault = self.faults(batch) if self.faults is not None else None
        if batch.epoch != self.disk.epoch:
            await super().append(batch)
        for _ in range(5):
            await yield_to_loop()
        if fault is AppendFault.HANGS:
            await self._hang()
        self.disk.store(replace(batch, epoch=self.disk.epoch))


class ShowsHalfABatch(MemoryStore):
    """Readers see rows of a batch that is not complete."""

    async def append(self, batch: Batch) -> None:
        """Store half of the rows, then all of it."""
        for row in batch.rows[:1]:
            table = self.disk.tables.named(row.table)
            table.upsert(*table.checked(row.values))
        await yield_to_loop()
        await super().append(batch)


class StoresWhatFailed(MemoryStore):
    """`CommitFailed` is said of a batch that is there."""

    async def append(self, batch: Batch) -> None:
        """Store it and deny it."""
        fault = self.faults(batch) if self.faults is not None else None
        if fault is AppendFault.FAILS:
            self.disk.store(batch)
            raise CommitFailed("The disk refused the batch.")
        await super().append(batch)


class ForgetsItsDoubt(MemoryStore):
    """After an uncertain append the next one is taken."""

    async def append(self, batch: Batch) -> None:
        """Forget."""
        try:
            await super().append(batch)
        except CommitUncertain:
            self._in_doubt = None
            raise


class PassesOverRowsAlone(MemoryStore):
    """A batch without records is taken for an empty one."""

    async def append(self, batch: Batch) -> None:
        """Store nothing when there is no record."""
        if batch.envelopes:
            await super().append(batch)


class TakesRowsOfAnyEpoch(Rewriting):
    """Rows alone are stored whoever writes them."""

    def rewritten(self, batch: Batch) -> Batch:
        """Give them the present epoch."""
        return batch if batch.envelopes else replace(batch, epoch=self.disk.epoch)


BROKEN: Mapping[str, Sequence[Callable[..., MemoryStore]]] = {
    "S-01": [StartsAtEpochTwo],
    "S-02": [KeepsTheEpoch],
    "S-03": [ForgetsTheOutbox, WritesBehind],
    "S-04": [IgnoresContinuity],
    "S-05": [IgnoresTheEpoch],
    "S-06": [IsNotAtomic],
    "S-07": [TakesFloats],
    "S-08": [AdmitsASecondHolder, HidesTheHolder],
    "S-09": [TakesAnyAccount],
    "S-10": [StaysOpen],
    "S-11": [RoundsDecimals, GivesFloats],
    "S-12": [StripsText],
    "S-13": [GivesTruthAsInteger],
    "S-14": [MergesRows],
    "S-15": [GivesRowsAsTheyCame],
    "S-16": [TakesAllForLive],
    "S-17": [ComparesDecimalsAsText],
    "S-18": [AnswersForWhatIsNotThere],
    "S-19": [StoresTextPayloads],
    "S-20": [RepeatsTheLastRecord],
    "S-21": [CutsARecordsFacts],
    "S-22": [LosesWhatIsOverALimit],
    "S-23": [LosesRowsAtClose],
    "S-24": [WritesBehind],
    "S-25": [WritesAfterDeath],
    "S-26": [ReopensUnderTheSameEpoch],
    "S-27": [ReopensUnderTheSameEpoch, LetsLateWritersThrough],
    "S-28": [ShowsHalfABatch],
    "S-29": [StoresWhatFailed],
    "S-30": [ForgetsItsDoubt],
    "S-31": [LetsLateWritersThrough],
    "S-32": [IgnoresOwners, IncludesTheEnd],
    "S-33": [SearchesLikeSql],
    "S-34": [OldestFirst, ForgetsTheLimit],
    "S-35": [FindsNothingForAnything],
    "S-36": [PassesOverOddRows],
    "S-37": [RenamesEvents],
    "S-38": [PassesOverRowsAlone, TakesRowsOfAnyEpoch],
}
"""Rule -> stores that break it."""
