"""The price of one symbol: which of what comes is kept, which is believed, and for how long."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.price_points import PriceLimits, PricePoint, Source, Taken, Unusable
from fairlead.domain.prices import Quote, Trade, check_price
from fairlead.errors import InvalidInput, NumberRefused

BTC = "BTC/USDT"
LIMITS = PriceLimits(max_age_ns=60, ahead_max_ns=5, jump_band=Decimal("0.10"))
NOW = 1_000
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def all_of(*values: object) -> tuple[object, ...]:
    """Return the values, to be compared with numbers and names alike."""
    return values


def trade(price: str, ts_event: int = NOW, quantity: str = "1") -> Trade:
    """Return a trade."""
    return Trade(BTC, Decimal(price), Decimal(quantity), ts_event)


def quote(bid: str, ask: str, ts_event: int = NOW) -> Quote:
    """Return a quote."""
    return Quote(BTC, Decimal(bid), Decimal(ask), ts_event)


def point_with(*prices: Quote | Trade, now_ns: int = NOW) -> PricePoint:
    """Return a point that took these prices."""
    point = PricePoint(BTC)
    for price in prices:
        point.take(price, now_ns, LIMITS)
    return point


def test_an_order_pays_the_quote_and_else_the_last_trade() -> None:
    """Buys pay the ask and sells get the bid while the quote is fresh; then the trade counts."""
    point = point_with(trade("100"))
    assert point.taking(BUY, NOW, LIMITS) == point.taking(SELL, NOW, LIMITS) == 100
    point.take(quote("99", "101", NOW - 50), NOW, LIMITS)
    assert all_of(point.taking(BUY, NOW, LIMITS), point.taking(SELL, NOW, LIMITS)) == (101, 99)
    assert point.taking(BUY, NOW + 11, LIMITS) == 100
    assert point.taking(BUY, NOW + 60, LIMITS) == 100
    assert point.taking(BUY, NOW + 61, LIMITS) is Unusable.STALE
    assert point_with(quote("99", "101")).taking(BUY, NOW + 61, LIMITS) is Unusable.STALE


def test_a_heartbeat_makes_the_last_price_young_again() -> None:
    """Of the symbol or of its source; the heartbeat of a source that lost the symbol says nothing."""
    point = point_with(trade("100"))
    point.alive_ns = NOW + 40
    assert point.taking(BUY, NOW + 100, LIMITS) == 100
    assert point.taking(BUY, NOW + 101, LIMITS) is Unusable.STALE
    point.source = Source("feed", alive_ns=NOW + 90)
    assert point.taking(BUY, NOW + 150, LIMITS) == 100
    assert point.heard_ns == NOW + 90
    point.source = None
    assert point.taking(BUY, NOW + 150, LIMITS) is Unusable.STALE
    assert point.heard_ns == NOW + 40


def test_an_older_price_of_the_same_kind_is_dropped() -> None:
    """Trades are ordered among themselves and quotes among themselves; the same time is no older time."""
    point = point_with(trade("100"))
    assert point.take(trade("101", NOW - 1), NOW, LIMITS) is Taken.OLDER
    assert point.take(trade("102", NOW), NOW, LIMITS) is Taken.KEPT
    assert point.take(quote("98", "104", NOW - 1), NOW, LIMITS) is Taken.KEPT
    assert point.take(quote("97", "104", NOW - 2), NOW, LIMITS) is Taken.OLDER
    assert point.trade == trade("102")


def test_a_clock_that_was_put_back_stops_nothing() -> None:
    """A price that now lies in the future is not fresh, and what comes by the new time replaces it."""
    point = point_with(trade("100", NOW + 10_000), now_ns=NOW + 10_000)
    assert point.taking(BUY, NOW, LIMITS) is Unusable.STALE
    assert point.take(trade("101", NOW), NOW, LIMITS) is Taken.KEPT
    assert point.taking(BUY, NOW, LIMITS) == 101


def test_a_jump_is_put_aside_until_a_second_price_confirms_it() -> None:
    """Meanwhile no price is usable; a copy of the jump confirms nothing."""
    point = point_with(trade("100"))
    jump = trade("111", NOW + 1)
    assert point.take(trade("110"), NOW, LIMITS) is Taken.KEPT
    point = point_with(trade("100"))
    assert point.take(jump, NOW, LIMITS) is Taken.JUMPED
    assert point.take(jump, NOW, LIMITS) is Taken.STILL_FAR
    assert point.taking(BUY, NOW, LIMITS) is Unusable.UNCONFIRMED
    view = point.view(NOW, LIMITS)
    assert view is not None
    assert all_of(view.price, view.suspect, view.fresh, view.usable) == (100, jump, True, False)
    assert point.take(quote("111", "113", NOW + 2), NOW, LIMITS) is Taken.KEPT
    assert all_of(point.trade, point.suspect) == (jump, None)
    assert point.taking(SELL, NOW, LIMITS) == 111


def test_a_jump_that_is_refuted_leaves_no_trace() -> None:
    """A price near the last one takes the suspect away; a third one far from both takes its place."""
    point = point_with(trade("100"), trade("200"))
    assert point.take(trade("1", NOW), NOW, LIMITS) is Taken.STILL_FAR
    assert point.suspect == trade("1")
    assert point.take(trade("101"), NOW, LIMITS) is Taken.KEPT
    assert all_of(point.suspect, point.trade) == (None, trade("101"))
    assert point.taking(BUY, NOW, LIMITS) == 101


def test_a_view_says_what_counts() -> None:
    """The newest figure that is fresh; bid and ask only while the quote counts; the age; the holder."""
    assert PricePoint(BTC).view(NOW, LIMITS) is None
    point = point_with(trade("100", NOW - 10), quote("99", "102", NOW - 20))
    point.source = Source("exchange")
    view = point.view(NOW, LIMITS)
    assert view is not None
    assert all_of(view.price, view.bid, view.ask, view.age_ns, view.source) == (100, 99, 102, 10, "exchange")
    view = point.view(NOW + 45, LIMITS)
    assert view is not None
    assert all_of(view.price, view.bid, view.ask, view.fresh) == (100, None, None, True)
    assert view.taking(BUY) == 100
    view = point.view(NOW + 51, LIMITS)
    assert view is not None
    assert all_of(view.price, view.age_ns, view.fresh, view.usable) == (100, 61, False, False)
    point.take(quote("100", "101", NOW), NOW, LIMITS)
    view = point.view(NOW + 1_000, LIMITS)
    assert view is not None
    assert all_of(view.price, view.bid, view.fresh) == (Decimal("100.5"), 100, False)


CENTS = st.integers(9_000, 12_500)
TIMES = st.integers(NOW - 100, NOW + 5)
TRADES = st.builds(lambda cents, ts: trade(str(Decimal(cents) / 100), ts), CENTS, TIMES)
QUOTES = st.builds(
    lambda cents, spread, ts: quote(str(Decimal(cents) / 100), str(Decimal(cents + spread) / 100), ts),
    CENTS,
    st.integers(1, 500),
    TIMES,
)
PRICES = st.lists(TRADES | QUOTES, max_size=12)


@given(PRICES, st.integers(0, 200), st.integers(0, NOW + 200), st.sampled_from(OrderSide))
def test_the_view_and_the_decision_agree(
    prices: list[Quote | Trade], later_ns: int, alive_ns: int, side: OrderSide
) -> None:
    """What a view calls usable is what an order would pay, and nothing else is."""
    point = point_with(*prices)
    point.alive_ns = alive_ns
    now_ns = NOW + later_ns
    view = point.view(now_ns, LIMITS)
    paid = point.taking(side, now_ns, LIMITS)
    if view is not None and view.usable:
        assert paid == view.taking(side)
    else:
        assert isinstance(paid, Unusable)


@given(PRICES)
def test_no_usable_price_is_a_lone_jump(prices: list[Quote | Trade]) -> None:
    """Whatever comes, a figure further than the band from the one before it counts only with a witness."""
    point = PricePoint(BTC)
    for price in prices:
        before, suspect = point.figure, point.suspect
        taken = point.take(price, NOW, LIMITS)
        if taken is Taken.KEPT and before is not None and LIMITS.is_jump(price.price, before):
            assert suspect is not None
            assert suspect != price
            assert not LIMITS.is_jump(price.price, suspect.price)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (trade("0"), "price"),
        (trade("-1"), "price"),
        (Trade(BTC, Decimal("NaN"), Decimal(1), NOW), "price"),
        (trade("100", quantity="-1"), "quantity"),
        (Trade(BTC, Decimal(1), Decimal("Infinity"), NOW), "quantity"),
        (trade("100", ts_event=-1), "ts_event"),
        (trade("100", ts_event=2**63), "ts_event"),
        (quote("0", "1"), "bid"),
        (quote("1", "-1"), "ask"),
        (quote("2", "2"), "bid"),
        (quote("3", "2"), "bid"),
        (Quote(BTC, Decimal(1), Decimal(2), NOW, Decimal(-1)), "bid_quantity"),
        (Quote(BTC, Decimal(1), Decimal(2), NOW, None, Decimal("NaN")), "ask_quantity"),
    ],
)  # fmt: skip
def test_what_is_no_price_is_refused_with_its_field(bad: Quote | Trade, field: str) -> None:
    """Zero, negative, crossed, locked and endless figures; sizes and times that are none."""
    with pytest.raises(InvalidInput) as caught:
        check_price(bad)
    assert caught.value.field == field


@pytest.mark.parametrize("number", [1.5, "100", None, 1])
def test_only_decimals_are_taken(number: Any) -> None:  # noqa: ANN401 - whatever a bot may pass
    """Nothing is converted: streams hand on what was published."""
    for bad in (
        Trade(BTC, number, Decimal(1), NOW),
        Trade(BTC, Decimal(1), number, NOW),
        Quote(BTC, number, Decimal(2), NOW),
        Quote(BTC, Decimal(1), number, NOW),
    ):
        with pytest.raises(NumberRefused, match="not a Decimal"):
            check_price(bad)
    with pytest.raises(InvalidInput, match="neither a Quote nor a Trade"):
        check_price(number)


def test_sizes_of_a_quote_may_be_given() -> None:
    """The quantities behind bid and ask are optional; the figure of a quote is its middle."""
    given = Quote(BTC, Decimal(99), Decimal("99.01"), NOW, Decimal(0), Decimal(3))
    check_price(given)
    assert given.price == Decimal("99.005")


@pytest.mark.parametrize("ts_event", [0, 2**63 - 1])
def test_the_first_and_the_last_time_are_times(ts_event: int) -> None:
    """From the epoch itself to what 64 bits hold."""
    check_price(trade("100", ts_event=ts_event))
    check_price(quote("99", "101", ts_event=ts_event))
