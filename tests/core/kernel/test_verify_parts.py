"""Verification part by part: where a fold begins and ends, what breaks the chain, and which row differs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.identifiers import account_tag
from fairlead.domain.records import AttemptStarted, CursorMoved, KernelStarted, Record
from fairlead.errors import JournalDamaged
from fairlead.kernel.journal.base_rows import base_of
from fairlead.kernel.journal.codec import seal
from fairlead.kernel.journal.verify import (
    Fold,
    VerifyReport,
    differences,
    fold_journal,
    key_of,
    verify_journal,
)
from fairlead.ports.keeping import Anchor
from fairlead.ports.store import GENESIS_HASH, TABLES, JournalHead, Row, Scalar
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore

STARTED = KernelStarted("main", 1, "host", "version", (), "digest")
RECORDS: tuple[Record, ...] = (
    STARTED,
    *(CursorMoved(f"stream{number}", f"c{number}") for number in range(4)),
)
BY_NAME = {table.name: table for table in TABLES}


def disk_of(records: Sequence[Record] = RECORDS) -> MemoryDisk:
    """Return a disk with these records, ten nanoseconds apart, and with the rows that they make."""
    disk = MemoryDisk()
    disk.envelopes = seal(
        ((number, number * 10, record) for number, record in enumerate(records, 1)), GENESIS_HASH
    )
    put(disk, asyncio.run(fold_journal(MemoryStore(disk))))
    return disk


def put(disk: MemoryDisk, fold: Fold) -> None:
    """Put the rows of a fold on a disk."""
    for name, rows in fold.rows.items():
        there = disk.tables.by_name[name]
        for row in rows.values():
            there.upsert(*there.checked(Row.of(name, dict(row)).values))


def folded(disk: MemoryDisk, account: str = "", **wishes: Any) -> Fold:  # noqa: ANN401 - until, before_ns
    """Return the fold of a disk."""
    return asyncio.run(fold_journal(MemoryStore(disk), account, **wishes))


def report(disk: MemoryDisk, *anchors: Anchor) -> VerifyReport:
    """Return what verification says of a disk."""
    return asyncio.run(verify_journal(MemoryStore(disk), anchors))


def anchor_at(disk: MemoryDisk, sequence: int) -> Anchor:
    """Return an anchor behind this record, with every row of then."""
    fold = folded(disk, until=sequence)
    base = base_of({name: list(rows.values()) for name, rows in fold.rows.items()})
    return Anchor(sequence, fold.head.hash, sequence * 10, "", "", base)


def cursors(fold: Fold) -> list[str]:
    """Return the streams whose cursor is in the rows."""
    names = [str(row["name"]) for row in fold.rows["settings"].values()]
    return sorted(name.removeprefix("cursor:") for name in names if name.startswith("cursor:"))


def test_a_sound_journal_is_told_with_its_figures() -> None:
    """How many records, up to which one, and how many rows were compared: those of notifiers are none."""
    disk = disk_of()
    there = disk.tables.by_name["notifiers"]
    there.upsert(*there.checked(sample_row("notifiers", name="phone").values))
    rows = len(disk.tables.by_name["settings"].rows)
    assert rows >= 5
    found = report(disk)
    assert found == VerifyReport(5, JournalHead(5, disk.envelopes[-1].hash), rows, ())
    assert found.ok


@pytest.mark.parametrize(
    ("wishes", "records"),
    [
        ({}, 5),
        ({"until": 0}, 0),
        ({"until": 1}, 1),
        ({"until": 3}, 3),
        ({"until": 5}, 5),
        ({"until": 9}, 5),
        ({"before_ns": 10}, 0),
        ({"before_ns": 30}, 2),
        ({"before_ns": 31}, 3),
        ({"before_ns": 99}, 5),
        ({"until": 2, "before_ns": 50}, 2),
        ({"until": 4, "before_ns": 20}, 1),
    ],
)
def test_a_fold_ends_where_it_was_told_to(wishes: Mapping[str, Any], records: int) -> None:
    """With that record, or before the first that is not older than a time; its rows are those of then."""
    disk = disk_of()
    fold = folded(disk, **wishes)
    last = disk.envelopes[records - 1].hash if records else GENESIS_HASH
    assert (fold.records, fold.head) == (records, JournalHead(records, last))
    assert cursors(fold) == [f"stream{number}" for number in range(records - 1)]


def test_a_fold_knows_the_account_of_its_journal() -> None:
    """What the first record says counts; before it, what the caller said."""
    disk = disk_of()
    for account in ("", "other"):
        fold = folded(disk, account)
        assert (fold.state.account, fold.state.account_tag) == ("main", account_tag("main"))
    for account, tag in (("", ""), ("other", account_tag("other"))):
        fold = folded(disk, account, until=0)
        assert (fold.state.account, fold.state.account_tag) == (account, tag)


def test_a_fold_leaves_nothing_that_waits_to_be_written() -> None:
    """Each row is taken in once, as it is at the end of its page."""
    fold = folded(disk_of())
    assert fold.state.dirty.settings == {}


@pytest.mark.parametrize("sequence", [1, 3, 4])
def test_a_fold_goes_on_from_the_anchor_that_its_journal_follows(sequence: int) -> None:
    """The one whose record comes right before the first that is left, whichever others there are."""
    disk = disk_of()
    whole = folded(disk)
    anchors = [anchor_at(disk, each) for each in (1, 3, 4)]
    disk.envelopes = disk.envelopes[sequence:]
    fold = asyncio.run(fold_journal(MemoryStore(disk), anchors=anchors))
    assert (fold.records, fold.head, fold.rows) == (5 - sequence, whole.head, whole.rows)
    assert (fold.state.account, fold.state.cursors) == ("main", whole.state.cursors)
    assert report(disk, *anchors).problems == ()


def test_a_journal_of_which_everything_was_archived_stands_at_its_last_anchor() -> None:
    """No record is left: the state is that of the last anchor, and the rows are those that stayed."""
    disk = disk_of()
    anchors = anchor_at(disk, 3), anchor_at(disk, 5)
    head = JournalHead(5, disk.envelopes[-1].hash)
    rows = len(disk.tables.by_name["settings"].rows)
    disk.envelopes = []
    assert report(disk, *anchors) == VerifyReport(0, head, rows, ())


def test_an_archive_is_whole_with_the_rows_that_its_own_anchor_says_stayed() -> None:
    """Its last anchor is its end: what did not move is compared with what the anchor keeps of it."""
    disk = disk_of()
    first, second, last = (anchor_at(disk, number) for number in (1, 2, 5))
    disk.tables.by_name["settings"].rows.clear()
    assert len(report(disk).problems) >= 5
    assert report(disk, first, second, last).problems == ()
    assert len(report(disk, last, first, second).problems) >= 5


def damaged(number: int, **changes: object) -> MemoryDisk:
    """Return a disk of which one record was changed."""
    disk = disk_of()
    disk.envelopes[number - 1] = replace(disk.envelopes[number - 1], **changes)
    return disk


def test_a_broken_chain_names_its_first_bad_record() -> None:
    """What came before it is sound, and nothing behind it is believed; rows are not compared."""
    for disk, words in (
        (damaged(3, payload=b"{}"), "record 3: its bytes do not match the chain"),
        (damaged(3, sequence=4), "record 4: it follows 2, records are missing or out of order"),
        (damaged(3, hash=b"x"), "record 3: its bytes do not match the chain"),
    ):
        with pytest.raises(JournalDamaged, match=words):
            folded(disk)
        number = int(words.split()[1].rstrip(":"))
        found = report(disk)
        assert (found.records, found.head) == (number - 1, JournalHead(number - 1, b""))
        assert (found.rows_compared, len(found.problems), found.ok) == (0, 1, False)
        assert words in found.problems[0]


def test_a_record_about_nothing_is_damage() -> None:
    """An order that no earlier record made: the chain is right, and the journal is not."""
    disk = MemoryDisk()
    records: tuple[Record, ...] = (STARTED, AttemptStarted("never", 1, 0, 0))
    disk.envelopes = seal(((number, number, each) for number, each in enumerate(records, 1)), GENESIS_HASH)
    with pytest.raises(JournalDamaged, match="record 2: it refers to 'never', which no earlier record made"):
        folded(disk)


def order(**values: Scalar) -> Mapping[str, Scalar]:
    """Return the row of an order."""
    return sample_row("orders", **values).named()


def test_every_difference_is_a_sentence_of_its_own() -> None:
    """Rows that are missing, then those that are too many, then each value."""
    table = BY_NAME["fills"]
    rows = [sample_row("fills", client_order_id=name, trade_id="1").named() for name in "abcd"]
    folded_rows = {key_of(table, row): row for row in rows[:3]}
    stored: dict[tuple[Scalar, ...], Mapping[str, Scalar]] = {
        key_of(table, rows[1]): {**rows[1], "quantity": Decimal(2), "side": "sell"},
        key_of(table, rows[2]): {**rows[2], "ts_event": 7},
        key_of(table, rows[3]): rows[3],
    }
    assert differences(table, folded_rows, stored) == [
        "fills a/1: in the journal, no row",
        "fills d/1: a row, not in the journal",
        "fills b/1: side is sell, the journal says buy",
        "fills b/1: quantity is 2, the journal says 0",
        "fills c/1: ts_event is 7, the journal says 0",
    ]


@pytest.mark.parametrize(
    ("column", "stored", "is_same"),
    [
        ("quantity", Decimal("1.50"), True),
        ("quantity", Decimal("1.51"), False),
        ("quantity", "1.5", False),
        ("limit_price", None, True),
        ("limit_price", Decimal(0), False),
        ("attempt", 1, True),
        ("attempt", 2, False),
        ("attempt", Decimal(1), False),
        ("attempt", True, False),
        ("owner", "bot", True),
        ("owner", "bots", False),
    ],
)
def test_values_are_compared_to_the_last_digit(
    column: str,
    stored: Scalar,
    is_same: bool,  # noqa: FBT001 - a case
) -> None:
    """Decimals by value, however many zeros were written; everything else with its type."""
    row = order(client_order_id="a", quantity=Decimal("1.5"), attempt=1, owner="bot")
    told = differences(BY_NAME["orders"], {("a",): row}, {("a",): {**row, column: stored}})
    assert bool(told) is not is_same


def test_a_changed_row_is_found_by_verification() -> None:
    """Of every table that records stand for; a notifier's row may say anything."""
    disk = disk_of()
    there = disk.tables.by_name["settings"]
    key, values = next((key, row) for key, row in there.rows.items() if key[0] == "cursor:stream1")
    there.rows[key] = (values[0], "another")
    assert report(disk).problems == ("settings cursor:stream1: value is another, the journal says c1",)
