"""Rules about what comes back from a store."""

from __future__ import annotations

import random
from decimal import Decimal
from operator import itemgetter

import pytest

from fairlead.errors import UnknownName
from fairlead.ports.store import TABLES, OutboxRow, Scalar, Table
from fairlead.testing.conformance.store_batches import Scribe, sample_row, setting
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.conformance.store_rule import StoreRules, rule

_DIGITS = 38
_TEXTS = (
    "",
    "'; DROP TABLE orders; --",
    'say "yes"',
    "a\nb\tc\\d",
    "100%_?:x",
    "Zürich 日本 🚀",
    " padded ",
    "NULL",
    "1e5",
    "007",
)
_INTEGERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))


def exact_numbers() -> list[Decimal]:
    """Return numbers that a float, or a column of fixed scale, would change."""
    drawn = random.Random(38)
    numbers = [Decimal(text) for text in ("0", "-0.1", "0.10", "1E-18", "1E-38", "21000000.00000001")]
    numbers += [Decimal(10) ** 37, Decimal("-99999999999999999999.999999999999999999"), Decimal("1E+20")]
    for scale in range(0, _DIGITS + 1, 2):
        digits = tuple(drawn.randint(1, 9) for _ in range(_DIGITS))
        numbers.append(Decimal((scale % 4 // 2, digits, -scale)))
    return numbers


def _key(table: Table, name: str) -> dict[str, str]:
    """Return the texts of a key, all alike."""
    return {column.name: name for column in table.columns if column.name in table.key and column.kind is str}


class ContentRules(StoreRules):
    """Values, keys, look-ups and pages."""

    @rule
    async def test_s11_decimals_are_exact(self, medium: StoreMedium) -> None:
        """S-11 A decimal of up to 38 digits comes back as a `Decimal` with every digit, zeros included."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        numbers = exact_numbers()
        rows = [sample_row("balances", asset=f"{i:03}", total=n) for i, n in enumerate(numbers)]
        await scribe.write(*rows)
        await store.close()
        again = medium.store()
        await again.open("acc", "kernel two")
        found = [row["total"] for row in await again.rows("balances")]
        assert all(type(number) is Decimal for number in found)
        assert [format(number, "f") for number in found] == [format(number, "f") for number in numbers]

    @rule
    async def test_s12_text_is_literal(self, medium: StoreMedium) -> None:
        """S-12 Text comes back literally: quotes, SQL, line breaks, any script, what looks like a number."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(*(setting(text, text[::-1]) for text in _TEXTS))
        assert await store.rows("settings") == [
            {"name": text, "value": text[::-1]} for text in sorted(_TEXTS)
        ]
        for text in _TEXTS:
            assert await store.rows_where("settings", "name", text) == [{"name": text, "value": text[::-1]}]

    @rule
    async def test_s13_every_type_comes_back_as_itself(self, medium: StoreMedium) -> None:
        """S-13 Integers of 64 bits, truth values and absent values come back as what they were."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        rows = [
            sample_row(
                "orders",
                client_order_id=str(number),
                created_ns=number,
                live=number % 2 == 0,
                limit_price=None if number > 0 else Decimal(0),
            )
            for number in _INTEGERS
        ]
        await scribe.write(*rows)
        found = {row["client_order_id"]: row for row in await store.rows("orders")}
        for row in rows:
            values = row.named()
            stored = found[values["client_order_id"]]
            assert stored == values
            assert {name: type(value) for name, value in stored.items()} == {
                name: type(value) for name, value in values.items()
            }

    @rule
    async def test_s14_rows_are_replaced_by_key(self, medium: StoreMedium) -> None:
        """S-14 A row takes the place of the row with its whole key, in full, and of no other row."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        first = [
            sample_row("positions", symbol=symbol, book=book, quantity=Decimal(1), currency="USDT", episode=1)
            for symbol in ("BTC/USDT", "ETH/USDT")
            for book in ("main", "other")
        ]
        await scribe.write(*first)
        changed = sample_row("positions", symbol="BTC/USDT", book="other", quantity=Decimal(2))
        added = sample_row("positions", symbol="ADA/USDT", book="other", quantity=Decimal(3))
        await scribe.write(changed, added)
        expected = [added, first[0], changed, *first[2:]]
        assert await store.rows("positions") == [row.named() for row in expected]

    @rule
    async def test_s15_every_table_is_there(self, medium: StoreMedium) -> None:
        """S-15 Every table of the port takes rows and gives them back in key order."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        names = ("b", "a", "B", "é", "aa")
        rows = [sample_row(table.name, **_key(table, name)) for table in TABLES for name in names]
        await scribe.write(*rows)
        for table in TABLES:
            mine = [row.named() for row in rows if row.table == table.name]
            in_key_order = sorted(mine, key=itemgetter(*table.key))
            assert await store.rows(table.name) == in_key_order

    @rule
    async def test_s16_live_rows_alone(self, medium: StoreMedium) -> None:
        """S-16 With live_only the rows whose column live is true come, as they are after the last batch."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(*(sample_row("orders", client_order_id=i, live=i in "0123") for i in "01234567"))
        assert [row["client_order_id"] for row in await store.rows("orders", live_only=True)] == list("0123")
        await scribe.write(
            sample_row("orders", client_order_id="1", live=False),
            sample_row("orders", client_order_id="7", live=True),
        )
        assert [row["client_order_id"] for row in await store.rows("orders", live_only=True)] == list("0237")

    @rule
    async def test_s17_look_ups_by_any_column(self, medium: StoreMedium) -> None:
        """S-17 A look-up works on every column, with absent values, and compares decimals as numbers."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        await scribe.write(
            sample_row("orders", client_order_id="a", owner="x", limit_price=Decimal("1.50"), attempt=2),
            sample_row("orders", client_order_id="b", owner="y", limit_price=None, attempt=2, reduces=True),
            sample_row("orders", client_order_id="c", owner="x", limit_price=Decimal("10.0"), attempt=1),
        )
        looked_up: list[tuple[str, Scalar, str]] = [
            ("owner", "x", "ac"),
            ("owner", "X", ""),
            ("attempt", 2, "ab"),
            ("reduces", True, "b"),
            ("limit_price", None, "b"),
            ("limit_price", Decimal("1.5"), "a"),
            ("limit_price", Decimal("1E+1"), "c"),
        ]
        for column, value, expected in looked_up:
            found = await store.rows_where("orders", column, value)
            assert "".join(str(row["client_order_id"]) for row in found) == expected
        await scribe.write(sample_row("orders", client_order_id="a", owner="z"))
        assert [row["client_order_id"] for row in await store.rows_where("orders", "owner", "x")] == ["c"]

    @rule
    async def test_s18_unknown_names_are_refused(self, medium: StoreMedium) -> None:
        """S-18 A look-up in a table or column that is not there is `UnknownName`, never an empty answer."""
        store = medium.store()
        await Scribe.opened(store)
        with pytest.raises(UnknownName):
            await store.rows("no_such_table")
        with pytest.raises(UnknownName):
            await store.rows_where("orders", "no_such_column", "x")

    @rule
    async def test_s19_payloads_are_the_same_bytes(self, medium: StoreMedium) -> None:
        """S-19 Payloads and hashes come back byte for byte, whatever bytes they are."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        payloads = [bytes(range(256)), b"", b"\0" * 9, b'{"a":1}', bytes(100_000), "é".encode("latin-1")]
        batch = await scribe.write(payloads=payloads)
        await store.close()
        again = medium.store()
        await again.open("acc", "kernel two")
        found = await again.envelopes(0, 100)
        assert [envelope.payload for envelope in found] == payloads
        assert found == batch.envelopes

    @rule
    async def test_s20_the_journal_comes_in_pages(self, medium: StoreMedium) -> None:
        """S-20 Records come in order, after the sequence asked for, at most as many as asked for."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        for size in (1, 4, 2):
            await scribe.write(payloads=[b"x"] * size)
        for after in range(9):
            for limit in (1, 3, 7, 100):
                found = await store.envelopes(after, limit)
                expected = list(range(1, 8))[after : after + limit]
                assert [envelope.sequence for envelope in found] == expected

    @rule
    async def test_s21_the_outbox_comes_in_pages(self, medium: StoreMedium) -> None:
        """S-21 Outbox rows come in order; a page may end only between two records, so none is skipped."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        batches = [
            await scribe.write(payloads=[b"x"] * size, told=told) for size, told in ((2, 1), (3, 0), (3, 3))
        ]
        owed = [row for batch in batches for row in batch.outbox]
        for limit in (1, 2, 4, 5, 100):
            told: list[OutboxRow] = []
            after = 0
            while page := await store.outbox(after, limit):
                told += page
                after = page[-1].sequence
            assert told == owed
        assert len(await store.outbox(0, 2)) == 2

    @rule
    async def test_s22_a_large_batch_is_whole(self, medium: StoreMedium) -> None:
        """S-22 A batch of thousands of records and rows is stored whole, in order."""
        store = medium.store()
        scribe = await Scribe.opened(store)
        rows = [sample_row("orders", client_order_id=f"{i:04}", quantity=Decimal(i)) for i in range(1_001)]
        batch = await scribe.write(*rows, payloads=[b"%d" % i for i in range(4_003)])
        assert await store.rows("orders") == [row.named() for row in rows]
        assert await store.envelopes(0, 10_000) == batch.envelopes
        assert await store.outbox(0, 10_000) == batch.outbox
