"""The store port: where batches become durable.

The kernel decides what is stored; a store interprets nothing. A `Batch` holds journal envelopes,
rows to upsert by key, and outbox rows; the store applies it in one transaction, whole or not at
all, and only when the batch continues the stored head under the caller's epoch. The rows at
sequence N are the snapshot at N.

Numbered rules, proven by `fairlead.testing.conformance.StoreConformance`, are in
``docs/reference/store-rules.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fairlead.domain.values import Value
from fairlead.ports.searches import Search
from fairlead.ports.tables import (
    ADJUSTMENTS,
    BALANCES,
    CHANGES,
    CLOSINGS,
    COMMANDS,
    DELIVERIES,
    EPISODES,
    FILLS,
    INVENTORY,
    NOTIFIERS,
    ORDERS,
    POSITIONS,
    RELAY_TABLES,
    SETTINGS,
    SNAPSHOTS,
    TABLES,
    Column,
    Scalar,
    Table,
)

__all__ = [
    "ADJUSTMENTS",
    "BALANCES",
    "CHANGES",
    "CLOSINGS",
    "COLUMN_NAMES",
    "COMMANDS",
    "DELIVERIES",
    "EPISODES",
    "FILLS",
    "GENESIS_HASH",
    "INVENTORY",
    "NOTIFIERS",
    "ORDERS",
    "POSITIONS",
    "RELAY_TABLES",
    "SETTINGS",
    "SNAPSHOTS",
    "TABLES",
    "Batch",
    "Column",
    "Envelope",
    "JournalHead",
    "Opened",
    "OutboxRow",
    "Row",
    "Scalar",
    "Search",
    "Store",
    "StoreReader",
    "Table",
    "breach_of",
]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    table.name: tuple(column.name for column in table.columns) for table in TABLES
}
"""The names of each table's columns, in the order in which a row's values stand."""


class Row(Value):
    """One row to upsert: the whole row, its values in the order of the table's columns.

    A row is made and looked at with every change of an order, hence a tuple and no mapping.
    """

    table: str
    values: tuple[Scalar, ...]

    @classmethod
    def of(cls, table: str, values: Mapping[str, Scalar]) -> Row:
        """Return the row with these values, by the names of the columns; `KeyError` unless they fit."""
        names = COLUMN_NAMES[table]
        if len(values) != len(names):
            raise KeyError(*(set(values) ^ set(names)))
        return cls(table, tuple([values[name] for name in names]))

    def named(self) -> dict[str, Scalar]:
        """Return the values by the names of their columns; raises `ValueError` for too few or too many."""
        return dict(zip(COLUMN_NAMES[self.table], self.values, strict=True))


class Envelope(Value):
    """One journal record as stored; *hash* chains *previous hash + header + payload* (SHA-256)."""

    sequence: int
    ts_ns: int
    kind: str
    version: int
    payload: bytes
    hash: bytes


class OutboxRow(Value):
    """A fact owed to notifiers: refers to the record whose payload it tells about.

    *event_id* is stable for ever; *subject* is the order, position or kernel it is about. *figures* is how
    that stood at the fact's own step, as the kernel wrote it, or ""; a store does not read it.
    """

    event_id: str
    sequence: int
    kind: str
    subject: str
    figures: str = ""


class Batch(Value):
    """What is made durable together. *first_sequence* continues the stored head without a gap.

    A batch may hold rows alone: then *last_sequence* is the stored head's, and the head stays where it is.
    Nobody changes a batch, or anything in it, once it was handed to a store.
    """

    epoch: int
    first_sequence: int
    last_sequence: int
    previous_hash: bytes
    head_hash: bytes
    envelopes: Sequence[Envelope]
    rows: Sequence[Row]
    outbox: Sequence[OutboxRow]


class JournalHead(Value):
    """The last durable record: sequence 0 and an all-zero hash when there is none."""

    sequence: int
    hash: bytes


def breach_of(batch: Batch, head: JournalHead) -> str:
    """Say why the batch does not continue the head, or return "" when it does; for stores."""
    if batch.first_sequence != head.sequence + 1:
        return f"it starts at record {batch.first_sequence}, but the stored head is {head.sequence}"
    if batch.previous_hash != head.hash:
        return f"it does not follow the hash of the stored record {head.sequence}"
    if len(batch.envelopes) != batch.last_sequence - batch.first_sequence + 1:
        return f"it holds {len(batch.envelopes)} records for {batch.first_sequence} to {batch.last_sequence}"
    last_hash = batch.envelopes[-1].hash if batch.envelopes else batch.previous_hash
    if batch.head_hash != last_hash:
        return "its head hash is not the hash of its last record"
    return ""


class Opened(Value):
    """What `Store.open` found: the epoch that is now ours, and the head."""

    epoch: int
    head: JournalHead


# fixed: as long as every hash of SHA-256 is
GENESIS_HASH = bytes(32)


class Store(Protocol):
    """Where batches become durable. Methods are called one at a time, except the look-ups.

    Errors: `StoreHeld` when another kernel holds the account; `CommitFailed` when a batch is
    certainly not stored; `CommitUncertain` when nobody knows; `StaleEpoch` when a newer kernel took
    over; any other exception out of `append` is taken for `CommitUncertain`.
    """

    async def open(self, account: str, holder: str) -> Opened:
        """Take the account's store for this kernel alone and raise its epoch by one.

        Refuses with `StoreHeld` while another holder is alive, and with `ConfigurationRefused` a
        store that belongs to another account or to a newer schema.
        """

    async def append(self, batch: Batch) -> None:
        """Make the whole batch durable (flushed to the medium), or raise and store nothing of it.

        The batch must carry the current epoch (else `StaleEpoch`), continue the head and hold only
        rows that fit `TABLES` (else `CommitFailed`): a value for every column, of the column's type,
        decimals finite. A batch appended while an earlier one is still in doubt is refused
        with `CommitFailed` until `reopen`.
        """

    async def reopen(self) -> Opened:
        """After a failed, hanging or uncertain append: drop what is in doubt, raise the epoch, read the head.

        From here on nothing of an earlier append can still become durable.
        """

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows in key order; *live_only* keeps those whose column ``live`` is true."""

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """Return the rows whose column equals the value, in key order; any task may call it.

        Decimals are compared as numbers, so 1.0 equals 1.00. Raises `UnknownName` for a table or
        column that is not in `TABLES`.
        """

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows that are wanted; any task may call it.

        Raises `UnknownName` for a table or column that is not in `TABLES`, or not of a kind that can be
        searched so (`check_search`).
        """

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Return up to *limit* journal records that follow the sequence, in order."""

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """Return about *limit* outbox rows that follow the sequence, in order.

        The rows of one record come together, even if that makes a few more than the limit, so the
        last row's sequence is where the next call goes on.
        """

    async def close(self) -> None:
        """Give the store back; harmless when it is not open."""


class StoreReader(Protocol):
    """A store as it was at one moment, for tools: opened beside a live kernel, it never writes.

    Everything that one reader returns belongs together: commits made after `open` are not seen.
    """

    async def open(self) -> None:
        """Open the store and fix the moment.

        Raises `ConfigurationRefused` when there is no store that can be read.
        """

    async def close(self) -> None:
        """Close it; harmless when it is not open."""

    async def account(self) -> str:
        """Return the account the store belongs to."""

    async def head(self) -> JournalHead:
        """Return the last durable record."""

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows in key order; *live_only* keeps those whose column ``live`` is true."""

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """Return the rows whose column equals the value, in key order."""

    async def search(self, table: str, wanted: Search) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows that are wanted; see `Search`.

        Raises `UnknownName` for a table or column that is not in `TABLES`, or not of a kind that can be
        searched so (`check_search`).
        """

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Return up to *limit* journal records that follow the sequence, in order."""
