"""What of a journal is owed to notifiers, and so is never archived."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from fairlead.cli.archives import anchors_of, owed_from
from fairlead.ports import store
from fairlead.ports.store import Column, Scalar, StoreReader, Table

NOTIFIERS = Table("notifiers", ("name",), (Column("name", str), Column("mark", int)))
DELIVERIES = Table("deliveries", ("sequence",), (Column("sequence", int), Column("state", str)))


class Shelf:
    """Gives out rows."""

    def __init__(self, **rows: Sequence[Mapping[str, Scalar]]) -> None:
        self._rows = rows

    async def rows(self, table: str) -> Sequence[Mapping[str, Scalar]]:
        """Return the table's rows."""
        return self._rows[table]


@pytest.mark.parametrize(
    ("marks", "deliveries", "owed"),
    [
        ((), (), None),
        ((9,), (), 10),
        ((9, 4), (), 5),
        ((9,), ((3, "pending"), (2, "delivered"), (1, "discarded")), 3),
        ((9,), ((7, "dead"),), 7),
    ],
)
def test_what_a_notifier_is_owed_stays(
    marks: Sequence[int],
    deliveries: Sequence[tuple[int, str]],
    owed: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first record that any notifier was not told of, or that waits or failed, bounds the archive."""
    monkeypatch.setattr(store, "TABLES", (NOTIFIERS, DELIVERIES))
    shelf = Shelf(
        notifiers=[{"name": str(mark), "mark": mark} for mark in marks],
        deliveries=[{"sequence": sequence, "state": state} for sequence, state in deliveries],
    )
    assert asyncio.run(owed_from(cast("StoreReader", shelf))) == owed


def test_a_store_without_notifiers_owes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody is told there is nothing to wait for; a reader that knows no archives has no anchors."""
    monkeypatch.setattr(store, "TABLES", ())
    assert asyncio.run(owed_from(cast("StoreReader", Shelf()))) is None
    assert asyncio.run(anchors_of(cast("StoreReader", Shelf()))) == ()
