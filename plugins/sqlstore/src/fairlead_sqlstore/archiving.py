"""Moving closed history to an archive: first a whole copy of it, then, in one transaction, out of it.

Between the two, and after a crash at any point, the store holds everything that it held, or has the anchor
and the archive has the rest. An archive is a store of its own: the same tables, its own head, and an anchor
at its end.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from fairlead.errors import StoreFault
from fairlead.ports.keeping import Anchor, ArchivePlan
from fairlead.ports.store import TABLES
from fairlead_sqlstore import statements
from fairlead_sqlstore.backing_up import FILE_MODE, flush, refuse_damage
from fairlead_sqlstore.connecting import connect
from fairlead_sqlstore.schema import bring_to_head

_KEYS = {table.name: table.key for table in TABLES}
# fixed: bounds memory while a file is read
_CHUNK = 1 << 20
_UNCHANGED = "Nothing was taken out of the store."


def archive_name(path: Path, plan: ArchivePlan) -> str:
    """Return the name of the archive of these records."""
    return f"{path.name}.archive-{plan.first_sequence}-{plan.anchor.sequence}.sqlite"


def write_archive(connection: sqlite3.Connection, plan: ArchivePlan, target: Path) -> None:
    """Write the archive; it is whole, verified and on the disk when its name is there.

    Raises `StoreFault` when an anchor names a file of that name: that one holds what the store has no more.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 (links stay as they are)
    known = {row[0] for row in connection.execute("SELECT archive FROM anchors")}
    if target.name in known:
        raise StoreFault(f"{target} is an archive of this store already.", not_done=_UNCHANGED)
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        _create(part)
        _fill(connection, plan, part)
        flush(part)
        os.replace(part, target)  # noqa: PTH105 (it says that an earlier attempt's file is replaced)
        flush(target.parent)
    except OSError as error:
        raise StoreFault(f"{target} cannot be written: {error.strerror}.", not_done=_UNCHANGED) from error
    finally:
        part.unlink(missing_ok=True)


def drop_archived(connection: sqlite3.Connection, plan: ArchivePlan, archive: Path) -> None:
    """Take what the archive holds out of the store and leave the anchor, in one transaction.

    The epoch is raised, so that a kernel which was taken over can never write behind the anchor.
    """
    anchor = plan.anchor
    named = Anchor(anchor.sequence, anchor.hash, anchor.ts_ns, archive.name, digest_of(archive), anchor.base)
    connection.execute("BEGIN IMMEDIATE")
    try:
        _refuse_changed(connection, plan)
        connection.execute("DELETE FROM journal WHERE sequence <= ?", (anchor.sequence,))
        connection.execute("DELETE FROM outbox WHERE sequence <= ?", (anchor.sequence,))
        for table, keys in plan.rows.items():
            connection.executemany(f"DELETE FROM {table} WHERE {_where(table)}", keys)  # noqa: S608 (names of the port)
        connection.execute(statements.CREATE_ANCHOR, _values(named))
        connection.execute("UPDATE store_state SET epoch = epoch + 1, holder = 'an archive'")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def digest_of(archive: Path) -> str:
    """Return the SHA-256 of a file that nobody writes any more, in hexadecimal."""
    digest = hashlib.sha256()
    descriptor = os.open(archive, os.O_RDONLY)
    try:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _create(part: Path) -> None:
    with closing(connect(part, mode="rw", busy_timeout_ms=0)) as connection:
        bring_to_head(connection, part)


def _fill(connection: sqlite3.Connection, plan: ArchivePlan, part: Path) -> None:
    anchor = plan.anchor
    with _attached(connection, part):
        connection.execute("BEGIN")
        for table in ("journal", "outbox"):
            connection.execute(
                f"INSERT INTO archive.{table} SELECT * FROM main.{table} WHERE sequence <= ?",  # noqa: S608 (two names)
                (anchor.sequence,),
            )
        for table, keys in plan.rows.items():
            sql = f"INSERT INTO archive.{table} SELECT * FROM main.{table} WHERE {_where(table)}"  # noqa: S608 (names of the port)
            connection.executemany(sql, keys)
        connection.execute("INSERT INTO archive.anchors SELECT * FROM main.anchors")
        into = statements.CREATE_ANCHOR.replace("INSERT INTO anchors", "INSERT INTO archive.anchors")
        connection.execute(into, _values(anchor))
        connection.execute(
            "INSERT INTO archive.store_state (id, account, epoch, holder, head_sequence, head_hash)"
            " SELECT 1, account, epoch, holder, ?, ? FROM main.store_state",
            (anchor.sequence, anchor.hash),
        )
        connection.execute("COMMIT")
    with closing(connect(part, mode="rw", busy_timeout_ms=0)) as archive:
        refuse_damage(archive, part)


@contextmanager
def _attached(connection: sqlite3.Connection, part: Path) -> Iterator[None]:
    connection.execute("ATTACH ? AS archive", (part.as_uri(),))
    try:
        connection.execute("PRAGMA archive.journal_mode=DELETE")
        connection.execute("PRAGMA archive.synchronous=FULL")
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("DETACH archive")


def _refuse_changed(connection: sqlite3.Connection, plan: ArchivePlan) -> None:
    (head,) = connection.execute("SELECT head_sequence FROM store_state").fetchone()
    if head != plan.head:
        raise StoreFault(
            f"The store ends with record {head}, and with {plan.head} when it was decided what moves.",
            not_done=_UNCHANGED,
            fix="Run it again while no kernel runs.",
        )


def _where(table: str) -> str:
    return " AND ".join(f"{name} = ?" for name in _KEYS[table])


def _values(anchor: Anchor) -> tuple[Any, ...]:
    return anchor.sequence, anchor.hash, anchor.ts_ns, anchor.archive, anchor.digest, anchor.base
