"""Tables, migrations and the port say the same; what is not ours is refused."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session, select

from fairlead.errors import ConfigurationRefused, JournalDamaged, StoreFault
from fairlead.ports.store import TABLES, Opened
from fairlead.testing.conformance.store_batches import Scribe, sample_row
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings, migrating, schema, tables
from fairlead_sqlstore.exact_decimal import ExactDecimal
from tests.sqlstore.engines import reading_engine

KINDS = {"TEXT": str, "BIGINT": int, "INTEGER": int, "BOOLEAN": bool, "BLOB": bytes}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that is not there yet."""
    return tmp_path / "bot.sqlite"


def open_once(path: Path, account: str = "acc") -> Opened:
    """Open and close a store on the file."""

    async def once() -> Opened:
        store = SqlStore(SqlStoreSettings(path))
        try:
            return await store.open(account, "kernel")
        finally:
            await store.close()

    return asyncio.run(once())


def execute(path: Path, *statements: str) -> None:
    """Change the file as another program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_classes_agree_with_the_port(table: object) -> None:
    """Each table of the port has a class with its columns, in order, of its types, with its key."""
    assert table in TABLES
    spec = next(each for each in TABLES if each is table)
    columns = list(tables.metadata.tables[spec.name].columns)

    assert [column.name for column in columns] == [column.name for column in spec.columns]
    assert tuple(column.name for column in columns if column.primary_key) == spec.key
    for column, expected in zip(columns, spec.columns, strict=True):
        is_exact = isinstance(column.type, ExactDecimal)
        assert (Decimal if is_exact else KINDS[str(column.type)]) is expected.kind
        assert column.nullable is expected.optional


def test_every_table_and_column_says_what_it_is() -> None:
    """A user who queries the tables finds a sentence for each table and each column."""
    classes = tables.FairleadTable.__subclasses__()

    assert len(classes) == len(tables.metadata.tables)
    for each in classes:
        assert each.__doc__
        assert all(field.description for field in each.model_fields.values()), each


def test_users_models_stay_apart() -> None:
    """The tables are not in SQLModel's global metadata, which belongs to the user's own models."""
    from sqlmodel import SQLModel

    assert not set(SQLModel.metadata.tables) & set(tables.metadata.tables)


def test_a_user_can_query_the_classes(path: Path) -> None:
    """An ordinary SQLModel session reads orders as objects, beside a kernel that is running."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(
            sample_row("orders", client_order_id="a", metadata="[]", quantity=Decimal("0.10")),
            sample_row("orders", client_order_id="b", live=True),
        )
        with reading_engine(path) as engine, Session(engine) as session:
            found = session.exec(select(tables.OrderRow).where(tables.OrderRow.client_order_id == "a")).one()
            assert (found.quantity, found.metadata_, found.live) == (Decimal("0.10"), "[]", False)
        await store.close()

    asyncio.run(scenario())


def test_the_migrated_schema_is_the_one_of_the_classes(path: Path) -> None:
    """Alembic, comparing types too, finds nothing to migrate after the migrations ran."""
    open_once(path)
    with reading_engine(path) as engine, engine.connect() as connection:
        options = {"compare_type": True, "version_table": schema.VERSION_TABLE, "render_as_batch": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_both_ways_of_creating_give_the_same_sql(path: Path) -> None:
    """Tables, keys, named constraints and indexes are the same from migrations and from the classes."""
    open_once(path)
    created = path.with_name("created.sqlite")
    connection = sqlite3.connect(created, isolation_level=None)
    engine = migrating.engine_on(connection)
    tables.metadata.create_all(engine)
    engine.dispose()
    assert schema_of(path) == schema_of(created)


def schema_of(path: Path) -> set[str]:
    """Return what the file was told to create; spaces, quotes and the order of constraints aside."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {_normal(row[0]) for row in rows if schema.VERSION_TABLE not in row[0]}


def _normal(sql: str) -> str:
    words = " ".join(sql.replace('"', "").split())
    body, without_row_ids, _ = words.partition(" WITHOUT ROWID")
    head, *constraints = body.split("CONSTRAINT ")
    stripped = [text.rstrip(" ,)") for text in constraints]
    return "CONSTRAINT ".join([head + without_row_ids, *sorted(stripped)])


def test_the_list_of_revisions_is_the_migrations() -> None:
    """The list that is read at every start, without Alembic, holds exactly the migrations, oldest first."""
    script = ScriptDirectory.from_config(migrating.configuration())
    revisions = [revision.revision for revision in script.walk_revisions()]

    assert tuple(reversed(revisions)) == schema.REVISIONS
    assert script.get_heads() == [schema.HEAD]


def test_the_first_migration_can_be_undone(path: Path) -> None:
    """Downgrading to nothing leaves no table but the version's."""
    open_once(path)
    connection = sqlite3.connect(path, isolation_level=None)
    config = migrating.configuration()
    with migrating.engine_on(connection).begin() as bound:
        config.attributes["connection"] = bound
        command.downgrade(config, "base")
    tables_left = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables_left == [(schema.VERSION_TABLE,)]
    connection.close()


class FailsAtTheEnd(sqlite3.Connection):
    """A connection that fails when the last table is created."""

    def cursor(self, *_: object) -> sqlite3.Cursor:  # type: ignore[override] # one factory is enough here
        """Return a cursor that fails."""
        return super().cursor(FailingCursor)


class FailingCursor(sqlite3.Cursor):
    """Fails at one statement."""

    def execute(self, sql: str, parameters: Any = ()) -> Self:  # noqa: ANN401 (as in sqlite3)
        """Fail where settings are created."""
        if "CREATE TABLE settings" in sql:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, parameters)


def test_a_migration_that_fails_leaves_nothing(path: Path) -> None:
    """The schema comes in one transaction: after a failure half-way the next start finds an empty file."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path), connection_factory=FailsAtTheEnd)
        with pytest.raises(StoreFault, match="disk I/O error"):
            await store.open("acc", "kernel")

    asyncio.run(scenario())
    assert schema_of(path) == set()
    assert open_once(path).epoch == 1


def test_stores_of_one_process_migrate_at_the_same_time(tmp_path: Path) -> None:
    """Several kernels that start together each get a whole schema in their own file.

    Alembic's proxies belong to the whole process, so two migrations at once would mix the files up.
    """

    async def all_at_once() -> list[Opened]:
        stores = [SqlStore(SqlStoreSettings(tmp_path / f"{number}.sqlite")) for number in range(6)]
        try:
            return await asyncio.gather(*(store.open("acc", "kernel") for store in stores))
        finally:
            for store in stores:
                await store.close()

    assert [opened.epoch for opened in asyncio.run(all_at_once())] == [1] * 6
    assert [open_once(tmp_path / f"{number}.sqlite").epoch for number in range(6)] == [2] * 6


def test_a_start_at_head_does_without_alembic(path: Path) -> None:
    """Alembic is imported to create or migrate, not to open a file that has the newest schema."""
    program = (
        "import asyncio, sys\n"
        "from fairlead_sqlstore import SqlStore, SqlStoreSettings\n"
        "assert 'sqlalchemy' not in sys.modules and 'sqlmodel' not in sys.modules\n"
        "async def main():\n"
        "    store = SqlStore(SqlStoreSettings(sys.argv[1]))\n"
        "    await store.open('acc', 'kernel')\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    seen = [
        subprocess.run(
            [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert seen == ["True", "False"]


def test_a_newer_schema_is_refused(path: Path) -> None:
    """A file that a later version migrated is not touched, and the refusal says what is known."""
    open_once(path)
    execute(path, "UPDATE fairlead_schema SET version_num = '9999'")
    with pytest.raises(ConfigurationRefused, match=r"9999.*knows up to 0004"):
        open_once(path)

    async def read() -> None:
        async with SqlReader(path):
            pass

    with pytest.raises(ConfigurationRefused, match="9999"):
        asyncio.run(read())


def test_another_programs_database_is_refused(path: Path) -> None:
    """A file with tables that are not ours stays as it is."""
    execute(path, "CREATE TABLE notes (text)")
    before = schema_of(path)
    with pytest.raises(ConfigurationRefused, match="another program"):
        open_once(path)
    assert schema_of(path) == before


def test_another_accounts_database_is_refused(path: Path) -> None:
    """The refusal names both accounts."""
    open_once(path, "mine")
    with pytest.raises(ConfigurationRefused, match=r"'mine', not to 'yours'.*file of its own"):
        open_once(path, "yours")


def test_what_is_no_database_is_refused(path: Path) -> None:
    """A text file, or a database with a damaged header, is refused with the path and a way out."""
    path.write_text("BTC/USDT,1,2,3\n" * 400)
    with pytest.raises(ConfigurationRefused, match=r"not a SQLite database.*backup") as refusal:
        open_once(path)
    assert str(path) in str(refusal.value)
    assert path.read_text().startswith("BTC/USDT")


def test_a_damaged_file_is_refused(path: Path) -> None:
    """SQLite's own check runs at the start: a page that makes no sense is found before anything is sent."""
    fill(path)
    content = bytearray(path.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(JournalDamaged, match="damaged"):
        open_once(path)


def fill(path: Path) -> None:
    """Write some records and rows."""

    async def scenario() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(payloads=[bytes(1_000)] * 50)
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DELETE FROM journal WHERE sequence = 50", "record 50: the journal ends at record 49"),
        (
            "INSERT INTO journal VALUES (51, 0, 'x', 1, x'00', x'00')",
            "record 51: the journal ends at record 51",
        ),
        ("UPDATE journal SET hash = x'00' WHERE sequence = 50", "record 50: its hash"),
        ("UPDATE store_state SET head_sequence = 7", "record 8: the journal ends at record 50"),
    ],
)
def test_a_journal_that_does_not_end_at_its_head_is_refused(path: Path, damage: str, found: str) -> None:
    """A record cut off, added or rewritten at the end is found at the start and named."""
    fill(path)
    execute(path, damage)
    with pytest.raises(JournalDamaged, match=found):
        open_once(path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The refusal names the file that cannot be made."""
    with pytest.raises(StoreFault, match="nowhere"):
        open_once(tmp_path / "nowhere" / "bot.sqlite")
