"""Decimals go through SQLite without losing a digit, and nothing else passes for one."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from fairlead.testing.conformance.store_batches import Scribe, sample_row
from fairlead_sqlstore import SqlReader, SqlStore, SqlStoreSettings
from fairlead_sqlstore.exact_decimal import ExactDecimal, decimal_text, decimal_texts
from fairlead_sqlstore.tables import BalanceRow, OrderRow
from tests.sqlstore.engines import reading_engine

DIGITS_38 = Decimal("-12345678901234567890.123456789012345678")
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number.adjusted()) < 900
)
BAD = [
    pytest.param(0.1, id="float"),
    pytest.param("0.1", id="text"),
    pytest.param(1, id="integer"),
    pytest.param(True, id="truth"),
    pytest.param(Decimal("NaN"), id="nan"),
    pytest.param(Decimal("Infinity"), id="infinity"),
    pytest.param(Decimal("1E+2000"), id="huge"),
    pytest.param(Decimal("1E-2000"), id="tiny"),
]


def test_38_digits_survive_the_file_and_the_orm(tmp_path: Path) -> None:
    """A number of 38 digits is text in the file, and comes back exactly through store and SQLModel alike."""
    path = tmp_path / "bot.sqlite"

    async def write() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("balances", asset="BTC", total=DIGITS_38))
        assert [row["total"] for row in await store.rows("balances")] == [DIGITS_38]
        await store.close()

    asyncio.run(write())
    with reading_engine(path) as engine, Session(engine) as session:
        assert [row.total for row in session.exec(select(BalanceRow))] == [DIGITS_38]
        raw = session.connection().exec_driver_sql("SELECT typeof(total), total FROM balances").one()
        assert tuple(raw) == ("text", str(DIGITS_38))


DIGITS = st.integers(min_value=1, max_value=38).flatmap(
    lambda count: st.tuples(
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=count, max_size=count).map(tuple),
        st.integers(-38, 20),
    )
)


@settings(max_examples=30, deadline=None)
@given(st.lists(DIGITS.map(Decimal), min_size=1, max_size=50))
def test_any_38_digits_survive_the_file(numbers: list[Decimal]) -> None:
    """Whatever digits, sign and scale: text in the file, and the same number again, zeros included."""

    async def main(path: Path) -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        rows = [sample_row("balances", asset=f"{i:03}", total=number) for i, number in enumerate(numbers)]
        await scribe.write(*rows)
        await store.close()
        async with SqlReader(path) as reader:
            found = [row["total"] for row in await reader.rows("balances")]
        assert [format(number, "f") for number in found] == [format(number, "f") for number in numbers]
        assert found == numbers

    with TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "bot.sqlite"))


@given(st.lists(NUMBERS))
def test_text_and_number_are_the_same(numbers: list[Decimal]) -> None:
    """Written out together or one by one, every number has one plain text, which reads back as itself."""
    texts = decimal_texts(numbers)

    assert texts == [decimal_text(number) for number in numbers]
    assert all("E" not in text for text in texts)
    assert [Decimal(text) for text in texts] == numbers


@pytest.mark.parametrize("number", BAD)
def test_what_is_not_exact_is_refused_when_bound(number: object) -> None:
    """Neither the batch path nor the column type lets through what is not an exact, finite decimal."""
    with pytest.raises(ValueError, match=r"Decimal|finite|exponent"):
        decimal_texts([Decimal(1), number])
    with pytest.raises(ValueError, match=r"Decimal|finite|exponent"):
        ExactDecimal().process_bind_param(number, sqlite.dialect())  # type: ignore[arg-type] # on purpose


def test_a_number_that_a_tool_stored_as_a_float_is_not_believed(tmp_path: Path) -> None:
    """A value that another program wrote as a float is refused when it is read, not rounded."""
    path = tmp_path / "bot.sqlite"

    async def write() -> None:
        store = SqlStore(SqlStoreSettings(path))
        scribe = await Scribe.opened(store)
        await scribe.write(sample_row("balances", asset="BTC", total=Decimal(1)))
        await store.close()

    asyncio.run(write())
    with sqlite3.connect(path) as tool:
        tool.execute("UPDATE balances SET total = CAST(0.1 AS BLOB)")
    tool.close()
    with (
        reading_engine(path) as engine,
        Session(engine) as session,
        pytest.raises(ValueError, match="not written"),
    ):
        session.exec(select(BalanceRow)).all()


def test_sql_comparisons_of_money_are_not_built() -> None:
    """SQLite would compare the texts, so "10" before "9"; the query fails before it is sent."""
    column = OrderRow.__table__.c.limit_price  # type: ignore[attr-defined] # SQLModel adds it
    for build in (
        lambda: column > Decimal(9),
        lambda: column == Decimal(9),
        lambda: column + column,
        column.desc,
        lambda: column.in_([Decimal(9)]),
    ):
        with pytest.raises(TypeError, match="load them and use Python"):
            build()
    assert "IS NULL" in str(column.is_(None))


def test_elsewhere_the_column_is_numeric_without_precision() -> None:
    """PostgreSQL gets NUMERIC, which is exact there, and the number itself."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # untyped in SQLAlchemy

    assert ExactDecimal().compile(dialect=dialect) == "NUMERIC"
    assert ExactDecimal().process_bind_param(DIGITS_38, dialect) == DIGITS_38
    assert ExactDecimal().process_result_value(DIGITS_38, dialect) == DIGITS_38
