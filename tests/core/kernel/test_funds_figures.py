"""What live spot orders may still take of a balance, reckoned by hand: prices, fees, and what is free."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.change_records import ChangeRequested
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.records import AttemptStarted, OrderAccepted
from fairlead.kernel.core.funds import asset_of, free_of, promised_at_work, promised_of, with_fee, worst_of
from fairlead.kernel.core.holdings import Holdings
from fairlead.ports.account import VenueBalance
from tests.core.kernel.bench import BTC, ETH, instrument
from tests.core.kernel.folding import Fold, fill, order

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.mark.parametrize(
    ("prices", "worst"),
    [
        ({"limit_price": D(100), "trigger_price": D(90), "reference_price": D(80)}, 100),
        ({"limit_price": D(80), "trigger_price": D(100), "reference_price": D(90)}, 100),
        ({"limit_price": None, "trigger_price": D(90), "reference_price": D(100)}, 100),
        ({"limit_price": None, "trigger_price": None, "reference_price": D(100)}, 100),
    ],
)
def test_a_buy_promises_what_it_pays_at_its_worst(prices: dict[str, Decimal | None], worst: int) -> None:
    """Whichever of its prices that is; one of which no price is known promises nothing."""
    fold = Fold(order(**prices))
    assert fold.state.promises == {"x": D(3 * worst)}
    assert not Fold(order(limit_price=None)).state.promises
    assert worst_of(None, None) == worst_of() == 0


@pytest.mark.parametrize(
    ("terms", "promised"),
    [(Terms(D(2), D(110)), 330), (Terms(D(5), D(90)), 500), (Terms(D(3), D(100), D(120)), 360)],
)
def test_a_wish_counts_at_the_worst_of_both_terms(terms: Terms, promised: int) -> None:
    """The venue may fill either: the larger quantity at the highest price."""
    fold = Fold(order(), ChangeRequested("c", ChangeKind.MODIFY, "x", "bot", terms, False, ()))
    assert fold.state.promises == {"x": D(promised)}


def test_a_sell_promises_what_it_sells() -> None:
    """Whatever its price; what was sold is promised no more."""
    fold = Fold(order(side=SELL), fill(side=SELL))
    assert fold.state.promises == {"x": D(2)}
    assert fold.state.promised == {(BTC, SELL): D(2)}


@pytest.mark.parametrize(
    ("maker", "taker", "cost"), [("0.01", "0.02", "102"), ("0.03", "0.02", "103"), ("-0.01", "-0.02", "100")]
)
def test_a_cost_is_reckoned_with_the_dearer_fee(maker: str, taker: str, cost: str) -> None:
    """A rebate makes nothing cheaper before it is paid; without rules it is as it is."""
    rules = instrument(maker_fee_rate=maker, taker_fee_rate=taker)
    assert with_fee(D(100), rules) == D(cost)
    assert with_fee(D(100), None) == D(100)


def test_an_order_takes_quote_or_base() -> None:
    """A buy pays in quote, a sell in base."""
    assert (asset_of(BTC, BUY), asset_of(BTC, SELL)) == ("USDT", "BTC")


def two_books() -> Fold:
    """Return a state with buys of two symbols, one of them at work, and a sale, where BTC has a fee."""
    fold = Fold(
        order("a"),
        order("b", symbol=ETH, quantity=D(2), limit_price=D(10)),
        order("c", side=SELL, quantity=D(4)),
        *(AttemptStarted(name, 1, 5, 9) for name in "ac"),
        *(OrderAccepted(name, "V" + name, OrderEvent.ACCEPTED, 8, "stream") for name in "ac"),
    )
    fold.state.instruments[BTC] = instrument(taker_fee_rate="0.1")
    return fold


def test_what_all_orders_may_take_is_added_up_by_asset() -> None:
    """Of quote with the fee of its symbol, of base without: a sale's fee is paid out of what it brings."""
    state = two_books().state
    assert promised_of(state, "USDT") == D(350)
    assert promised_of(state, "BTC") == D(4)
    assert promised_of(state, "ETH") == 0


def test_of_what_the_venue_locks_that_is_ours_which_it_has() -> None:
    """An order that did not arrive yet locks nothing there."""
    fold = two_books()
    assert promised_at_work(fold.state) == {"USDT": D(330), "BTC": D(4)}
    fold.changes(AttemptStarted("b", 1, 5, 9))
    fold.changes(OrderAccepted("b", "Vb", OrderEvent.ACCEPTED, 8, "stream"))
    assert promised_at_work(fold.state) == {"USDT": D(350), "BTC": D(4)}


@pytest.mark.parametrize(
    ("total", "locked", "ours", "derived", "free"),
    [
        (1000, 0, 0, 0, 650),
        (1000, 400, 330, 0, 580),  # 70 are locked by others
        (1000, 300, 330, 0, 650),  # what the venue did not lock yet is promised all the same
        (1000, 0, 0, 40, 610),  # 40 had been booked when it was read, and are not there any more
        (1000, 0, 0, -40, 690),
        (100, 0, 0, 0, -250),
    ],
)
def test_what_is_free_is_held_and_neither_promised_nor_locked_by_others(
    total: int, locked: int, ours: int, derived: int, free: int
) -> None:
    """With what was booked since the reading; an asset that the venue does not name is not held."""
    state = two_books().state
    told = {"USDT": VenueBalance(D(total), D(locked))}
    holdings = Holdings(told, {"USDT": D(derived)}, 5, {"USDT": D(ours)})
    assert free_of(state, "USDT", holdings) == D(free)
    assert free_of(state, "XRP", holdings) == 0
    assert (holdings.total_of("USDT"), holdings.locked_of("USDT")) == (D(total), D(locked))
    assert holdings.total_of("XRP") == holdings.locked_of("XRP") == 0
    state.balances["USDT"] = D(25)
    assert free_of(state, "USDT", holdings) == D(free + 25)
