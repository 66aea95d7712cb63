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
from decimal import Decimal
from typing import Protocol

from fairlead.domain.values import Value
from fairlead.ports.searches import Search

Scalar = str | int | Decimal | bool | bytes | None


class Column(Value):
    """One column of a table: its name, its Python type, and whether it may be empty."""

    name: str
    kind: type[str | int | Decimal | bool | bytes]
    optional: bool = False


class Table(Value):
    """A table of rows that the kernel upserts by key; *key* columns come first."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, str) for name in names)


def _integers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, int) for name in names)


def _decimals(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Decimal) for name in names)


ORDERS = Table(
    "orders",
    ("client_order_id",),
    (
        *_texts("client_order_id", "owner", "book", "symbol", "side", "order_type", "time_in_force", "state"),
        *_decimals("quantity"),
        Column("limit_price", Decimal, optional=True),
        Column("reference_price", Decimal, optional=True),
        Column("reduces", bool),
        *_texts(
            "currency", "idempotency_key", "metadata", "pending", "venue_order_id", "detail", "denial_code"
        ),
        Column("triggered", bool),
        *_decimals("filled_quantity", "filled_value", "fees"),
        *_integers(
            "attempt",
            "not_before_ns",
            "deadline_ns",
            "look_up_ns",
            "pending_since_ns",
            "pending_asked",
            "created_ns",
            "updated_ns",
            "closed_ns",
        ),
        Column("live", bool),
        *(
            Column(name, Decimal, optional=True)
            for name in ("trigger_price", "trailing_distance", "trailing_rate", "max_slippage", "leverage")
        ),
        *_integers("expire_ns"),
        Column("post_only", bool),
        Column("reduce_only", bool),
        *_texts("note", "tags", "sizing", "other_fees", "contract", "position_id"),
        Column("adopted", bool),
    ),
)
FILLS = Table(
    "fills",
    ("client_order_id", "trade_id"),
    (
        *_texts("client_order_id", "trade_id", "symbol", "book", "side"),
        *_decimals("quantity", "price", "value", "fee"),
        *_texts("fee_currency", "currency", "liquidity", "digest", "source"),
        *_integers("ts_event", "sequence"),
        *_texts("position_id"),
        *_integers("episode"),
        Column("flipped", bool),
    ),
)
POSITIONS = Table(
    "positions",
    ("symbol", "book", "position_id"),
    (
        *_texts("symbol", "book", "position_id", "currency"),
        *_decimals("quantity", "cost", "realized_pnl", "fees"),
        *_integers("episode", "opened_ns", "closed_ns", "pending_openings"),
        *_decimals("reserved_exit"),
        *_texts("other_fees", "contract"),
        Column("live", bool),
    ),
)
EPISODES = Table(
    "episodes",
    ("symbol", "book", "position_id", "number"),
    (
        *_texts("symbol", "book", "position_id"),
        *_integers("number"),
        *_texts("owner", "side", "currency"),
        *_decimals("peak_quantity", "entry_quantity", "entry_value", "exit_quantity", "exit_value"),
        *_decimals("realized_pnl", "fees"),
        *_texts("other_fees", "contract", "note", "tags", "metadata"),
        *_integers("fills", "opened_ns", "closed_ns"),
        Column("live", bool),
    ),
)
SNAPSHOTS = Table(
    "position_snapshots",
    ("symbol", "book", "position_id", "ts_ns"),
    (
        *_texts("symbol", "book", "position_id"),
        *_integers("ts_ns", "episode"),
        *_texts("currency"),
        *_decimals("quantity", "cost", "realized_pnl", "fees"),
        Column("price", Decimal, optional=True),
        Column("unrealized_pnl", Decimal, optional=True),
        *_integers("price_age_ns"),
        Column("price_usable", bool),
        *_integers("sequence"),
    ),
)
BALANCES = Table("balances", ("asset",), (*_texts("asset"), *_decimals("total")))
COMMANDS = Table(
    "commands",
    ("owner", "idempotency_key"),
    (
        *_texts("owner", "idempotency_key", "command_digest", "client_order_id"),
        *_integers("created_ns"),
        *_texts("answer"),
    ),
)
CLOSINGS = Table(
    "closings",
    ("closing_id",),
    (
        *_texts("closing_id", "asked_by", "symbol", "book"),
        Column("operator", bool),
        Column("cancel_entries", bool),
        Column("cancel_exits", bool),
        Column("limit_price", Decimal, optional=True),
        *_decimals("held"),
        *_texts("exit_order_id", "code", "detail"),
        *_decimals("quantity_left", "realized_pnl", "fees"),
        *_integers("exits", "due_ns", "episode", "created_ns", "closed_ns"),
        Column("live", bool),
        *_texts("position_id"),
    ),
)
SETTINGS = Table("settings", ("name",), (*_texts("name", "value"),))
"""Kernel facts by name: trading state, cursors, risk check values, locks."""

TABLES: tuple[Table, ...] = (
    ORDERS,
    FILLS,
    POSITIONS,
    EPISODES,
    SNAPSHOTS,
    BALANCES,
    COMMANDS,
    CLOSINGS,
    SETTINGS,
)


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

    *event_id* is stable for ever; *subject* is the order, position or kernel it is about.
    """

    event_id: str
    sequence: int
    kind: str
    subject: str


class Batch(Value):
    """What is made durable together. *first_sequence* continues the stored head without a gap.

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
