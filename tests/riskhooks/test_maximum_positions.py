"""The position limits: open positions + pending opens - pending closes, per symbol and in total."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.ledger import Position
from fairlead.ports.risk import ALLOW, RiskRequest
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.maximum_positions import (
    MaximumPositions,
    MaximumPositionsSettings,
    PendingClosePolicy,
)
from tests.riskhooks.orders import denial, instrument_of, order

TOTAL = "POSITIONS_LIMIT_REACHED"
PER_SYMBOL = "SYMBOL_POSITIONS_LIMIT_REACHED"


def position(symbol: str = "BTC/USDT", book: str = "bot", **state: Any) -> Position:  # noqa: ANN401 - any state
    """Return a position of one key."""
    return Position(symbol, book, "USDT", **state)


def held(symbol: str = "BTC/USDT", book: str = "bot", quantity: str = "1", reserved: str = "0") -> Position:
    """Return an open position, of which some quantity is reserved by reducing orders."""
    return position(symbol, book, quantity=Decimal(quantity), reserved_exit=Decimal(reserved))


def opening(symbol: str = "BTC/USDT", book: str = "bot", orders: int = 1) -> Position:
    """Return a flat position with pending opening orders."""
    return position(symbol, book, pending_openings=orders)


def asked(positions: list[Position], symbol: str = "BTC/USDT", book: str = "bot", **settings: Any) -> str:  # noqa: ANN401
    """Return the code with which an order is denied, or the empty string."""
    check = MaximumPositions(MaximumPositionsSettings(**settings))
    request = order(instrument=instrument_of(symbol), book=book)
    judgement = check.judge(request, FakeRiskView(positions), check.initial())
    return "" if judgement == ALLOW else denial(judgement).code


OPTIMISTIC = PendingClosePolicy.OPTIMISTIC
CLOSING = held("ETH/USDT", reserved="1")
HALF_CLOSING = held("ETH/USDT", reserved="0.5")
CLOSING_SHORT = held("ETH/USDT", quantity="-1", reserved="1")
CLOSING_AND_OPENING = position("ETH/USDT", quantity=Decimal(1), reserved_exit=Decimal(1), pending_openings=1)

# Positions, what is asked for, settings, and the code of the denial or the empty string.
CASES: tuple[tuple[list[Position], dict[str, Any], str], ...] = (
    ([], {"total": 1}, ""),
    ([], {"per_symbol": 1}, ""),
    ([held("ETH/USDT")], {"total": 1}, TOTAL),
    ([held("ETH/USDT")], {"total": 2}, ""),
    ([opening("ETH/USDT")], {"total": 1}, TOTAL),
    ([opening("ETH/USDT", orders=3)], {"total": 2}, ""),
    ([held("ETH/USDT"), opening("XRP/USDT")], {"total": 2}, TOTAL),
    ([position("ETH/USDT")], {"total": 1}, ""),
    ([held("ETH/USDT")], {"per_symbol": 1}, ""),
    ([held(book="other")], {"per_symbol": 1}, PER_SYMBOL),
    ([opening(book="other")], {"per_symbol": 1}, PER_SYMBOL),
    ([held(book="other")], {"per_symbol": 2}, ""),
    ([held(book="other")], {"per_symbol": 2, "total": 1}, TOTAL),
    ([held(book="other")], {"per_symbol": 1, "total": 1}, PER_SYMBOL),
    ([held(quantity="-1", book="other")], {"per_symbol": 1}, PER_SYMBOL),
    # Pending closes count under the strict policy; under the optimistic one not where they cover all.
    ([CLOSING], {"total": 1}, TOTAL),
    ([CLOSING], {"total": 1, "pending_close_policy": OPTIMISTIC}, ""),
    ([CLOSING_SHORT], {"total": 1, "pending_close_policy": OPTIMISTIC}, ""),
    ([HALF_CLOSING], {"total": 1, "pending_close_policy": OPTIMISTIC}, TOTAL),
    ([CLOSING_AND_OPENING], {"total": 1, "pending_close_policy": OPTIMISTIC}, TOTAL),
    ([held(book="other", reserved="1")], {"per_symbol": 1}, PER_SYMBOL),
    ([held(book="other", reserved="1")], {"per_symbol": 1, "pending_close_policy": OPTIMISTIC}, ""),
    # An order that adds to its own key takes no new place, but not beyond the limit of its symbol.
    ([held()], {"total": 1}, ""),
    ([opening()], {"total": 1}, ""),
    ([held()], {"per_symbol": 1}, PER_SYMBOL),
    ([opening()], {"per_symbol": 1}, PER_SYMBOL),
    ([held()], {"per_symbol": 2}, ""),
    ([held()], {"per_symbol": 1, "total": 1, "allow_increase": True}, ""),
    ([held(), held("ETH/USDT")], {"total": 1, "allow_increase": True}, ""),
    ([held(book="other")], {"per_symbol": 1, "allow_increase": True}, PER_SYMBOL),
    # A key that is being closed is not counted optimistically, so opening it again takes a place.
    ([held(reserved="1")], {"per_symbol": 1, "pending_close_policy": OPTIMISTIC}, ""),
    (
        [held(reserved="1"), held("ETH/USDT")],
        {"total": 1, "pending_close_policy": OPTIMISTIC, "allow_increase": True},
        TOTAL,
    ),
)


@pytest.mark.requirement("P1-2", "TEST-3")
@pytest.mark.parametrize(("positions", "settings", "code"), CASES)
def test_case(positions: list[Position], settings: dict[str, Any], code: str) -> None:
    """One row of the table above, for an order that opens BTC/USDT in the book bot."""
    assert asked(positions, **settings) == code


@pytest.mark.requirement("P1-2")
def test_denial_names_count_limit_and_policy() -> None:
    """A trader can read what was counted and how."""
    check = MaximumPositions(MaximumPositionsSettings(total=1))

    found = denial(check.judge(order(), FakeRiskView([held("ETH/USDT")]), ""))

    assert found.reason == "1 of 1 positions in total are open or pending (pending closes counted: strict)."
    assert found.figures == (("exposed_positions", "1"), ("limit", "1"), ("pending_close_policy", "strict"))


def test_reduction_is_never_denied() -> None:
    """The way out stays open, however full the limits are."""
    check = MaximumPositions(MaximumPositionsSettings(total=1, per_symbol=1))

    assert check.judge(order(reduces=True), FakeRiskView([held(), held("ETH/USDT")]), "") == ALLOW


def fill_up(
    check: MaximumPositions, requests: list[RiskRequest], positions: dict[tuple[str, str], Position]
) -> list[str]:
    """Judge and reserve in one step, as the gate does; return each denial's code, empty when approved."""
    codes = []
    for request in requests:
        judgement = check.judge(request, FakeRiskView(positions.values()), "")
        if judgement == ALLOW:
            key = (request.symbol, request.book)
            positions.setdefault(key, position(*key)).pending_openings += 1
        codes.append("" if judgement == ALLOW else denial(judgement).code)
    return codes


@pytest.mark.requirement("P1-2", "TEST-3")
def test_a_thousand_proposals_fill_five_places_by_pending_orders_alone() -> None:
    """With no fill at all, 5 of 1,000 proposals over 20 symbols pass, and 995 are denied."""
    check = MaximumPositions(MaximumPositionsSettings(total=5, per_symbol=1))
    requests = [order(instrument=instrument_of(f"C{number % 20}/USDT")) for number in range(1000)]

    codes = fill_up(check, requests, {})

    assert codes.count("") == 5
    assert set(codes) == {"", TOTAL, PER_SYMBOL}
    assert codes[:6] == ["", "", "", "", "", TOTAL]
    assert codes[20] == PER_SYMBOL


@pytest.mark.parametrize(
    "settings",
    [{}, {"total": 0}, {"per_symbol": -1}, {"total": True}, {"total": "5"}, {"total": 5, "per_symbol": 0}],
)
def test_settings_without_a_real_limit_are_refused(settings: dict[str, Any]) -> None:
    """No limit, or one of zero, is a mistake and not a wish."""
    with pytest.raises(ValueError, match=r"total|per_symbol"):
        MaximumPositionsSettings(**settings)
