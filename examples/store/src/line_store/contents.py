"""What the file holds, in memory: every look-up is answered from here, and every batch checked against it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, cast

import msgspec

from fairlead.errors import CommitFailed, RowRuleBroken, UnknownName
from fairlead.ports.row_rules import broken_rule
from fairlead.ports.searches import Search, check_search
from fairlead.ports.store import (
    COLUMN_NAMES,
    GENESIS_HASH,
    TABLES,
    Batch,
    Column,
    Envelope,
    JournalHead,
    OutboxRow,
    Row,
    Scalar,
    Table,
)

Values = tuple[Scalar, ...]
Rows = Sequence[Mapping[str, Scalar]]
_TABLES: Mapping[str, Table] = {table.name: table for table in TABLES}
_sequence = attrgetter("sequence")


class StoredBatch(msgspec.Struct):
    """A batch as a line holds it: decimals are text there, and bytes base 64."""

    last_sequence: int
    head_hash: bytes
    rows: list[tuple[str, list[Any]]]
    envelopes: list[Envelope]
    outbox: list[OutboxRow]


class Contents:
    """The account's journal, rows and outbox."""

    def __init__(self) -> None:
        self.account = ""
        self.epoch = 0
        self.head = JournalHead(0, GENESIS_HASH)
        self._tables: dict[str, dict[Values, Values]] = {name: {} for name in _TABLES}
        self._envelopes: list[Envelope] = []
        self._outbox: list[OutboxRow] = []
        self._event_ids: set[str] = set()

    def checked(self, batch: Batch) -> StoredBatch:
        """Return the batch as it is to be stored; raise `CommitFailed` when anything in it cannot be."""
        rows = [(row.table, list(_fitting_row(row))) for row in batch.rows]
        event_ids = {row.event_id for row in batch.outbox}
        if len(event_ids) != len(batch.outbox) or not self._event_ids.isdisjoint(event_ids):
            raise RowRuleBroken("uq_outbox_event_id")
        return StoredBatch(
            batch.last_sequence, batch.head_hash, rows, list(batch.envelopes), list(batch.outbox)
        )

    def take(self, stored: StoredBatch) -> None:
        """Have the contents of a batch that is on the disk."""
        for name, given in stored.rows:
            table = _TABLES[name]
            values = tuple(map(_read, table.columns, given))
            named = dict(zip(COLUMN_NAMES[name], values, strict=True))
            self._tables[name][tuple(named[key] for key in table.key)] = values
        self._envelopes += stored.envelopes
        self._outbox += stored.outbox
        self._event_ids.update(row.event_id for row in stored.outbox)
        self.head = JournalHead(stored.last_sequence, stored.head_hash)

    def rows(self, table: str) -> list[Mapping[str, Scalar]]:
        """Return the table's rows in key order."""
        found = self._tables[_known(table).name]
        return [dict(zip(COLUMN_NAMES[table], found[key], strict=True)) for key in sorted(found)]

    def rows_where(self, table: str, column: str, value: Scalar) -> Rows:
        """Return the rows whose column equals the value, decimals as numbers."""
        if column not in COLUMN_NAMES[_known(table).name]:
            raise UnknownName("column", column, COLUMN_NAMES[table])
        return [row for row in self.rows(table) if row[column] == value]

    def search(self, table: str, wanted: Search) -> Rows:
        """Return the rows that are wanted."""
        check_search(_known(table), wanted)
        found = [row for row in self.rows(table) if _is_wanted(row, wanted)]
        if wanted.newest_by:
            found.sort(key=lambda row: -cast("int", row[wanted.newest_by]))
        return found[: wanted.limit or None]

    def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """Return up to *limit* journal records that follow the sequence."""
        first = bisect_right(self._envelopes, after_sequence, key=_sequence)
        return self._envelopes[first : first + limit]

    def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """Return about *limit* outbox rows that follow the sequence, those of one record together."""
        rows = self._outbox
        first = bisect_right(rows, after_sequence, key=_sequence)
        page = rows[first : first + limit]
        last = bisect_right(rows, page[-1].sequence, key=_sequence) if page else first
        return rows[first:last]


def _known(table: str) -> Table:
    if table not in _TABLES:
        raise UnknownName("table", table, tuple(_TABLES))
    return _TABLES[table]


def _fitting_row(row: Row) -> Values:
    table = _TABLES.get(row.table)
    if table is None or len(row.values) != len(table.columns):
        raise CommitFailed(f"A row fits no table {row.table!a}.", not_done="Nothing was stored.")
    values = tuple(map(_fitting, table.columns, row.values))
    if broken := broken_rule(table.name, values):
        raise RowRuleBroken(broken)
    return values


def _fitting(column: Column, value: Scalar) -> Scalar:
    kind_fits = type(value) is column.kind or (value is None and column.optional)
    if kind_fits and not (isinstance(value, Decimal) and not value.is_finite()):
        return value
    if column.kind is str and isinstance(value, str):
        return str.__str__(value)  # an enumeration's text, without the enumeration
    raise CommitFailed(
        f"Column {column.name} is a {column.kind.__name__}, and takes no {value!a}.",
        not_done="Nothing was stored.",
    )


def _read(column: Column, value: Any) -> Scalar:  # noqa: ANN401 - whatever a line holds
    found: Scalar = Decimal(value) if column.kind is Decimal and value is not None else value
    return found


def _is_wanted(row: Mapping[str, Scalar], wanted: Search) -> bool:
    return (
        all(type(row[name]) is type(value) and row[name] == value for name, value in wanted.equal)
        and all(text in cast("str", row[name]) for name, text in wanted.parts)
        and (wanted.since is None or cast("int", row[wanted.since[0]]) >= wanted.since[1])
        and (wanted.before is None or cast("int", row[wanted.before[0]]) < wanted.before[1])
    )
