"""How commands say times and figures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.cli.wording import plain_number, rounded, seconds_of, size_of, time_of


def test_times_are_utc_to_the_millisecond_and_never_is_empty() -> None:
    """A time is cut, not rounded, so it never shows a later moment; 0 stands for never."""
    assert time_of(1_762_818_713_317_999_999) == "2025-11-10 23:51:53.317"
    assert time_of(0) == ""


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("0.0300", "0.03"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0", "0"),
        ("-2.50", "-2.5"),
        ("1E-10", "0.0000000001"),
    ],
)
def test_numbers_lose_their_last_zeros_and_nothing_else(number: str, shown: str) -> None:
    """No digit that counts is dropped, and no exponent is shown."""
    assert plain_number(Decimal(number)) == shown


def test_computed_figures_have_eight_decimals() -> None:
    """An average that does not end is cut to what people read."""
    assert rounded(Decimal(2) / Decimal(3)) == "0.66666667"
    assert seconds_of(5_000_000_000) == "5"
    assert seconds_of(1_500_000) == "0.0015"


def test_an_order_is_said_in_one_phrase() -> None:
    """Market orders say so, limit orders say their price."""
    order = {"side": "buy", "quantity": Decimal("0.030"), "symbol": "BTC/USDT", "limit_price": None}
    assert size_of(order) == "buy 0.03 BTC/USDT at market"
    assert size_of({**order, "limit_price": Decimal("99.50")}) == "buy 0.03 BTC/USDT limit 99.5"
