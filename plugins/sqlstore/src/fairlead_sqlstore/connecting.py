"""How a connection to the database file is made, and what its errors mean.

The file itself is never opened any other way than through SQLite (see `fairlead_sqlstore.hold`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fairlead.errors import ConfigurationRefused, FairleadError, JournalDamaged, StoreFault

MILLISECONDS_PER_SECOND = 1_000
# fixed: more than the store has statements
CACHED_STATEMENTS = 64


def connect(
    path: Path,
    *,
    mode: str,
    busy_timeout_ms: int,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """Return a connection that leaves transactions to us; *mode* is ``ro``, ``rw`` or ``rwc``."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout_ms / MILLISECONDS_PER_SECOND,
        isolation_level=None,
        check_same_thread=False,  # SQLAlchemy may close it from another thread; each stays in one of ours
        cached_statements=CACHED_STATEMENTS,
        factory=factory,
    )


def prepare_for_writing(connection: sqlite3.Connection, path: Path) -> None:
    """Set what makes a commit durable, and check that it took."""
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigurationRefused(
            f"SQLite keeps {path} in journal mode {mode!r} and not in 'wal'.",
            not_done="The kernel did not start.",
            fix="Put the file on a local disk; network file systems cannot hold it.",
        )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=0")  # see WriteSession.checkpoint


def explained(error: sqlite3.Error, path: Path) -> FairleadError:
    """Return our error for one that SQLite raised while the file was opened, checked or read."""
    code = getattr(error, "sqlite_errorcode", None)
    # fixed: where SQLite keeps the primary code of an error
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_NOTADB:
        return ConfigurationRefused(
            f"{path} is not a SQLite database, or its header is damaged.",
            not_done="Nothing in it was changed.",
            fix="Check the path; if it was the store, restore it from a backup.",
        )
    if primary == sqlite3.SQLITE_CORRUPT:
        return JournalDamaged(0, f"the database file {path} is damaged ({error})")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return ConfigurationRefused(
            f"{path} cannot be opened as a database.",
            not_done="The store was not opened.",
            fix="Check that the folder exists and that this user may write there.",
        )
    if primary == sqlite3.SQLITE_READONLY:
        return ConfigurationRefused(
            f"{path} cannot be written.",
            not_done="The kernel did not start.",
            fix="Give this user write access.",
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreFault(
            f"{path} is locked by another program.",
            not_done="Nothing was written.",
            fix="Close whatever has it open for writing; Fairlead's own tools only read.",
        )
    return StoreFault(f"SQLite cannot use {path}: {error}.", not_done="Nothing was written.")
