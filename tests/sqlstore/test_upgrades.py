"""Old databases: copied before they are upgraded, whole afterwards, and untouched when that cannot be."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fairlead.errors import ConfigurationRefused, FairleadError, JournalDamaged, RowRuleBroken, StoreFault
from fairlead.kernel.journal.verify import VerifyReport, verify_journal
from fairlead.ports.store import Opened
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings, backing_up, schema

GOLDEN = Path(__file__).parent / "golden"
OLD = sorted(GOLDEN.glob("schema-*.sql"))
HALF_DONE = """
CREATE TABLE _alembic_tmp_orders (x); UPDATE fairlead_schema SET version_num = '0004';
CREATE TABLE notifiers (name, mark, disabled, reason, failures, failing_since_ns, circuit_until_ns,
                        updated_ns);
CREATE TABLE deliveries (notifier, sequence, event_id, kind, subject, state, attempts, next_at_ns, detail,
                         created_ns, updated_ns, live);
"""
"""The tables of the newest schema, without constraints."""
NAME = "bot.sqlite.schema-0001.record-21.20261127T153407Z.backup"


def build(file: Path, path: Path) -> Path:
    """Make the database that the file describes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(file.read_text(encoding="utf-8"))
    connection.close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database of the first schema."""
    return build(OLD[0], tmp_path / "bot.sqlite")


def open_once(settings: SqlStoreSettings, factory: type[sqlite3.Connection] = sqlite3.Connection) -> Opened:
    """Open and close a store."""

    async def once() -> Opened:
        store = SqlStore(settings, connection_factory=factory)
        try:
            return await store.open("golden", "kernel")
        finally:
            await store.close()

    return asyncio.run(once())


def verified(path: Path) -> VerifyReport:
    """Verify the journal of a store that is at the newest schema."""

    async def main() -> VerifyReport:
        async with SqlReader(path) as reader:
            return await verify_journal(reader)

    return asyncio.run(main())


def contents(path: Path) -> list[str]:
    """Return all that the database holds."""
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def copies(folder: Path) -> list[Path]:
    """Return the copies in a folder, whole or not."""
    return sorted(file for file in folder.iterdir() if ".backup" in file.name)


def test_there_is_an_old_database_of_every_revision_but_the_newest() -> None:
    """No schema was left behind whose upgrade is not tried."""
    assert [file.stem.removeprefix("schema-") for file in OLD] == list(schema.REVISIONS[:-1])


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.stem)
def test_an_old_database_is_upgraded_with_every_row(file: Path, tmp_path: Path) -> None:
    """Chain, fold and rows agree to the last digit after the upgrade, and it is done once."""
    path = build(file, tmp_path / "bot.sqlite")
    assert open_once(SqlStoreSettings(path)).head.sequence == 21
    report = verified(path)
    assert (report.problems, report.records, report.rows_compared) == ((), 21, 20)
    assert len(copies(tmp_path)) == 1
    before = contents(path)
    open_once(SqlStoreSettings(path))
    assert len(copies(tmp_path)) == 1
    assert [line for line in contents(path) if "store_state" not in line] == [
        line for line in before if "store_state" not in line
    ]


def test_the_copy_is_the_database_before_the_upgrade(path: Path, tmp_path: Path) -> None:
    """It is named by schema, record and time, private, one file, and a store of its own."""
    before = contents(path)
    open_once(SqlStoreSettings(path))
    (copy,) = copies(tmp_path)
    assert copy.name == NAME
    assert copy.stat().st_mode & 0o777 == 0o600
    assert contents(copy) == before
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_folder_of_copies_is_a_setting(path: Path, tmp_path: Path) -> None:
    """Copies go where the configuration says, or are not made when it says so."""
    (tmp_path / "kept").mkdir()
    open_once(SqlStoreSettings(path, backup_folder=tmp_path / "kept"))
    assert [copy.name for copy in copies(tmp_path / "kept")] == [NAME]
    assert copies(tmp_path) == []
    again = build(OLD[0], tmp_path / "again.sqlite")
    open_once(SqlStoreSettings(again, backup_before_upgrade=False))
    assert copies(tmp_path) == []
    assert verified(again).ok


def test_a_database_that_cannot_be_copied_is_not_upgraded(path: Path, tmp_path: Path) -> None:
    """Without room for the copy the start is refused, and the database is what it was."""
    before = contents(path)
    with pytest.raises(StoreFault, match=r"nowhere.*cannot be written"):
        open_once(SqlStoreSettings(path, backup_folder=tmp_path / "nowhere"))
    assert contents(path) == before


def test_a_copy_that_is_damaged_does_not_count(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that fails the integrity check is thrown away, and the database not touched."""

    def damaged(connection: sqlite3.Connection, copy: Path) -> None:
        del connection
        raise JournalDamaged(0, f"{copy} does not pass")

    monkeypatch.setattr(backing_up, "refuse_damage", damaged)
    before = contents(path)
    with pytest.raises(JournalDamaged, match="does not pass"):
        open_once(SqlStoreSettings(path))
    assert (contents(path), copies(tmp_path)) == (before, [])


def test_the_integrity_check_finds_damage(path: Path) -> None:
    """What the copy is asked really sees a page that makes no sense."""
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 4 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    connection = sqlite3.connect(path)
    with pytest.raises((JournalDamaged, sqlite3.DatabaseError)):
        backing_up.refuse_damage(connection, path)
    connection.close()


class FailsAtTheUpgrade(sqlite3.Connection):
    """Fails when the first table is made anew."""

    def cursor(self, *_: object) -> sqlite3.Cursor:  # type: ignore[override] # one factory is enough here
        """Return a cursor that fails."""
        return super().cursor(FailingCursor)


class FailingCursor(sqlite3.Cursor):
    """Fails at one statement."""

    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:  # type: ignore[override] # one is enough
        """Fail in the middle: the last table is not renamed yet."""
        if re.search(r"RENAME TO closings", sql):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, parameters)  # type: ignore[arg-type] # as it came


def test_an_upgrade_that_fails_leaves_the_old_database(path: Path, tmp_path: Path) -> None:
    """All of the upgrade or nothing; the next start does it, and finds the copy made before."""
    before = contents(path)
    with pytest.raises(StoreFault, match="disk I/O error"):
        open_once(SqlStoreSettings(path), FailsAtTheUpgrade)
    assert contents(path) == before
    assert open_once(SqlStoreSettings(path)).head.sequence == 21
    assert verified(path).ok
    assert len(copies(tmp_path)) == 1


def test_a_row_that_no_kernel_wrote_stops_the_upgrade(path: Path) -> None:
    """An old database with a row that breaks a rule is refused by the rule's name, and stays as it is."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE fills SET quantity = '-1' WHERE trade_id = (SELECT min(trade_id) FROM fills)")
    connection.close()
    before = contents(path)
    with pytest.raises(FairleadError, match="ck_fills_quantity_not_negative"):
        open_once(SqlStoreSettings(path))
    assert contents(path) == before


def test_a_newer_database_is_not_even_copied(path: Path, tmp_path: Path) -> None:
    """A schema that this version does not know is left alone altogether."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE fairlead_schema SET version_num = '9999'")
    connection.close()
    before = contents(path)
    with pytest.raises(ConfigurationRefused, match="9999"):
        open_once(SqlStoreSettings(path))
    assert (contents(path), copies(tmp_path)) == (before, [])


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("CREATE TABLE _alembic_tmp_orders (x)", "_alembic_tmp_orders, which another tool's migration"),
        (
            HALF_DONE,
            "schema 0004 and has no constraint ck_orders_side_known",
        ),
    ],
    ids=["rebuilding", "no_constraints"],
)
def test_a_half_done_upgrade_is_refused_with_a_way_out(path: Path, damage: str, found: str) -> None:
    """What another tool left half done is named, and a backup is the way out; nothing is mended."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(damage)
    connection.close()
    before = contents(path)
    with pytest.raises(JournalDamaged, match=rf"{found}.*backup"):
        open_once(SqlStoreSettings(path))
    assert contents(path) == before


def test_a_copy_never_takes_the_place_of_a_file(path: Path, tmp_path: Path) -> None:
    """A name that is taken is refused: the older copy may be the better one."""
    (tmp_path / "taken").write_text("precious")
    connection = sqlite3.connect(path)
    with pytest.raises(StoreFault, match="there already"):
        backing_up.back_up(connection, tmp_path / "taken")
    connection.close()
    assert (tmp_path / "taken").read_text() == "precious"


def test_the_error_of_a_broken_rule_says_what_to_do() -> None:
    """Whoever reads it learns that nothing was sent, and to keep the database."""
    assert "keep the database as it is" in str(RowRuleBroken("ck_orders_state_known"))
