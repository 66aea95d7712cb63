"""Which schema a database has, and how it gets the newest one.

The version table is read here; Alembic is imported only when there is something to migrate, since that takes
longer than all the rest of a start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from fairlead.errors import ConfigurationRefused, JournalDamaged
from fairlead.ports.row_rules import ROW_RULES
from fairlead.ports.store import TABLES

VERSION_TABLE = "fairlead_schema"
REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision that was ever released, oldest first; a test compares it with the migrations."""

HEAD = REVISIONS[-1]
_NOT_STARTED = "Nothing in it was changed."


def version_of(connection: sqlite3.Connection, path: Path) -> str | None:
    """Return the schema's revision, None for an empty file; refuse what is not ours or is newer."""
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    if VERSION_TABLE not in names:
        raise ConfigurationRefused(
            f"{path} is a database of another program: it has no table {VERSION_TABLE}.",
            not_done=_NOT_STARTED,
            fix="Give the store a file of its own.",
        )
    revisions = [row[0] for row in connection.execute(f"SELECT version_num FROM {VERSION_TABLE}")]  # noqa: S608
    if len(revisions) != 1 or revisions[0] not in REVISIONS:
        raise ConfigurationRefused(
            f"{path} has schema {', '.join(map(str, revisions)) or 'none'}; this version knows up to {HEAD}.",
            not_done=_NOT_STARTED,
            fix="Install the fairlead-sqlstore that wrote it, or a newer one.",
        )
    return str(revisions[0])


def bring_to_head(
    connection: sqlite3.Connection, path: Path, back_up_first: Callable[[str], object] | None = None
) -> bool:
    """Create or migrate the schema, in one transaction; tell whether there was anything to do.

    *back_up_first* is called with the old revision before a file with an older one is touched; what it
    raises leaves the file as it is.
    """
    version = version_of(connection, path)
    if version == HEAD:
        return False
    if version is not None:
        refuse_leftovers(connection, path)
        if back_up_first is not None:
            back_up_first(version)
    from fairlead_sqlstore.migrating import upgrade

    upgrade(connection)
    return True


def refuse_leftovers(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file in which a table is half rebuilt: ours are rebuilt in one transaction."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE name LIKE '\\_alembic\\_tmp\\_%' ESCAPE '\\'"
    ).fetchone()
    if found is not None:
        raise JournalDamaged(0, f"{path} has table {found[0]}, which another tool's migration left half done")


def refuse_gaps(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that says it has the newest schema and lacks tables, columns or constraints of it.

    A migration of ours is whole or not there. One that another tool cut short, or a table that was dropped,
    would be found at the first order only.
    """
    for table in TABLES:
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
        missing = [column.name for column in table.columns if column.name not in found]
        if missing:
            what = f"column {missing[0]} in {table.name}" if found else f"table {table.name}"
            raise JournalDamaged(0, f"{path} says that it has schema {HEAD} and has no {what}")
    for rule in ROW_RULES:
        query = "SELECT 1 FROM sqlite_master WHERE name = ? AND instr(sql, ?)"
        constraint = f"ck_{rule.table}_{rule.name}"
        if connection.execute(query, (rule.table, constraint)).fetchone() is None:
            raise JournalDamaged(
                0, f"{path} says that it has schema {HEAD} and has no constraint {constraint}"
            )


def refuse_unless_at_head(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that a reader cannot read: empty, foreign, older or newer."""
    version = version_of(connection, path)
    if version != HEAD:
        raise ConfigurationRefused(
            f"{path} has {'no schema yet' if version is None else f'the older schema {version}'}.",
            not_done=_NOT_STARTED,
            fix="Start the kernel on it once; it creates and migrates.",
        )
