"""Rows that no record stands for, on their way into a batch: what the relay keeps of what it told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fairlead.ports.store import NOTIFIERS, TABLES, Row, Scalar

_KEYS = {table.name: len(table.key) for table in TABLES}
_Key = tuple[str, tuple[Scalar, ...]]
_MARKS = NOTIFIERS.name

Told = Callable[[Sequence[Row]], None]
"""Hears that rows are durable, all but those that the store refused: it is called with these."""


class LooseRows:
    """Gathers whole rows by key; the newest counts. At most one batch of them is under way.

    Writing a row twice does no harm, so after a failed commit everything that was under way waits again,
    whether it was stored or not, except where something newer has come.

    When the store refuses what was under way, the rows become suspects: each comes with a batch of its own,
    so that what is sound is stored and only what is not is dropped. A mark says that the other rows of
    its notifier are stored: it comes after them, and goes with the first of them that is dropped.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Key, Row] = {}
        self._told: list[Told] = []
        self._under_way: dict[_Key, Row] = {}
        self._told_next: list[Told] = []
        self._suspects: list[Row] = []
        self._refused: list[Row] = []

    def __bool__(self) -> bool:
        return bool(self._waiting or self._told or self._suspects)

    def add(self, rows: Sequence[Row], when_durable: Told | None = None) -> None:
        """Gather rows; *when_durable* is called when all of them are stored or refused."""
        for row in rows:
            self._waiting[_key(row)] = row
        if when_durable is not None:
            self._told.append(when_durable)

    def take(self) -> list[Row]:
        """Return what waits; it is under way from here on, until `done`, `refused` or `put_back`."""
        if not self._suspects:
            self._under_way, self._waiting = self._waiting, {}
            self._told_next, self._told = self._told, []
            return list(self._under_way.values())
        return self._suspects[:1]

    def put_back(self) -> None:
        """The batch failed, or may have: what was under way waits again."""
        rest = {_key(row): row for row in self._suspects} if self._suspects else self._under_way
        self._waiting = rest | self._waiting
        self._told = self._told_next + self._told
        self._under_way, self._told_next, self._suspects = {}, [], []

    def done(self) -> None:
        """The batch is durable: forget what was under way, and tell whoever wants to know."""
        self._suspects = self._suspects[1:]
        self._tell()

    def refused(self) -> None:
        """The store refused what was under way, and has nothing of it."""
        if self._suspects or len(self._under_way) == 1:
            first, *rest = self._suspects or self._under_way.values()
            self._refused.append(first)
            notifier = first.values[0]
            self._suspects = [row for row in rest if row.table != _MARKS or row.values[0] != notifier]
        else:
            self._suspects = sorted(self._under_way.values(), key=lambda row: row.table == _MARKS)
        self._tell()

    def _tell(self) -> None:
        if self._suspects:
            return
        told, self._told_next, self._under_way = self._told_next, [], {}
        refused, self._refused = self._refused, []
        for each in told:
            each(refused)


def _key(row: Row) -> _Key:
    return row.table, row.values[: _KEYS[row.table]]
