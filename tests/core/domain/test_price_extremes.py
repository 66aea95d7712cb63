"""What is kept of the prices that a slow reader did not read."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.price_extremes import Extremes
from fairlead.domain.prices import Quote, Trade

BTC = "BTC/USDT"
FIGURES = st.integers(1, 20).map(Decimal)
PRICES = st.lists(
    st.one_of(
        st.builds(lambda price, ts: Trade(BTC, price, Decimal(1), ts), FIGURES, st.integers(0, 9)),
        st.builds(lambda bid, ask, ts: Quote(BTC, bid, bid + ask, ts), FIGURES, FIGURES, st.integers(0, 9)),
    ),
    max_size=30,
)


def series_of(prices: list[Quote | Trade]) -> dict[str, list[Decimal]]:
    """Return the figures of trades, bids and asks."""
    series: dict[str, list[Decimal]] = {}
    for price in prices:
        if isinstance(price, Trade):
            series.setdefault("trade", []).append(price.price)
        else:
            series.setdefault("bid", []).append(price.bid)
            series.setdefault("ask", []).append(price.ask)
    return series


@given(PRICES)
def test_the_lows_and_highs_of_trades_bids_and_asks_are_kept(prices: list[Quote | Trade]) -> None:
    """At most six prices, in the order in which they came, with every low and high among them."""
    extremes = Extremes()
    for price in prices:
        extremes.add(price)
    kept = extremes.take()
    assert len(kept) <= 6
    places = [next(i for i, price in enumerate(prices) if price is each) for each in kept]
    assert places == sorted(set(places))
    before, after = series_of(prices), series_of(kept)
    for name, figures in before.items():
        assert (min(figures), max(figures)) == (min(after[name]), max(after[name]))
    assert extremes.take() == []


def test_of_equal_prices_the_first_is_kept() -> None:
    """A stop fires when its price first came, not when it came again."""
    extremes = Extremes()
    first, again = (Trade(BTC, Decimal(7), Decimal(1), ts_event) for ts_event in (1, 2))
    extremes.add(first)
    extremes.add(again)
    assert extremes.take() == [first]
