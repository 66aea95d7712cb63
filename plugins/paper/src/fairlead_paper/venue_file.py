"""The venue's own file: one SQLite database, every step of the venue one transaction.

The tables are documented in ``docs/reference/paper-file.md``: whoever audits a run reads them with
plain sqlite3. Decimals are text in plain notation, times integer nanoseconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from fairlead.errors import ConfigurationRefused
from fairlead_paper.file_lock import FileLock
from fairlead_paper.file_rows import (
    INSERT_ADJUSTMENT,
    INSERT_FILL,
    INSERT_INSTRUMENT,
    REPLACE_BALANCE,
    REPLACE_MARKET,
    REPLACE_ORDER,
    SCHEMA,
    adjustment_of,
    adjustment_row,
    balance_of,
    balance_row,
    fill_market,
    fill_of,
    fill_row,
    instrument_row,
    market_row,
    order_of,
    order_row,
)
from fairlead_paper.venue import Changes, Venue

SCHEMA_VERSION = 2
# fixed: the mark by which a file is known as ours
APPLICATION_ID = 0x46504150
"""Marks the file as ours in SQLite's header ("FPAP")."""

SYNCHRONOUS = ("full", "normal")
# fixed: the venue is the one writer of its file, so nobody waits
_BUSY_TIMEOUT_MS = 5_000


class VenueFile:
    """An open venue file, held by this process alone."""

    def __init__(self, path: Path, *, synchronous: str = "full") -> None:
        """Open or create the file; raises `ConfigurationRefused` when it is held, foreign or newer.

        *synchronous* "full" survives power loss; "normal" survives a killed process only.
        """
        if synchronous not in SYNCHRONOUS:
            raise ConfigurationRefused(
                f"synchronous is {synchronous!r}.", fix=f"Use one of {', '.join(SYNCHRONOUS)}."
            )
        self.path = path
        self._lock = FileLock(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            self._lock.release()
            raise ConfigurationRefused(
                f"The venue file {path.name} cannot be opened: {error}.", fix="Check its folder."
            ) from error
        try:
            self.is_new = self._prepare(synchronous)
        except sqlite3.DatabaseError as error:
            self.close()
            raise ConfigurationRefused(
                f"{path.name} is not a usable venue file: {error}.", fix="Name another file."
            ) from error
        except ConfigurationRefused:
            self.close()
            raise

    def close(self) -> None:
        """Close the file and give up the hold; harmless when closed."""
        self._connection.close()
        self._lock.release()

    # -- the beginning ---------------------------------------------------------------------------------------

    def create(self, venue: Venue, setup: Mapping[str, object]) -> None:
        """Write a new venue into a new file, in one transaction."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            run(statement)
        run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        run(f"PRAGMA application_id = {APPLICATION_ID}")
        for key, value in setup.items():
            run("INSERT INTO meta VALUES (?, ?)", (key, json.dumps(value, sort_keys=True)))
        for market in venue.markets.values():
            run(INSERT_INSTRUMENT, instrument_row(market.instrument))
        run("INSERT INTO tape VALUES (1, 0)")
        self._write(venue.take_changes())
        run("COMMIT")

    def load(self, venue: Venue, setup: Mapping[str, object]) -> int:
        """Fill an empty venue from the file and return the tape position.

        Raises `ConfigurationRefused` when the file was made with another setup: a venue does not
        change its rules in the middle of its life.
        """
        self._check_setup(setup)
        read = self._connection.execute
        venue.restore(
            [balance_of(row) for row in read("SELECT * FROM balances ORDER BY account, asset")],
            [order_of(row) for row in read("SELECT * FROM orders ORDER BY sequence")],
            [fill_of(row) for row in read("SELECT * FROM fills ORDER BY sequence")],
            [adjustment_of(row) for row in read("SELECT * FROM adjustments ORDER BY sequence")],
        )
        for row in read("SELECT * FROM markets"):
            fill_market(venue.markets[row[0]], row)
        position: int = read("SELECT position FROM tape").fetchone()[0]
        return position

    def faults(self) -> dict[str, int]:
        """Return how often each kind of fault was injected, over all sessions."""
        return dict(self._connection.execute("SELECT kind, fired FROM faults ORDER BY kind"))

    def sessions(self) -> int:
        """Return how many sessions clients have begun."""
        count: int = self._connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
        return count

    # -- every step ------------------------------------------------------------------------------------------

    def save(self, changes: Changes, position: int | None) -> None:
        """Make one step durable: all of it or nothing; *position* is the tape's, when it moved."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._write(changes)
        if position is not None:
            self._connection.execute("UPDATE tape SET position = ?", (position,))
        self._connection.execute("COMMIT")

    def count_fault(self, kind: str) -> None:
        """Add one to the count of a kind of fault."""
        statement = "INSERT INTO faults VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET fired = fired + 1"
        self._connection.execute(statement, (kind,))

    def add_session(self, account: str, now_ns: int) -> None:
        """Remember that a client began a session."""
        self._connection.execute("INSERT INTO sessions (account, begun_ns) VALUES (?, ?)", (account, now_ns))

    def _write(self, changes: Changes) -> None:
        run_many = self._connection.executemany
        if changes.orders:
            run_many(REPLACE_ORDER, map(order_row, changes.orders.values()))
        if changes.fills:
            run_many(INSERT_FILL, map(fill_row, changes.fills))
        if changes.adjustments:
            rows = [adjustment_row(account, entry) for account, entry in changes.adjustments]
            run_many(INSERT_ADJUSTMENT, rows)
        if changes.balances:
            run_many(REPLACE_BALANCE, map(balance_row, changes.balances.values()))
        if changes.markets:
            run_many(REPLACE_MARKET, map(market_row, changes.markets.values()))

    # -- opening ---------------------------------------------------------------------------------------------

    def _prepare(self, synchronous: str) -> bool:
        """Set the connection up; return whether the file is new."""
        run = self._connection.execute
        run(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        version = run("PRAGMA user_version").fetchone()[0]
        application = run("PRAGMA application_id").fetchone()[0]
        is_new = run("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not is_new and application != APPLICATION_ID:
            raise ConfigurationRefused(
                f"{self.path.name} belongs to another program.",
                not_done="It was not touched.",
                fix="Name another file.",
            )
        if not is_new and version < SCHEMA_VERSION:
            raise ConfigurationRefused(
                f"{self.path.name} was written by an older fairlead-paper (schema {version}), which traded "
                "by other rules.",
                not_done="It was not touched.",
                fix="Name a new file; the old one can still be read with any SQLite tool.",
            )
        if version > SCHEMA_VERSION:
            raise ConfigurationRefused(
                f"{self.path.name} was written by a newer fairlead-paper (schema {version}).",
                not_done="It was not touched.",
                fix="Update fairlead-paper.",
            )
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {synchronous}")
        return bool(is_new)

    def _check_setup(self, setup: Mapping[str, object]) -> None:
        stored = dict(self._connection.execute("SELECT key, value FROM meta"))
        given = {key: json.dumps(value, sort_keys=True) for key, value in setup.items()}
        different = sorted(key for key in given.keys() | stored.keys() if given.get(key) != stored.get(key))
        if different:
            raise ConfigurationRefused(
                f"{self.path.name} was made with other settings: {', '.join(different)}.",
                not_done="The venue did not start.",
                fix="Start it with the settings it was made with, or name a new file.",
            )
