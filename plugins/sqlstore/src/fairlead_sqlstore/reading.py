"""The statements of `SqlReader`, run in its thread on a read-only connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Select, create_engine, exc, func, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.pool import StaticPool

from fairlead.errors import StoreFault, UnknownName
from fairlead.ports.keeping import Anchor
from fairlead.ports.searches import Search, check_search
from fairlead.ports.store import TABLES, Envelope, OutboxRow, Scalar, Table
from fairlead_sqlstore import tables
from fairlead_sqlstore.connecting import connect, explained
from fairlead_sqlstore.schema import refuse_unless_at_head

_BY_NAME = {table.name: table for table in TABLES}
_journal = tables.metadata.tables["journal"]
_outbox = tables.metadata.tables["outbox"]
_anchors = tables.metadata.tables["anchors"]
_state = tables.metadata.tables["store_state"]


class ReadSession:
    """One read-only connection; every call sees everything that was committed before it began."""

    def __init__(self, path: Path, busy_timeout_ms: int) -> None:
        self._path = path
        try:
            self._raw = connect(path, mode="ro", busy_timeout_ms=busy_timeout_ms)
        except sqlite3.Error as error:
            raise explained(error, path) from error
        try:
            refuse_unless_at_head(self._raw, path)
        except sqlite3.Error as error:
            self._raw.close()
            raise explained(error, path) from error
        except BaseException:  # supervision point: a refused file must not stay open
            self._raw.close()
            raise
        self._engine = create_engine(
            "sqlite://", creator=lambda: self._raw, poolclass=StaticPool, isolation_level="AUTOCOMMIT"
        )
        self._connection = self._engine.connect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._engine.dispose()
        self._raw.close()

    def hold_still(self) -> None:
        """See the store from now on as it is now: a transaction that its first reading begins."""
        try:
            self._raw.execute("BEGIN")
            self._raw.execute("SELECT count(*) FROM store_state").fetchone()
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    def state(self) -> Sequence[Any]:
        """Return account, epoch, holder, head sequence and head hash."""
        columns = _state.c
        found = self._fetch(
            select(columns.account, columns.epoch, columns.holder, columns.head_sequence, columns.head_hash)
        )
        if not found:
            raise StoreFault(
                f"{self._path} has never been taken by a kernel.", fix="Start the kernel on it once."
            )
        row: Sequence[Any] = found[0]
        return row

    def rows(self, table: str, *, live_only: bool) -> list[Mapping[str, Scalar]]:
        """See `Store.rows`."""
        if live_only:
            return self.rows_where(table, "live", value=True)
        spec, statement = _select_all(table)
        return _shown(spec, self._fetch(statement))

    def rows_where(self, table: str, column: str, value: Scalar) -> list[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        spec, statement = _select_all(table)
        kinds = {each.name: each.kind for each in spec.columns}
        if column not in kinds:
            raise UnknownName("column", column, tuple(kinds))
        stored = _sql_table(spec).c[column]
        if value is None:
            statement = statement.where(stored.is_(None))
        elif kinds[column] is Decimal:
            # Text is not compared as a number, so this one look-up reads the whole table.
            return [row for row in _shown(spec, self._fetch(statement)) if row[column] == value]
        else:
            statement = statement.where(stored == value)
        return _shown(spec, self._fetch(statement))

    def search(self, table: str, wanted: Search) -> list[Mapping[str, Scalar]]:
        """See `Store.search`."""
        spec, statement = _select_all(table)
        check_search(spec, wanted)
        columns = _sql_table(spec).c
        for name, value in wanted.equal:
            statement = statement.where(columns[name] == value)
        for name, text in wanted.parts:
            statement = statement.where(func.instr(columns[name], text) > 0)  # LIKE knows no case
        if wanted.since is not None:
            statement = statement.where(columns[wanted.since[0]] >= wanted.since[1])
        if wanted.before is not None:
            statement = statement.where(columns[wanted.before[0]] < wanted.before[1])
        if wanted.newest_by:
            keys = (columns[key] for key in spec.key)
            statement = statement.order_by(None).order_by(columns[wanted.newest_by].desc(), *keys)
        if wanted.limit:
            statement = statement.limit(wanted.limit)
        return _shown(spec, self._fetch(statement))

    def envelopes(self, after_sequence: int, limit: int) -> list[Envelope]:
        """See `Store.envelopes`."""
        columns = _journal.c
        statement = (
            select(
                columns.sequence, columns.ts_ns, columns.kind, columns.version, columns.payload, columns.hash
            )
            .where(columns.sequence > after_sequence)
            .order_by(columns.sequence)
            .limit(limit)
        )
        return [Envelope(*row) for row in self._fetch(statement)]

    def outbox(self, after_sequence: int, limit: int) -> list[OutboxRow]:
        """See `Store.outbox`."""
        columns = _outbox.c
        following = select(columns.sequence).where(columns.sequence > after_sequence)
        page = following.order_by(columns.sequence).limit(limit).subquery()
        statement = (
            select(columns.event_id, columns.sequence, columns.kind, columns.subject, columns.figures)
            .where(columns.sequence > after_sequence, columns.sequence.in_(select(page.c.sequence)))
            .order_by(columns.sequence, columns.position)
        )
        return [OutboxRow(*row) for row in self._fetch(statement)]

    def anchors(self) -> list[Anchor]:
        """See `StoreReader.anchors`."""
        columns = _anchors.c
        statement = select(
            columns.sequence, columns.hash, columns.ts_ns, columns.archive, columns.digest, columns.base
        ).order_by(columns.sequence)
        return [Anchor(*row) for row in self._fetch(statement)]

    def _fetch(self, statement: Select[Any]) -> Sequence[Any]:
        try:
            return self._connection.execute(statement).fetchall()
        except exc.DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise explained(error.orig, self._path) from error
            raise


def _select_all(name: str) -> tuple[Table, Select[Any]]:
    spec = _BY_NAME.get(name)
    if spec is None:
        raise UnknownName("table", name, tuple(_BY_NAME))
    columns = _sql_table(spec).c
    statement = select(*(columns[column.name] for column in spec.columns))
    return spec, statement.order_by(*(columns[key] for key in spec.key))


def _sql_table(spec: Table) -> SqlTable:
    return tables.metadata.tables[spec.name]


def _shown(spec: Table, found: Sequence[Any]) -> list[Mapping[str, Scalar]]:
    names = [column.name for column in spec.columns]
    return [dict(zip(names, row, strict=True)) for row in found]
