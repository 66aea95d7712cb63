"""Money rules: the shortest declared way, through prices that count, never in our favour."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.money import Conversion, Converted, MoneyRules, NoRate
from fairlead.domain.prices import Price, Trade
from fairlead.errors import ConfigurationRefused, InvalidInput, NumberRefused, SettingRefused

D = Decimal
PEG = Conversion(currency="USDT", into="USD", peg="1", haircut="0.01")
BTC = Conversion(currency="BTC", into="USDT", pair="BTC/USDT")
ETH = Conversion(currency="USDT", into="ETH", pair="ETH/USDT", haircut="0.1")


def price(symbol: str, bid: str, ask: str | None = None, **changes: Any) -> Price:  # noqa: ANN401 - fields
    """Return a fresh price: a quote, or a trade when there is no ask."""
    fields: dict[str, Any] = {"ts_event": 0, "age_ns": 0, "fresh": True, **changes}
    low = D(bid)
    return Price(symbol, low, None if ask is None else low, None if ask is None else D(ask), **fields)


PRICES = {
    "BTC/USDT": price("BTC/USDT", "99", "101"),
    "ETH/USDT": price("ETH/USDT", "10"),
}


def rules(*conversions: Conversion, reporting: str = "USD") -> MoneyRules:
    """Return money rules."""
    return MoneyRules(reporting, conversions)


@pytest.mark.parametrize(
    ("amount", "currency", "into", "exposure", "worth"),
    [
        ("2", "USD", "USD", False, "2"),
        ("100", "USDT", "USD", False, "99"),  # owned: the haircut is taken off
        ("100", "USDT", "USD", True, "101"),  # at risk: it is added
        ("-100", "USDT", "USD", False, "-101"),  # owed: it is added
        ("-100", "USDT", "USD", True, "-99"),
        ("0", "USDT", "USD", False, "0"),
        ("1", "BTC", "USD", False, "98.01"),  # by the bid
        ("1", "BTC", "USD", True, "102.01"),  # by the ask
        ("101", "USDT", "BTC", False, "1"),  # buys by the ask
        ("99", "USDT", "BTC", True, "1"),
        ("1", "ETH", "USDT", False, "9"),  # declared the other way round, by the last trade
        ("11", "USDT", "ETH", False, "1"),
        ("9", "USDT", "ETH", True, "1"),
        ("100", "USD", "USDT", False, "99.009900990099009900"),
        ("-100", "USD", "USDT", False, "-101.010101010101010102"),
        ("1", "BTC", "ETH", False, "9"),
    ],
)
def test_an_amount_is_never_worth_more_than_it_is(
    amount: str,
    currency: str,
    into: str,
    exposure: bool,  # noqa: FBT001 - a column of the table
    worth: str,
) -> None:
    """What we own is valued low, what we owe and what is at risk high, rounded the same way."""
    converted = rules(PEG, BTC, ETH).convert(D(amount), currency, PRICES.get, into=into, exposure=exposure)
    assert isinstance(converted, Converted)
    assert (converted.amount, converted.currency) == (D(worth), into)


def test_the_shortest_declared_way_is_taken() -> None:
    """The first declared among equals; the path names what it went through."""
    direct = Conversion(currency="BTC", into="USD", pair="BTC/USD")
    prices = {**PRICES, "BTC/USD": price("BTC/USD", "98")}
    long_way, short_way = rules(PEG, BTC), rules(PEG, BTC, direct)
    found = long_way.convert(D(1), "BTC", prices.get)
    assert isinstance(found, Converted)
    assert found.path == ("BTC/USDT", "USDT=USD")
    found = short_way.convert(D(1), "BTC", prices.get)
    assert isinstance(found, Converted)
    assert (found.amount, found.path) == (D(98), ("BTC/USD",))
    assert short_way.convert(D(1), "BTC", PRICES.get) == NoRate("BTC/USD", "there is no price")
    one, other = (Conversion(currency="A", into=middle, peg=peg) for middle, peg in (("B", "2"), ("C", "3")))
    ends = [Conversion(currency=middle, into="D", peg="1") for middle in ("B", "C")]
    found = rules(other, one, *ends, reporting="D").convert(D(1), "A", PRICES.get)
    assert isinstance(found, Converted)
    assert found.path == ("A=C", "C=D")


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, "there is no price"),
        (price("BTC/USDT", "99", fresh=False, age_ns=61_000_000_000), "the price is stale, 61000 ms old"),
        (
            price("BTC/USDT", "99", suspect=Trade("BTC/USDT", D(200), D(1), 0)),
            "the price jumped and is not confirmed",
        ),
    ],
)
def test_a_price_that_does_not_count_is_named(known: Price | None, reason: str) -> None:
    """Missing, stale and unconfirmed rates refuse the conversion with the pair and why."""
    assert rules(PEG, BTC).convert(D(1), "BTC", lambda _: known) == NoRate("BTC/USDT", reason)


def test_no_way_is_guessed() -> None:
    """Without a reporting currency, without a declared way, or beyond all figures there is no rate."""
    assert rules(PEG, reporting="").convert(D(1), "USDT", PRICES.get) == NoRate(
        "USDT", "no reporting_currency is set"
    )
    way = rules(PEG, BTC)
    for _ in range(2):
        assert way.convert(D(1), "DOGE", PRICES.get) == NoRate("DOGE/USD", "no way between them is declared")
    huge = way.convert(D(10) ** 90, "BTC", PRICES.get)
    assert huge == NoRate("BTC/USD", "the figures are too large to count with")


def test_an_amount_is_an_exact_number() -> None:
    """Text and integers are taken, and products of many digits; floats and what is not finite are not."""
    way = rules(PEG)
    assert way.convert("100", "USDT", PRICES.get) == way.convert(D(100), "USDT", PRICES.get)  # type: ignore[arg-type]  # on purpose
    assert isinstance(way.convert(D("1." + "1" * 60), "USDT", PRICES.get), Converted)
    bad: list[Any] = [1.5, D("NaN"), D("Infinity"), None]
    for amount in bad:
        with pytest.raises(NumberRefused):
            way.convert(amount, "USD", PRICES.get)


POSITIVE = st.decimals(min_value=D("0.000001"), max_value=D(10) ** 9, places=6)


@given(
    amount=st.decimals(min_value=-(D(10) ** 9), max_value=D(10) ** 9, places=6),
    bid=POSITIVE,
    spread=POSITIVE,
    haircut=st.decimals(min_value=0, max_value=D("0.9"), places=3),
    back=st.booleans(),
)
def test_the_true_worth_lies_between(
    amount: Decimal,
    bid: Decimal,
    spread: Decimal,
    haircut: Decimal,
    back: bool,  # noqa: FBT001 - drawn
) -> None:
    """For every rate between bid and ask the low value is not above, and the high one not below."""
    ask = bid + spread
    conversion = Conversion(currency="BTC", into="USDT", pair="BTC/USDT", haircut=haircut)
    known = {"BTC/USDT": price("BTC/USDT", str(bid), str(ask))}
    start, end = ("USDT", "BTC") if back else ("BTC", "USDT")
    way = rules(conversion, reporting=end)
    low = way.convert(amount, start, known.get)
    high = way.convert(amount, start, known.get, exposure=True)
    assert isinstance(low, Converted)
    assert isinstance(high, Converted)
    for rate in (bid, ask):
        true = Fraction(amount) / Fraction(rate) if back else Fraction(amount) * Fraction(rate)
        assert Fraction(low.amount) <= true <= Fraction(high.amount)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"currency": "usdt", "into": "USD", "peg": "1"}, "currency"),
        ({"currency": "USDT", "into": 7, "peg": "1"}, "into"),
        ({"currency": "USD", "into": "USD", "peg": "1"}, "into"),
        ({"currency": "USDT", "into": "USD"}, "pair"),
        ({"currency": "BTC", "into": "USDT", "peg": "1", "pair": "BTC/USDT"}, "pair"),
        ({"currency": "BTC", "into": "USDT", "pair": "ETH/USDT"}, "pair"),
        ({"currency": "BTC", "into": "USDT", "pair": "nonsense"}, "pair"),
        ({"currency": "USDT", "into": "USD", "peg": "0"}, "peg"),
        ({"currency": "USDT", "into": "USD", "peg": 1.0}, "peg"),
        ({"currency": "USDT", "into": "USD", "peg": "1", "haircut": "1"}, "haircut"),
        ({"currency": "USDT", "into": "USD", "peg": "1", "haircut": "-0.1"}, "haircut"),
    ],
)  # fmt: skip
def test_a_conversion_that_cannot_be_is_refused_with_its_key(fields: dict[str, Any], field: str) -> None:
    """Each mistake is named where it is written."""
    with pytest.raises((InvalidInput, SettingRefused)) as caught:
        Conversion(**fields)
    assert getattr(caught.value, "field", "") == field


def test_two_ways_between_the_same_currencies_are_refused() -> None:
    """Whichever way round they are declared: which would count is not to be guessed."""
    again = Conversion(currency="USD", into="USDT", peg="1")
    with pytest.raises(ConfigurationRefused, match=r"conversions\[1\].*declared already"):
        rules(PEG, again)


def test_what_we_own_is_valued_low_unless_it_is_said_to_be_exposure() -> None:
    """A limit must not be met by a figure in our favour because a caller said nothing."""
    worth = rules(PEG).convert(D(100), "USDT", PRICES.get)
    assert isinstance(worth, Converted)
    assert worth.amount == 99


def test_a_conversion_without_a_rate_and_one_with_two_are_told_apart() -> None:
    """The error says which of the two it is, for what to do differs."""
    with pytest.raises(SettingRefused, match="neither it nor a peg is given"):
        Conversion(currency="BTC", into="USDT")
    with pytest.raises(SettingRefused, match="a peg is given as well"):
        Conversion(currency="BTC", into="USDT", pair="BTC/USDT", peg="1")
