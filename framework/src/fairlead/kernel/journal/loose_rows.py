"""Rows that no record stands for, on their way into a batch: what the relay keeps of what it told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fairlead.ports.store import TABLES, Row, Scalar

_KEYS = {table.name: len(table.key) for table in TABLES}
_Key = tuple[str, tuple[Scalar, ...]]


class LooseRows:
    """Gathers whole rows by key; the newest counts. At most one batch of them is under way.

    Writing a row twice does no harm, so after a failed commit everything that was under way waits again,
    whether it was stored or not, except where something newer has come.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Key, Row] = {}
        self._told: list[Callable[[], None]] = []
        self._under_way: dict[_Key, Row] = {}
        self._told_next: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting or self._told)

    def add(self, rows: Sequence[Row], when_durable: Callable[[], None] | None = None) -> None:
        """Gather rows; *when_durable* is called by `done` of the batch that has them."""
        for row in rows:
            self._waiting[row.table, row.values[: _KEYS[row.table]]] = row
        if when_durable is not None:
            self._told.append(when_durable)

    def take(self) -> list[Row]:
        """Return what waits; it is under way from here on, until `done` or `put_back`."""
        self._under_way, self._waiting = self._waiting, {}
        self._told_next, self._told = self._told, []
        return list(self._under_way.values())

    def put_back(self) -> None:
        """The batch failed, or may have: what was under way waits again."""
        self._waiting = self._under_way | self._waiting
        self._told = self._told_next + self._told
        self._under_way, self._told_next = {}, []

    def done(self) -> None:
        """The batch is durable: forget what was under way, and tell whoever wants to know."""
        told, self._told_next, self._under_way = self._told_next, [], {}
        for each in told:
            each()
