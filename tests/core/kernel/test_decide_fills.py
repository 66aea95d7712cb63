"""What follows from one trade, said whole: what is booked, what is wrong with it, and what is not ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.change_records import ModifyRejected
from fairlead.domain.changes import Terms, Wish
from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.records import (
    AnomalyNoted,
    OrderEventNoted,
    OrderFilled,
    TradingStateChanged,
)
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.fill_rows import fill_digest
from fairlead.kernel.core.venue_inputs import FillReported, OrderReported
from fairlead.ports.exchange import FillReport, OrderReport, VenueStatus
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.deciding import NOW_NS, Deciding, rules_of

D = Decimal
WORKING, UNRESOLVED = OrderState.WORKING, OrderState.UNRESOLVED
EVENT_NS = 66


def laid_out(**facts: Any) -> Deciding:  # noqa: ANN401 - facts of several types
    """Return a state with an order for 3 at 100 that works at the venue as V1, or as the facts say."""
    deciding = Deciding()
    deciding.order("x", **{"state": WORKING, "venue_order_id": "V1", **facts})
    return deciding


def alive(source: str, filled: str = "0") -> OrderReported:
    """Return a report of the order alive."""
    return OrderReported(OrderReport("x", "V1", BTC, VenueStatus.LIVE, D(filled), EVENT_NS), source)


def traded(quantity: str, price: str = "100", trade_id: str = "t1", **told: Any) -> FillReport:  # noqa: ANN401 - fields of several types
    """Return a trade of the order."""
    fields: dict[str, Any] = {
        "client_order_id": "x",
        "venue_order_id": "V1",
        "trade_id": trade_id,
        "symbol": BTC,
        "side": OrderSide.BUY,
        "quantity": D(quantity),
        "price": D(price),
        "value": None,
        "fee": D(0),
        "fee_currency": "USDT",
        "liquidity": Liquidity.MAKER,
        "ts_event": EVENT_NS,
    }
    return FillReport(**{**fields, **told})


def booked(
    quantity: str, value: str, price: str = "100", fee: str = "0", fee_currency: str = ""
) -> OrderFilled:
    """Return the record of that trade."""
    return OrderFilled(
        "x",
        "V1",
        "t1",
        OrderSide.BUY,
        D(quantity),
        D(price),
        D(value),
        D(fee),
        "BTC",
        "USDT",
        8,
        Liquidity.MAKER,
        EVENT_NS,
        "stream",
        fee_currency,
    )


# -- what is not ours, or cannot be read ---------------------------------------------------------------


@pytest.mark.parametrize(("source", "is_noted"), [("look_up", True), ("adoption", False)])
def test_what_is_not_in_the_journal_is_a_stranger_unless_it_is_being_adopted(
    source: str, *, is_noted: bool
) -> None:
    """Ours by its tag is alarming; both for a report and for a trade."""
    deciding = Deciding()
    detail = "venue order V1 is not in the journal"
    noted = [AnomalyNoted(AnomalyKind.FOREIGN_ORDER, Severity.NOTE, "x", detail)] if is_noted else []
    assert deciding.on(alive(source)) == (noted, [])
    assert deciding.on(FillReported(traded("1"), source)) == (noted, [])


def test_what_cannot_be_read_is_noted_and_changes_nothing() -> None:
    """A report or a trade with a figure that is none: where it came from, and what is wrong with it."""
    for given in (
        alive("stream", "NaN"),
        FillReported(replace(traded("1"), price="1"), "stream"),
    ):
        records, effects = laid_out().on(given)
        assert isinstance(records[0], AnomalyNoted)
        assert (records[0].anomaly, records[0].subject) == (AnomalyKind.UNREADABLE_REPORT, "stream")
        assert not any(isinstance(each, OrderEventNoted | OrderFilled) for each in records)
        assert effects == []


# -- booked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trade", "expected"),
    [
        (traded("1"), booked("1", "100")),
        (traded("1", fee=D("0.5")), booked("1", "100", fee="0.5")),
        (traded("1", fee=D("0.5"), fee_currency="BTC"), booked("1", "100", fee="0.5", fee_currency="BTC")),
        (traded("1", fee_currency="BTC"), booked("1", "100")),
        (traded("1", value=D("99.5")), booked("1", "99.5")),
        (traded("1", value=D(0)), booked("1", "0")),
    ],
)
def test_a_trade_is_booked_at_the_venues_figure_else_at_ours(
    trade: FillReport, expected: OrderFilled
) -> None:
    """With its fee; the currency is named where it is not the order's, and there was one."""
    assert laid_out().on(FillReported(trade, "stream")) == ([expected], [])


def test_a_trade_without_rules_of_its_symbol_is_booked_all_the_same() -> None:
    """With eight decimals: what was traded counts, whatever the venue lists by now."""
    deciding = laid_out()
    deciding.state.instruments.clear()
    assert deciding.on(FillReported(traded("0.000000001"), "stream"))[0] == [
        booked("0.000000001", "0.0000001")
    ]


def test_the_same_trade_is_booked_once_and_other_figures_under_its_id_are_alarming() -> None:
    """What was booked stays; both readings are told."""
    known, other = fill_digest(traded("1")), fill_digest(traded("2"))
    deciding = laid_out(trades={"t1": known})
    assert deciding.on(FillReported(traded("1"), "stream")) == ([], [])
    records, effects = deciding.on(FillReported(traded("2"), "stream"))
    assert isinstance(records[0], AnomalyNoted)
    assert records[0].detail == f"trade t1 came again as {other}, booked as {known}"
    assert isinstance(records[1], TradingStateChanged)
    assert records[1].state is TradingState.HALTED
    assert effects == []


@pytest.mark.parametrize(
    ("trade", "problem"),
    [
        (traded("0"), "quantity"),
        (traded("1", "0"), "price"),
        (traded("1", value=D(-1)), "value -1"),
        (traded("1", side=OrderSide.SELL), f"sell {BTC} for an order to buy {BTC}"),
        (traded("1", symbol=ETH), f"buy {ETH} for an order to buy {BTC}"),
        (traded("1", fee=D(1), fee_currency=""), "fee of 1 in no currency"),
        (traded("1", fee=D(1), fee_currency="BTC"), "fee of 1 BTC for 1"),
    ],
)
def test_an_impossible_trade_is_not_booked(trade: FillReport, problem: str) -> None:
    """It halts trading, and says what is impossible about which trade."""
    records, effects = laid_out().on(FillReported(trade, "stream"))
    assert isinstance(records[0], AnomalyNoted)
    assert records[0].anomaly is AnomalyKind.IMPOSSIBLE_FILL
    assert records[0].detail.startswith("trade t1: ")
    assert problem in records[0].detail
    assert not any(isinstance(each, OrderFilled) for each in records)
    assert effects == []


@pytest.mark.parametrize(
    ("quantity", "state", "kinds"),
    [
        ("3", WORKING, []),
        ("3.1", WORKING, [AnomalyKind.OVERFILL]),
        ("1", OrderState.REJECTED, [AnomalyKind.ZOMBIE]),
        ("3", OrderState.REJECTED, [AnomalyKind.LATE_FILL]),
    ],
)
def test_a_trade_beyond_the_order_or_after_its_end_is_booked_and_alarming(
    quantity: str, state: OrderState, kinds: list[AnomalyKind]
) -> None:
    """What was traded counts; what is wrong with it is said beside it."""
    records, _ = laid_out(state=state).on(FillReported(traded(quantity), "stream"))
    assert isinstance(records[0], OrderFilled)
    assert [each.anomaly for each in records if isinstance(each, AnomalyNoted)] == kinds


@pytest.mark.parametrize(
    ("price", "wished", "is_noted"),
    [
        ("110", None, False),
        ("110.01", None, True),
        ("90", None, False),
        ("89.99", None, True),
        ("130", "120", False),
        ("133", "120", True),
    ],
)
def test_a_price_outside_the_band_is_booked_and_noted(
    price: str, wished: str | None, *, is_noted: bool
) -> None:
    """A tenth from the reference, or from the price of a change that is not resolved; the edge is inside."""
    wish = None if wished is None else Wish("change-1", Terms(D(3), D(wished)), NOW_NS)
    deciding = laid_out(reference_price=D(100), wish=wish)
    records, _ = deciding.on(FillReported(traded("1", price), "stream"))
    assert isinstance(records[0], OrderFilled)
    noted = [each for each in records if isinstance(each, AnomalyNoted)]
    assert [each.anomaly for each in noted] == ([AnomalyKind.PRICE_OUT_OF_BAND] if is_noted else [])
    assert not noted or noted[0].detail == f"trade t1 at {price}, reference 100"


@pytest.mark.parametrize(("ahead_ns", "is_noted"), [(0, False), (1, True)])
def test_a_trade_of_the_future_is_booked_and_noted(ahead_ns: int, *, is_noted: bool) -> None:
    """Further ahead than the setting says: a clock is wrong, here or there."""
    ts_event = NOW_NS + rules_of().fill_ahead_max_ns + ahead_ns
    records, _ = laid_out().on(FillReported(traded("1", ts_event=ts_event), "stream"))
    details = [each.detail for each in records if isinstance(each, AnomalyNoted)]
    assert details == ([f"trade t1 is of {ts_event}, at {NOW_NS}"] if is_noted else [])


@pytest.mark.parametrize(
    ("quantity", "sent_ns", "is_over"), [("3", 0, True), ("2.9", 0, False), ("3", 1, False)]
)
def test_a_change_that_waits_is_over_when_its_order_is_filled(
    quantity: str, sent_ns: int, *, is_over: bool
) -> None:
    """By the old quantity, though the new one is larger; one that has left may still be done."""
    deciding = laid_out(wish=Wish("change-1", Terms(D(5), D(100)), sent_ns))
    records, _ = deciding.on(FillReported(traded(quantity), "stream"))
    reason = "the order was filled before it was sent"
    over = [ModifyRejected("x", "change-1", "ORDER_CLOSED", reason)] if is_over else []
    assert records[1:] == over
