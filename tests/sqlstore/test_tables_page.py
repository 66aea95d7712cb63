"""The page of tables names every column with its meaning, and its queries give what they promise, exactly."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigurationRefused
from fairlead.ports.store import TABLES
from fairlead_sqlstore import SqlStore, SqlStoreSettings, connect_for_queries, tables
from fairlead_sqlstore.exact_queries import ExactSum, compare
from tests.sqlstore.test_upgrades import OLD, build, open_once

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^([^\n]+):\n\n```sql\n(.+?);\n```", PAGE, re.MULTILINE | re.DOTALL))
FILLED, SOLD = "dd56de411a21da476be51ccdf61f5ccc", "dd56de411a21da477303c818b75e7ee5"
LIVE = "dd56de411a21da4780c5f9a395c40bc9"

ANSWERS: dict[str, list[tuple[object, ...]]] = {
    "Open orders, the oldest first": [
        (LIVE, "other", "buy", "1", "BTC/USDT", "80", "0", "working"),
    ],
    "Orders with a tag": [(FILLED, "filled", "first, a long one"), (SOLD, "filled", "")],
    "Orders by a part of the note, whatever its case": [(FILLED, "first, a long one")],
    "Orders of an owner since a day": [(LIVE, "BTC/USDT", "working")],
    "P&L of closed episodes by day and currency, fees apart": [
        ("1970-01-01", "USDT", "20.75000000", "0.42", 1)
    ],
    "Fees by currency": [("USDT", "0.42", 3)],
    "The dearest fills": [("BTC/USDT", "sell", "2", "110"), ("BTC/USDT", "buy", "0.5", "100")],
}
"""What each query finds in the oldest golden database."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the golden database, upgraded."""
    path = build(OLD[0], tmp_path_factory.mktemp("store") / "bot.sqlite")
    open_once(SqlStoreSettings(path, backup_before_upgrade=False))
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection for queries."""
    with closing(connect_for_queries(path)) as connection:
        yield connection


def test_the_page_has_queries_and_each_has_an_answer() -> None:
    """No query on the page is untried."""
    assert set(QUERIES) == set(ANSWERS)


@pytest.mark.parametrize("title", ANSWERS)
def test_a_query_of_the_page_finds_what_is_there(connection: sqlite3.Connection, title: str) -> None:
    """Each query, as it is printed, finds the rows that a real kernel wrote."""
    assert connection.execute(QUERIES[title]).fetchall() == ANSWERS[title]


@pytest.mark.parametrize("name", tables.metadata.tables)
def test_the_page_has_every_column_with_its_meaning(name: str) -> None:
    """A table's section lists its columns in order, each with type and meaning."""
    section = PAGE.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)`( \(key\))? \| ([\w ]+) \| (.+) \|$", section, re.MULTILINE)
    columns = tables.metadata.tables[name].columns
    assert [row[0] for row in rows] == [column.name for column in columns]
    assert [bool(row[1]) for row in rows] == [column.primary_key for column in columns]
    assert [row[2].endswith("or NULL") for row in rows] == [column.nullable for column in columns]


def test_the_page_has_every_table_of_the_port() -> None:
    """What the kernel stores is documented, whichever table it is in."""
    assert {table.name for table in TABLES} <= set(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE))


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**9), max_value=10**9)


@given(st.lists(AMOUNTS))
def test_sums_are_exact(numbers: list[Decimal]) -> None:
    """However many and however small, nothing is rounded, and the order does not matter."""
    total = ExactSum()
    for number in numbers:
        total.step(format(number, "f"))
    scaled = sum(int(number.scaleb(18)) for number in numbers)
    assert Decimal(total.finalize()) == Decimal(scaled).scaleb(-18)


def test_a_float_would_have_been_wrong(connection: sqlite3.Connection) -> None:
    """SQLite's own sum of the same texts is another number; ours is not."""
    plain, exact = connection.execute(
        "SELECT sum(column1), exact_sum(column1)"
        " FROM (VALUES ('0.1'), ('0.2'), ('12345678901234567890.12345678'), (NULL))"
    ).fetchone()
    assert exact == "12345678901234567890.42345678"
    assert isinstance(plain, float)


def test_comparison_is_by_number(connection: sqlite3.Connection) -> None:
    """10 is more than 9, 1.0 is 1.00, and what is no number is an error, never 0."""
    assert connection.execute("SELECT '10' < '9', exact_compare('10', '9')").fetchone() == (1, 1)
    assert compare("1.0", "1.00") == 0
    with pytest.raises(sqlite3.OperationalError, match="raised error"):
        connection.execute("SELECT exact_sum('ten')").fetchone()
    with pytest.raises(sqlite3.OperationalError, match="raised error"):
        connection.execute("SELECT exact_sum(0.1)").fetchone()


def test_queries_cannot_write_and_run_beside_a_kernel(path: Path) -> None:
    """The connection is read-only, and a kernel takes the store while it is open."""

    async def main() -> None:
        store = SqlStore(SqlStoreSettings(path))
        with closing(connect_for_queries(path)) as connection:
            await store.open("golden", "kernel")
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (4,)
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute("DELETE FROM orders")
            await store.close()

    asyncio.run(main())


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """A path without a store, and a store that was not upgraded, say so."""
    with pytest.raises(ConfigurationRefused, match="cannot be opened"):
        connect_for_queries(tmp_path / "none.sqlite")
    with pytest.raises(ConfigurationRefused, match="older schema 0001"):
        connect_for_queries(build(OLD[0], tmp_path / "old.sqlite"))
