"""What a store is asked for when its past is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.domain.values import Value
from fairlead.errors import UnknownName

if TYPE_CHECKING:
    from fairlead.ports.store import Table


class Search(Value):
    """Which rows of a table are wanted; what is left out does not narrow.

    *equal* are columns with the value they have, and *parts* text columns with a text that occurs in
    them: literally, case counts. *since* is an integer column with the least value wanted, *before* one with
    the least that is not. Rows come in key order, or with *newest_by* the greatest in that
    integer column first and equal ones in key order; at most *limit*, where 0 is all.
    """

    equal: tuple[tuple[str, str | int | bool], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    since: tuple[str, int] | None = None
    before: tuple[str, int] | None = None
    newest_by: str = ""
    limit: int = 0


def check_search(table: Table, wanted: Search) -> None:
    """Raise `UnknownName` for a column that the table has not, or that cannot be searched so; for stores."""
    kinds = {column.name: column.kind for column in table.columns}
    whole = tuple(name for name, kind in kinds.items() if kind is int)
    texts = tuple(name for name, kind in kinds.items() if kind is str)
    comparable = tuple(name for name, kind in kinds.items() if kind in (str, int, bool))
    asked = [
        *((name, comparable) for name, _ in wanted.equal),
        *((name, texts) for name, _ in wanted.parts),
        *((bound[0], whole) for bound in (wanted.since, wanted.before) if bound is not None),
        *((name, whole) for name in (wanted.newest_by,) if name),
    ]
    for name, suited in asked:
        if name not in suited:
            raise UnknownName("column", name, suited)
