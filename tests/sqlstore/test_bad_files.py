"""Files that a store must not trust: unwritable, half migrated, replaced, on another machine."""

from __future__ import annotations

import ast
import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fairlead_sqlstore
from fairlead.errors import CommitFailed, ConfigurationRefused, JournalDamaged
from fairlead.testing.conformance.store_batches import Scribe, sample_row, setting
from fairlead_sqlstore import SqlStore, SqlStoreSettings
from fairlead_sqlstore.place import file_system_of, identity_of, refuse_network

SQL = "x'); DROP TABLE orders; --"

UNPRIVILEGED = """
import asyncio, os, sys
import fairlead_sqlstore.writing
from fairlead.errors import FairleadError
from fairlead_sqlstore import SqlStore, SqlStoreSettings

if os.geteuid() == 0:
    os.seteuid(65534)


async def main():
    store = SqlStore(SqlStoreSettings(sys.argv[1]))
    try:
        await store.open("acc", "kernel")
    except FairleadError as refusal:
        print(type(refusal).__name__, refusal)


asyncio.run(main())
"""
"""Opens a store as a user who may read the file, and no more; root may write whatever its rights say."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store that was used and closed."""
    path = tmp_path / "bot.sqlite"
    asyncio.run(fill(path))
    return path


async def fill(path: Path) -> None:
    """Write two batches."""
    store = SqlStore(SqlStoreSettings(path))
    scribe = await Scribe.opened(store)
    await scribe.write(setting("a", "1"))
    await scribe.write(setting("a", "2"))
    await store.close()


def refusal_of(path: Path) -> str:
    """Return what a process without the right to write says when it opens the store."""
    for folder in (path.parent, *path.parent.parents[:2]):  # pytest keeps its folders to their owner
        folder.chmod(folder.stat().st_mode | 0o055)
    program = [sys.executable, "-c", UNPRIVILEGED, str(path)]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


def test_a_file_that_cannot_be_written_is_refused(path: Path) -> None:
    """The start is refused with what to do, and the file stays as it was."""
    path.chmod(0o444)
    path.with_name("bot.sqlite.lock").chmod(0o666)
    before = path.read_bytes()
    said = refusal_of(path)
    assert said.startswith("ConfigurationRefused")
    assert "cannot be written" in said
    assert "write access" in said
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_refused(path: Path) -> None:
    """Where not even the lock can be made, the refusal names it."""
    path.with_name("bot.sqlite.lock").unlink()
    path.parent.chmod(0o555)
    said = refusal_of(path)
    path.parent.chmod(0o755)
    assert said.startswith("StoreFault")
    assert "bot.sqlite.lock cannot be opened" in said


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DROP TABLE fills", "table fills"),
        ("ALTER TABLE orders DROP COLUMN owner", "column owner in orders"),
    ],
)
def test_a_migration_that_another_tool_cut_short_is_refused(path: Path, damage: str, missing: str) -> None:
    """A file that calls itself whole and is not: what is missing is named, a backup the way out."""
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.close()

    async def scenario() -> None:
        with pytest.raises(JournalDamaged, match=missing) as refusal:
            await SqlStore(SqlStoreSettings(path)).open("acc", "kernel")
        assert "backup" in refusal.value.fix

    asyncio.run(scenario())


def deleted(path: Path) -> None:
    """Delete the database, as a careless hand does."""
    path.unlink()


def replaced(path: Path) -> None:
    """Put a copy of the database in its place."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize("happens", [deleted, replaced])
def test_a_file_that_vanishes_under_a_running_kernel_is_noticed(
    path: Path, happens: Callable[[Path], None]
) -> None:
    """The next batch is refused, for nobody would find it again; and no reopening mixes old and new files."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "3"))
        happens(path)
        with pytest.raises(CommitFailed, match="deleted or replaced"):
            await store.append(scribe.draft(setting("a", "4")))
        with pytest.raises(JournalDamaged, match="deleted or replaced"):
            await store.reopen()
        await store.close()

    asyncio.run(scenario())


def test_a_file_that_stays_where_it_is_may_be_reopened(path: Path) -> None:
    """The same file is no other one, whatever SQLite did beside it."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(setting("a", "3"))
        await scribe.reopen()
        await scribe.write(setting("a", "4"))
        await store.close()
        assert identity_of(path) is not None

    asyncio.run(scenario())


MOUNTS = """\
something else
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 0:40 / /srv rw,relatime shared:1 - nfs4 host:/export rw
31 30 8:2 / /srv/fast rw,relatime - xfs /dev/sdb rw
32 21 8:3 / /over rw - xfs /dev/sdc rw
33 32 0:41 / /over rw - cifs //host/share rw
34 21 0:42 / /with\\040space rw - fuse.sshfs host: rw
"""


@pytest.mark.requirement("SEC-5")
@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/bot.sqlite", "ext4"),
        ("/srv/bot.sqlite", "nfs4"),
        ("/srv/fast/bot.sqlite", "xfs"),
        ("/srvother/bot.sqlite", "ext4"),
        ("/over/bot.sqlite", "cifs"),
        ("/with space/bot.sqlite", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_refused(tmp_path: Path, place: str, kind: str) -> None:
    """The deepest mount that holds the file counts; one of another machine is refused with its kind."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system_of(Path(place), mounts) == kind
    if kind in ("ext4", "xfs"):
        refuse_network(Path(place), mounts)
        return
    with pytest.raises(ConfigurationRefused, match=rf"network file system \({kind}\)"):
        refuse_network(Path(place), mounts)


def test_where_nobody_says_what_is_mounted_nothing_is_refused(tmp_path: Path) -> None:
    """Other systems have no such list."""
    assert file_system_of(tmp_path, tmp_path / "none") == ""
    refuse_network(tmp_path, tmp_path / "none")


class WithoutSharedMemory(sqlite3.Connection):
    """A connection of SQLite's that cannot map shared memory, as on many network file systems."""

    def __init__(self, database: str, *arguments: object, **options: object) -> None:
        super().__init__(f"{database}&vfs=unix-none", *arguments, **options)  # type: ignore[arg-type]  # as in sqlite3


def test_a_file_that_cannot_keep_a_log_is_refused(tmp_path: Path) -> None:
    """Where SQLite cannot have its write-ahead log, the start is refused with what to do."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(tmp_path / "new.sqlite"), connection_factory=WithoutSharedMemory)
        with pytest.raises(ConfigurationRefused, match=r"not in 'wal'.*local disk"):
            await store.open("acc", "kernel")

    asyncio.run(scenario())


def test_an_id_that_is_sql_is_stored_as_it_is_written(path: Path) -> None:
    """Whatever a text says, it is a parameter: found again to the letter, and no table is gone."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("orders", client_order_id=SQL, owner=SQL), setting(SQL, SQL))
        (order,) = await store.rows_where("orders", "client_order_id", SQL)
        assert (order["client_order_id"], order["owner"]) == (SQL, SQL)
        assert {row["name"]: row["value"] for row in await store.rows("settings")}[SQL] == SQL
        assert len(await store.rows("orders")) == 1
        await store.close()

    asyncio.run(scenario())


def test_an_error_of_the_database_shows_no_parameter(path: Path) -> None:
    """What is stored may be private; an error names the column at most."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("orders", client_order_id="one"))
        for private in ("canary-7f", 2**70):
            row = sample_row("orders", client_order_id="canary-7f", created_ns=private)
            with pytest.raises(CommitFailed) as failed:
                await store.append(scribe.draft(row))
            assert "canary" not in str(failed.value) + repr(failed.value.__cause__)
            assert str(2**70) not in str(failed.value)
        await store.close()

    asyncio.run(scenario())


OPENING = frozenset({"open", "read_bytes", "read_text", "write_bytes", "write_text", "copy", "copyfile"})
"""How Python opens a file."""

ALLOWED = {("hold.py", "os.open"), ("place.py", "mounts.read_text"), ("backing_up.py", "os.open")}
ALLOWED |= {("archiving.py", "os.open")}
"""The lock beside the database, the list of mounts, a copy or an archive that nobody writes any more."""


@pytest.mark.parametrize(
    ("code", "found"),
    [("open(path)", {"open"}), ("path.read_bytes()", {"path.read_bytes"}), ("session.open(account)", set())],
)
def test_a_call_that_opens_a_file_is_seen(code: str, found: set[str]) -> None:
    """The search finds what it is there for, and takes the store's own `open` for what it is."""
    assert opening_calls(code) == found


def opening_calls(code: str) -> set[str]:
    """Return the calls that may open a file; a session or a reader of ours is none."""
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    return {
        call
        for call in calls
        if call.rpartition(".")[2] in OPENING and call.rpartition(".")[0] not in ("session", "self._reader")
    }


def test_nothing_here_opens_the_database_but_sqlite() -> None:
    """To open and close the file would drop SQLite's locks in this process."""
    assert fairlead_sqlstore.__file__ is not None
    folder = Path(fairlead_sqlstore.__file__).parent
    found = {
        (file.relative_to(folder).as_posix(), call)
        for file in folder.rglob("*.py")
        for call in opening_calls(file.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED | {("reader.py", "self.open")}
