"""What the parent reads of the kernel's file, with nothing but sqlite3."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

IN_FLIGHT = ("approved", "submitted", "unresolved")


def count_orders(path: Path) -> tuple[int, int]:
    """Return how many orders and changes of orders have no known answer, and how many orders are live."""
    if not path.exists():
        return 0, 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'orders'").fetchone()[0]:
            return 0, 0
        in_flight = connection.execute(
            "SELECT count(*) FROM orders WHERE state IN (?, ?, ?)", IN_FLIGHT
        ).fetchone()[0]
        in_flight += connection.execute("SELECT count(*) FROM changes WHERE live").fetchone()[0]
        live = connection.execute("SELECT count(*) FROM orders WHERE live").fetchone()[0]
    return in_flight, live
