"""One table of the memory store: rows by key, with indexes that appear when a look-up needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import cast

import attrs

from fairlead.errors import CommitFailed, RowRuleBroken, UnknownName
from fairlead.ports.row_rules import broken_rule
from fairlead.ports.searches import Search, check_search
from fairlead.ports.store import Column, Scalar, Table

Values = tuple[Scalar, ...]
Kinds = tuple[type, ...]


def _many(positions: Sequence[int]) -> Callable[[Sequence[Scalar]], tuple[Scalar, ...]]:
    """Return a function that picks these places out of a sequence, always as a tuple."""
    if not positions:
        return lambda _values: ()
    if len(positions) == 1:
        only = positions[0]
        return lambda values: (values[only],)
    return itemgetter(*positions)


class MemoryTable:
    """Rows as they were given, tuples in column order; a row is copied when it is read."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows: dict[Values, Values] = {}
        self._names = tuple(column.name for column in table.columns)
        self._position = {name: position for position, name in enumerate(self._names)}
        self._key_of = _many([self._position[name] for name in table.key])
        self._decimals_of: dict[Kinds, Callable[[Values], Values]] = {}
        """For every combination of types that was found to fit: what picks a row's decimals out."""

        self._indexes: dict[int, dict[Scalar, set[Values]]] = {}

    def copy(self) -> MemoryTable:
        """Return a table with the same rows that shares nothing that can change."""
        twin = MemoryTable(self.table)
        twin.rows = dict(self.rows)
        return twin

    def checked(self, row: Values) -> tuple[Values, Values]:
        """Return (key, row) of a row that fits the table, or raise `CommitFailed`."""
        if len(row) != len(self._names):
            raise self._refused(f"it has {len(row)} values for {len(self._names)} columns")
        decimals_of = self._decimals_of.get(tuple(map(type, row)))
        if decimals_of is None:
            row = tuple(map(self._fitting, self.table.columns, row))
            kinds = tuple(map(type, row))
            places = [place for place, kind in enumerate(kinds) if kind is Decimal]
            decimals_of = self._decimals_of[kinds] = _many(places)
        decimals = cast("tuple[Decimal, ...]", decimals_of(row))
        if not all(map(Decimal.is_finite, decimals)):
            raise self._refused(f"{[str(number) for number in decimals]} are not all finite")
        if broken := broken_rule(self.table.name, row):
            raise RowRuleBroken(broken)
        return self._key_of(row), row

    def upsert(self, key: Values, row: Values) -> None:
        """Put the row under its key, in place of any that is there."""
        if self._indexes:
            self._reindex(key, self.rows.get(key), row)
        self.rows[key] = row

    def all(self) -> list[Mapping[str, Scalar]]:
        """Return every row, in key order."""
        return self._shown(self.rows)

    def where(self, column: str, value: Scalar) -> list[Mapping[str, Scalar]]:
        """Return the rows whose column equals the value, in key order."""
        position = self._position.get(column)
        if position is None:
            raise UnknownName("column", column, self._names)
        index = self._indexes.get(position)
        if index is None:
            index = self._indexes[position] = {}
            for key, row in self.rows.items():
                index.setdefault(row[position], set()).add(key)
        return self._shown(index.get(value, ()))

    def search(self, wanted: Search) -> list[Mapping[str, Scalar]]:
        """Return the rows that are wanted, by looking at every one: slow, and hard to get wrong."""
        check_search(self.table, wanted)
        found = [row for row in self.all() if _is_wanted(row, wanted)]
        if wanted.newest_by:
            found.sort(key=lambda row: -cast("int", row[wanted.newest_by]))
        return found[: wanted.limit or None]

    def _shown(self, keys: dict[Values, Values] | set[Values] | tuple[()]) -> list[Mapping[str, Scalar]]:
        return [dict(zip(self._names, self.rows[key], strict=True)) for key in sorted(keys)]

    def _reindex(self, key: Values, old: Values | None, new: Values) -> None:
        for position, index in self._indexes.items():
            if old is not None:
                if old[position] == new[position]:
                    continue
                index[old[position]].discard(key)
            index.setdefault(new[position], set()).add(key)

    def _fitting(self, column: Column, value: Scalar) -> Scalar:
        """Return the value as it is stored, or raise when it is not of the column's type."""
        if type(value) is column.kind or (value is None and column.optional):
            return value
        if column.kind is str and isinstance(value, str):
            return str.__str__(value)  # an enumeration's text, without the enumeration
        raise self._refused(f"{column.name} is a {column.kind.__name__}, not a {type(value).__name__}")

    def _refused(self, problem: str) -> CommitFailed:
        return CommitFailed(
            f"A row does not fit table {self.table.name}: {problem}.",
            not_done="Nothing of the batch was stored.",
        )


def _is_wanted(row: Mapping[str, Scalar], wanted: Search) -> bool:
    return (
        all(type(row[name]) is type(value) and row[name] == value for name, value in wanted.equal)
        and all(text in cast("str", row[name]) for name, text in wanted.parts)
        and (wanted.since is None or cast("int", row[wanted.since[0]]) >= wanted.since[1])
        and (wanted.before is None or cast("int", row[wanted.before[0]]) < wanted.before[1])
    )


@attrs.define
class MemoryTables:
    """All tables of a disk, by name."""

    by_name: dict[str, MemoryTable]

    @classmethod
    def of(cls, tables: Sequence[Table]) -> MemoryTables:
        """Return empty tables."""
        return cls({table.name: MemoryTable(table) for table in tables})

    def copy(self) -> MemoryTables:
        """Return tables with the same rows that share nothing that can change."""
        return MemoryTables({name: table.copy() for name, table in self.by_name.items()})

    def named(self, name: str) -> MemoryTable:
        """Return the table, or raise `UnknownName`."""
        table = self.by_name.get(name)
        if table is None:
            raise UnknownName("table", name, tuple(self.by_name))
        return table
