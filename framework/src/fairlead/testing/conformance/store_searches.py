"""Rules about searching a store: by owner, tag, note and time, as the kernel's history is asked for."""

from __future__ import annotations

import pytest

from fairlead.errors import UnknownName
from fairlead.ports.searches import Search
from fairlead.ports.store import Row
from fairlead.testing.conformance.store_batches import Scribe, sample_row
from fairlead.testing.conformance.store_medium import StoreMedium
from fairlead.testing.conformance.store_rule import StoreRules, rule

_TAGGED = ("", '["a"]', '["a","night"]', '["a-b","Night"]', '["night"]', '["nightly"]')
_NOTES = ("", "50% off_", "5x off!", "Break'out", "broke out", "Zürich 日本")


def _orders() -> list[Row]:
    return [
        sample_row(
            "orders",
            client_order_id=str(number),
            owner="xy"[number % 2],
            tags=tags,
            note=note,
            created_ns=2**62 + number // 2,
            live=number > 3,
        )
        for number, (tags, note) in enumerate(zip(_TAGGED, _NOTES, strict=True))
    ]


async def _found(scribe: Scribe, wanted: Search) -> str:
    rows = await scribe.store.search("orders", wanted)
    written = {row.named()["client_order_id"]: row.named() for row in _orders()}
    assert all(written[row["client_order_id"]] == row for row in rows), "a search gives whole rows"
    return "".join(str(row["client_order_id"]) for row in rows)


class SearchRules(StoreRules):
    """What a search finds, in which order, and what it refuses."""

    @rule
    async def test_s32_a_search_narrows_by_all_it_is_given(self, medium: StoreMedium) -> None:
        """S-32 A search finds the rows that have the equal values and lie in the span, and no others."""
        scribe = await Scribe.opened(medium.store())
        await scribe.write(*_orders())
        first = 2**62
        searches: list[tuple[Search, str]] = [
            (Search(), "012345"),
            (Search(equal=(("owner", "x"),)), "024"),
            (Search(equal=(("owner", "X"),)), ""),
            (Search(equal=(("owner", "x"), ("live", True))), "4"),
            (Search(equal=(("live", False),)), "0123"),
            (Search(equal=(("created_ns", first + 1),)), "23"),
            (Search(since=("created_ns", first + 1)), "2345"),
            (Search(before=("created_ns", first + 1)), "01"),
            (Search(since=("created_ns", first + 1), before=("created_ns", first + 2)), "23"),
            (Search(equal=(("owner", "y"),), since=("created_ns", first + 1)), "35"),
        ]
        for wanted, expected in searches:
            assert await _found(scribe, wanted) == expected, wanted

    @rule
    async def test_s33_a_search_takes_parts_literally(self, medium: StoreMedium) -> None:
        """S-33 A search by a part of a text takes it literally: case counts, and no character is special."""
        scribe = await Scribe.opened(medium.store())
        await scribe.write(*_orders())
        searches: list[tuple[tuple[tuple[str, str], ...], str]] = [
            ((("tags", '"a"'),), "12"),
            ((("tags", '"night"'),), "24"),
            ((("tags", '"Night"'),), "3"),
            ((("tags", '"a"'), ("tags", '"night"')), "2"),
            ((("note", "50%"),), "1"),
            ((("note", "off_"),), "1"),
            ((("note", "% o"),), "1"),
            ((("note", "'"),), "3"),
            ((("note", "out"),), "34"),
            ((("note", "BREAK"),), ""),
            ((("note", "日"),), "5"),
            ((("note", "out"), ("tags", '"night"')), "4"),
        ]
        for parts, expected in searches:
            assert await _found(scribe, Search(parts=parts)) == expected, parts

    @rule
    async def test_s34_a_search_comes_in_order(self, medium: StoreMedium) -> None:
        """S-34 A search comes in key order, or the newest first and equal ones by key, up to a limit."""
        scribe = await Scribe.opened(medium.store())
        await scribe.write(*reversed(_orders()))
        assert await _found(scribe, Search()) == "012345"
        assert await _found(scribe, Search(limit=2)) == "01"
        assert await _found(scribe, Search(newest_by="created_ns")) == "452301"
        assert await _found(scribe, Search(newest_by="created_ns", limit=3)) == "452"
        assert await _found(scribe, Search(equal=(("owner", "y"),), newest_by="created_ns", limit=2)) == "53"
        await scribe.write(sample_row("orders", client_order_id="5", owner="z", created_ns=1))
        found = await scribe.store.search("orders", Search(newest_by="created_ns"))
        assert [row["client_order_id"] for row in found] == list("423015")

    @rule
    async def test_s35_a_search_refuses_what_it_cannot_do(self, medium: StoreMedium) -> None:
        """S-35 A search by a column that is not there, or not of the right kind, is `UnknownName`."""
        scribe = await Scribe.opened(medium.store())
        for table, wanted in (
            ("no_such_table", Search()),
            ("orders", Search(equal=(("no_such_column", "x"),))),
            ("orders", Search(equal=(("quantity", 1),))),
            ("orders", Search(parts=(("attempt", "1"),))),
            ("orders", Search(since=("owner", 1))),
            ("orders", Search(before=("quantity", 1))),
            ("orders", Search(newest_by="owner")),
        ):
            with pytest.raises(UnknownName):
                await scribe.store.search(table, wanted)
