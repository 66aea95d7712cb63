"""An order is meant by its whole id or by enough of either end of it; several are never taken for one."""

from __future__ import annotations

import pytest

from fairlead.domain.order_names import ending_of, order_meant
from fairlead.errors import InvalidInput, UnknownName

TAG = "9f86d081"
FIRST = TAG + "0197a1b2c3d" + "0000000000abc"
SECOND = TAG + "0197a1b2c3d" + "1111111111abc"
OTHER = "ab12cd34" + "0" * 24
IDS = (FIRST, SECOND, OTHER)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (FIRST, FIRST),
        (SECOND[-6:], SECOND),
        (FIRST[-10:], FIRST),
        ("…" + SECOND[-8:], SECOND),
        (ending_of(OTHER), OTHER),
        ("ab12cd", OTHER),
        (FIRST[:20], FIRST),
    ],
)
def test_a_unique_beginning_or_ending_means_its_order(name: str, meant: str) -> None:
    """Six characters or more, as typed or as copied from a table."""
    assert order_meant(name, IDS, fix="") == meant


@pytest.mark.parametrize("name", ["", "…", "0" * 5, SECOND[-5:], "0197a1b2c3d", FIRST + "0", "nobody"])
def test_what_means_no_order_is_unknown(name: str) -> None:
    """Too short, from the middle or of no order: the error says what to do."""
    with pytest.raises(UnknownName, match="is not known") as caught:
        order_meant(name, IDS, fix="List them.")
    assert caught.value.fix == "List them."


def test_a_whole_id_is_its_order_though_another_begins_with_it() -> None:
    """An adopted order's id may be the beginning of another's: who types all of it means that one."""
    assert order_meant(FIRST, [FIRST + "0", FIRST], fix="") == FIRST


def test_several_candidates_are_listed_and_none_is_taken() -> None:
    """A beginning that the account shares names every candidate, or as many as are read and how many more."""
    with pytest.raises(InvalidInput, match=f"fits 2 orders: {FIRST}, {SECOND}\\."):
        order_meant(TAG, IDS, fix="")
    many = [TAG + f"{number:024d}" for number in range(7)]
    with pytest.raises(InvalidInput, match=f"fits 7 orders: {', '.join(many[:5])} and 2 more\\."):
        order_meant(TAG, many, fix="")


def test_a_beginning_and_an_ending_count_alike() -> None:
    """What begins one order and ends another means neither."""
    with pytest.raises(InvalidInput, match="fits 2 orders"):
        order_meant("ab12cd", [OTHER, TAG + "0" * 18 + "ab12cd"], fix="")


def test_nothing_has_no_ending() -> None:
    """A cell without an order stays empty."""
    assert ending_of("") == ""
