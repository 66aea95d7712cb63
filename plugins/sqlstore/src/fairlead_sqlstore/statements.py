"""The write statements, compiled once from SQLAlchemy Core, and what they are given.

A batch is encoded column by column rather than row by row: type checks and conversions then run in C over a
whole column, which is several times faster than a Python function per value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import Dialect, bindparam, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from fairlead.errors import CommitFailed
from fairlead.ports.store import TABLES, Batch, Column, Row, Scalar, Table
from fairlead_sqlstore import tables
from fairlead_sqlstore.exact_decimal import decimal_texts

DIALECT: Dialect = sqlite.dialect(paramstyle="qmark")

Parameters = Sequence[tuple[Any, ...]]
Write = tuple[str, Parameters]

_ENVELOPE = ("sequence", "ts_ns", "kind", "version", "payload", "hash")
_OUTBOX = ("event_id", "sequence", "kind", "subject", "figures")
_envelope_values: Callable[[Any], tuple[Any, ...]] = attrgetter(*_ENVELOPE)
_outbox_values: Callable[[Any], tuple[Any, ...]] = attrgetter(*_OUTBOX)

journal = tables.metadata.tables["journal"]
outbox = tables.metadata.tables["outbox"]
anchors = tables.metadata.tables["anchors"]
state = tables.metadata.tables["store_state"]


def compiled(statement: ClauseElement, names: Sequence[str]) -> str:
    """Return the SQL of a statement whose parameters stand in the order of the names."""
    made = statement.compile(dialect=DIALECT, column_keys=list(names))
    order = tuple(getattr(made, "positiontup", None) or ())
    if order != tuple(names):
        problem = f"parameters come as {order}, not {tuple(names)}"
        raise AssertionError(problem)
    return str(made)


def _upsert(table: Table) -> str:
    names = [column.name for column in table.columns]
    statement = sqlite.insert(tables.metadata.tables[table.name])
    others = {name: statement.excluded[name] for name in names if name not in table.key}
    return compiled(statement.on_conflict_do_update(index_elements=list(table.key), set_=others), names)


def _state_update(values: Mapping[str, str], conditions: Mapping[str, str]) -> str:
    statement = update(state).values({column: bindparam(name) for column, name in values.items()})
    for column, name in conditions.items():
        statement = statement.where(state.c[column] == bindparam(name))
    return compiled(statement, [*values.values(), *conditions.values()])


INSERT_ENVELOPES = compiled(insert(journal), _ENVELOPE)
INSERT_OUTBOX = compiled(insert(outbox), _OUTBOX)
MOVE_HEAD = _state_update(
    {"head_sequence": "last_sequence", "head_hash": "last_hash"},
    {"epoch": "our_epoch", "head_sequence": "first_sequence", "head_hash": "previous_hash"},
)
READ_STATE = compiled(
    select(state.c.account, state.c.epoch, state.c.holder, state.c.head_sequence, state.c.head_hash), ()
)
READ_LAST_RECORD = compiled(
    select(journal.c.sequence, journal.c.hash).where(
        journal.c.sequence == select(func.max(journal.c.sequence)).scalar_subquery()
    ),
    (),
)
READ_LAST_ANCHOR = compiled(
    select(anchors.c.sequence, anchors.c.hash).where(
        anchors.c.sequence == select(func.max(anchors.c.sequence)).scalar_subquery()
    ),
    (),
)
CREATE_ANCHOR = compiled(insert(anchors), ("sequence", "hash", "ts_ns", "archive", "digest", "base"))
CREATE_STATE = compiled(insert(state), ("id", "account", "epoch", "holder", "head_sequence", "head_hash"))
TAKE_OVER = _state_update({"epoch": "new_epoch", "holder": "new_holder"}, {"epoch": "old_epoch"})


class TableWriter:
    """Turns the rows of one table into the parameters of its upsert."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._width = len(table.columns)
        self.sql = _upsert(table)

    def parameters(self, rows: Sequence[tuple[Scalar, ...]]) -> Parameters:
        """Return one tuple per row, or raise `CommitFailed` for a row that does not fit."""
        if set(map(len, rows)) != {self._width}:
            raise self._refused(f"a row has not {self._width} values, one for each column")
        columns = zip(*rows, strict=True)
        return list(zip(*map(self._encoded, self._table.columns, columns), strict=True))

    def _encoded(self, column: Column, values: Sequence[Scalar]) -> Iterable[Any]:
        kinds = set(map(type, values))
        if column.optional and type(None) in kinds:
            return self._encoded_with_gaps(column, values)
        if kinds != {column.kind} and not (column.kind is str and all(isinstance(v, str) for v in values)):
            odd = next(value for value in values if type(value) is not column.kind)
            raise self._refused(f"{column.name} is a {column.kind.__name__}, not a {type(odd).__name__}")
        if column.kind is Decimal:
            try:
                return decimal_texts(values)
            except ValueError as error:
                raise self._refused(f"{column.name}: {error}") from error
        if column.kind is bool:
            return map(int, values)  # type: ignore[arg-type] # they are booleans, as just seen
        return values

    def _encoded_with_gaps(self, column: Column, values: Sequence[Scalar]) -> Iterable[Any]:
        """Encode what is there and put it back between the empty ones."""
        present = [value for value in values if value is not None]
        encoded = iter(self._encoded(column, present) if present else ())
        return [None if value is None else next(encoded) for value in values]

    def _refused(self, problem: str) -> CommitFailed:
        return CommitFailed(
            f"A row does not fit table {self._table.name}: {problem}.",
            not_done="Nothing of the batch was stored.",
        )


WRITERS: Mapping[str, TableWriter] = {table.name: TableWriter(table) for table in TABLES}


def writes_of(batch: Batch) -> list[Write]:
    """Return every statement of the batch with its parameters, or raise `CommitFailed`."""
    writes: list[Write] = [(INSERT_ENVELOPES, list(map(_envelope_values, batch.envelopes)))]
    grouped: dict[str, list[tuple[Scalar, ...]]] = {}
    for row in batch.rows:
        _group(grouped, row)
    for name, rows in grouped.items():
        writer = WRITERS[name]
        writes.append((writer.sql, writer.parameters(rows)))
    writes.append((INSERT_OUTBOX, list(map(_outbox_values, batch.outbox))))
    return writes


def _group(grouped: dict[str, list[tuple[Scalar, ...]]], row: Row) -> None:
    rows = grouped.get(row.table)
    if rows is None:
        if row.table not in WRITERS:
            raise CommitFailed(
                f"There is no table {row.table!r}.", not_done="Nothing of the batch was stored."
            )
        rows = grouped[row.table] = []
    rows.append(row.values)
