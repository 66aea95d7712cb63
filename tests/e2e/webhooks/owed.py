"""What the store owes to whom it tells, read with nothing but sqlite3, and whether that was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.e2e.webhooks.failing_receiver import Told

Notice = tuple[str, int]
"""Subject and sequence."""


def owed_by(database: Path) -> dict[str, Notice]:
    """Return what the store owes: subject and sequence by event id, in order."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT event_id, subject, sequence FROM outbox ORDER BY position").fetchall()
    return {name: (subject, sequence) for name, subject, sequence in rows}


def deliveries_by_state(database: Path, notifier: str) -> dict[str, int]:
    """Return how many deliveries that were not made at once are in which state."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        query = "SELECT state, count(*) FROM deliveries WHERE notifier = ? GROUP BY state"
        return dict(store.execute(query, (notifier,)).fetchall())


def misheard(told: Told, owed: Mapping[str, Notice]) -> list[str]:
    """Return what was told and is not owed, told otherwise, or told before what came before it."""
    problems = [*told.problems]
    problems += [
        f"{name} was told and is not owed so"
        for name, notice in told.first.items()
        if owed.get(name) != notice
    ]
    latest: dict[str, int] = {}
    for subject, sequence in told.first.values():
        if sequence < latest.get(subject, 0):
            problems.append(f"{subject}: {sequence} came after {latest[subject]}")
        latest[subject] = sequence
    return problems
