"""A connection for a user's own SQL, with exact sums: SQLite's own ``sum`` would add floats.

Beside plain SQL it knows ``exact_sum(column)``, the collation ``EXACT`` (``ORDER BY price COLLATE EXACT``)
and ``exact_compare(a, b)``, which is -1, 0 or 1.
"""

from __future__ import annotations

import sqlite3
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DecimalException, Inexact, InvalidOperation
from pathlib import Path

from fairlead_sqlstore.connecting import connect, explained
from fairlead_sqlstore.schema import refuse_unless_at_head
from fairlead_sqlstore.settings import BUSY_TIMEOUT_MS

# fixed: what the kernel itself sums with; a sum that does not fit is refused, never rounded
_DIGITS = 96
_EXACT = Context(prec=_DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact, InvalidOperation])


class ExactSum:
    """The aggregate ``exact_sum``: what is NULL does not count, and the sum of nothing is 0."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, value: str | None) -> None:
        """Add one; raises for what is not a decimal as the store keeps it."""
        if value is not None:
            self._sum = _EXACT.add(self._sum, _decimal(value))

    def finalize(self) -> str:
        """Return the sum as the store would keep it."""
        return format(self._sum, "f")


def connect_for_queries(path: str | Path) -> sqlite3.Connection:
    """Return a read-only connection to a store's file, which may be in use; close it when done.

    Raises `ConfigurationRefused` for a file that is no store of this version's schema.
    """
    place = Path(path).resolve()
    try:
        connection = connect(place, mode="ro", busy_timeout_ms=BUSY_TIMEOUT_MS)
    except sqlite3.Error as error:
        raise explained(error, place) from error
    try:
        refuse_unless_at_head(connection, place)
    except sqlite3.Error as error:
        connection.close()
        raise explained(error, place) from error
    except BaseException:  # supervision point: a refused file must not stay open
        connection.close()
        raise
    connection.create_aggregate("exact_sum", 1, ExactSum)  # type: ignore[arg-type] # typed for integers only
    connection.create_function("exact_compare", 2, compare, deterministic=True)
    connection.create_collation("EXACT", compare)
    return connection


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1, by the numbers and not by their texts."""
    left, right = _decimal(one), _decimal(other)
    return (left > right) - (left < right)


def _decimal(text: object) -> Decimal:
    problem = f"{text!r} is not a decimal of the store"
    if not isinstance(text, str):
        raise TypeError(problem)
    try:
        return Decimal(text)
    except DecimalException:
        raise ValueError(problem) from None
