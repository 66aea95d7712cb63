"""Copies of a database that may be in use, made through SQLite and verified before they count."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fairlead.errors import JournalDamaged, StoreFault
from fairlead_sqlstore.connecting import connect, explained

# fixed: what a backup holds is as private as the database
FILE_MODE = 0o600
# fixed: a matter of politeness towards a kernel that commits meanwhile; about a megabyte
_PAGES = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# fixed: nanoseconds in a microsecond
_NS_PER_US = 1_000

Progress = Callable[[int, int], None]
"""Told how many pages are done, and of how many."""


def backup_name(path: Path, schema: str, sequence: int, ts_ns: int) -> str:
    """Return the name of a copy: schema, last record, and when that was recorded, in UTC."""
    moment = _EPOCH + timedelta(microseconds=ts_ns // _NS_PER_US)
    return f"{path.name}.schema-{schema}.record-{sequence}.{moment:%Y%m%dT%H%M%SZ}.backup"


def back_up_before_upgrade(connection: sqlite3.Connection, path: Path, folder: Path, schema: str) -> Path:
    """Copy the file into the folder before its schema changes, once for each state of it; return the copy.

    An upgrade that failed is tried again with the same file: the copy that is there holds the same records.
    """
    target = folder / named_for(connection, path, schema)
    if not target.exists():
        back_up(connection, target)
    return target


def named_for(connection: sqlite3.Connection, path: Path, schema: str) -> str:
    """Return the name of a copy of the database as it is now."""
    row = connection.execute("SELECT sequence, ts_ns FROM journal ORDER BY sequence DESC LIMIT 1").fetchone()
    sequence, ts_ns = row or (0, 0)
    return backup_name(path, schema, sequence, ts_ns)


def back_up(source: sqlite3.Connection, target: Path, progress: Progress | None = None) -> None:
    """Copy the database as it is at one moment to *target*, which is whole and on the disk, or not there.

    A kernel may go on committing. Raises `StoreFault` when a file of that name is there, or when the copy
    cannot be made; `JournalDamaged` when what was copied does not pass SQLite's integrity check.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 (links stay as they are)
    if target.exists():
        raise StoreFault(f"{target} is there already.", not_done="No copy was made.", fix="Name another.")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        _copy(source, part, progress)
        flush(part)
        os.replace(part, target)  # noqa: PTH105 (it says what it does to an existing file)
        flush(target.parent)
    except OSError as error:
        raise StoreFault(
            f"{target} cannot be written: {error.strerror}.",
            not_done="No copy was made.",
            fix="Make room there.",
        ) from error
    finally:
        if part.exists():
            part.unlink()


def _copy(source: sqlite3.Connection, part: Path, progress: Progress | None) -> None:
    told = None if progress is None else lambda _, left, whole: progress(whole - left, whole)
    try:
        copy = connect(part, mode="rw", busy_timeout_ms=0)
        try:
            source.backup(copy, pages=_PAGES, progress=told)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            refuse_damage(copy, part)
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise explained(error, part) from error


def refuse_damage(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `JournalDamaged` unless SQLite's whole integrity check passes."""
    findings = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if findings != ["ok"]:
        raise JournalDamaged(0, f"{path} does not pass the integrity check: {'; '.join(map(str, findings))}")


def flush(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder; never the database itself (see `hold`)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
