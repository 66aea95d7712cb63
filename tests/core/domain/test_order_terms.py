"""The table of an order's terms: every cell says what happens to a proposal that has the term or not."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.domain.order_terms import FIELD_OF_COLUMN, FIX, ROWS, SIZES, TABLE, Need
from fairlead.domain.proposals import Proposal
from fairlead.errors import InvalidInput

GIVEN: dict[str, dict[str, Any]] = {
    "limit_price": {"limit_price": "100"},
    "trigger_price": {"trigger_price": "100"},
    "trailing": {"trailing_rate": "2%"},
    "max_slippage": {"max_slippage": "1%"},
    "post_only": {"post_only": True},
    "expire_ns": {"expire_ns": 1},
    "stop_loss": {"stop_loss": "90"},
    "side": {"side": "buy"},
    **{force.value: {"time_in_force": force} for force in TimeInForce},
}
"""How each column is given."""

HOST: dict[str, dict[str, Any]] = {
    **{order_type.value: {"order_type": order_type} for order_type in OrderType},
    **{force.value: {"order_type": "limit", "time_in_force": force} for force in TimeInForce},
    **{size: {size: "1"} for size in SIZES},
}
"""A proposal that the row applies to, before what it must have."""

LIKELY: dict[str, str] = {"trigger_price": "stop", "trailing": "trailing_stop"}
"""For the rows of sizes: the type that a term makes sense with."""


def wishes_of(row: str, column: str, *, given: bool) -> dict[str, Any]:
    """Return a proposal's fields that are right in every respect but the one column."""
    wishes: dict[str, Any] = {"symbol": "BTC/USDT", **HOST[row]}
    if given and row in SIZES:
        wishes["order_type"] = LIKELY.get(column, "market")
    if not set(SIZES) & wishes.keys():
        wishes["quantity"] = "1"
    if "target" not in wishes:
        wishes["side"] = "buy"
    rows = [wishes.get("order_type", "market"), wishes.get("time_in_force", "gtc"), row]
    for term in [term for name in rows for term in ROWS[name][0] if TABLE[name, term] is Need.MUST]:
        wishes.update(GIVEN[term])
    for field in GIVEN[column]:
        wishes.pop(field, None)
    if given:
        wishes.update(GIVEN[column])
    if wishes.get("time_in_force") == "gtd":
        wishes.setdefault("expire_ns", 1)
    return wishes


@pytest.mark.parametrize(("row", "column"), TABLE)
def test_every_cell_is_kept(row: str, column: str) -> None:
    """A term that must be there is demanded, one that may be is taken, any other is refused."""
    need = TABLE[row, column]
    wishes = wishes_of(row, column, given=True)
    without = wishes_of(row, column, given=False)
    if row == "gtd" and column == "expire_ns":
        without.pop("expire_ns")
    if need is Need.NO:
        assert_refused(wishes, column)
    else:
        Proposal(**wishes)
    if need is Need.MUST:
        assert_refused(without, column)
    elif column != "gtc":
        Proposal(**without)


def assert_refused(wishes: dict[str, Any], column: str) -> None:
    """Require that the proposal is refused for the column's field, with a fix."""
    with pytest.raises(InvalidInput) as caught:
        Proposal(**wishes)
    assert caught.value.field == FIELD_OF_COLUMN.get(column, column)
    assert caught.value.fix == FIX[caught.value.field]
    assert str(caught.value).isprintable()


def test_every_type_time_and_size_has_a_row() -> None:
    """The table is whole: nothing can be said that it does not decide."""
    assert set(ROWS) == {*OrderType, *TimeInForce, *SIZES}
    assert set(FIX) == {FIELD_OF_COLUMN.get(column, column) for _, column in TABLE}


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"risk": "1"}, "an order sized by risk needs one"),
        ({"quantity": "1", "order_type": "limit"}, "a limit order needs one"),
        ({"quantity": "1", "trigger_price": "90"}, "a market order takes none"),
        (
            {"quantity": "1", "time_in_force": "ioc", "limit_price": "1", "post_only": True},
            "a ioc order takes none",
        ),
        ({"quantity": "1", "risk": "2"}, "both quantity and risk were given"),
        ({}, "none was given"),
    ],
)
def test_a_complaint_says_about_which_kind_of_order_it_is(wishes: dict[str, Any], said: str) -> None:
    """Its type, its time or how it is sized: whoever reads it knows which of the terms to change."""
    with pytest.raises(InvalidInput, match=said):
        Proposal.buy("BTC/USDT", **wishes)
