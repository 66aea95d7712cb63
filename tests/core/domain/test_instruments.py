"""An instrument's rules are checked when it is made, and prices and quantities against its grids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.errors import InvalidInput, NumberRefused, TextRefused

GOOD: dict[str, Any] = {
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "price_increment": Decimal("0.1"),
    "quantity_increment": Decimal("0.00000001"),
}


def instrument(**changes: object) -> Instrument:
    """Return the instrument of these tests with some of its rules changed."""
    return Instrument(**(GOOD | changes))


def test_text_and_whole_numbers_become_decimals() -> None:
    """Numbers may be given as text or int; what is kept is Decimal; what is left out has its default."""
    made = instrument(
        price_increment="0.05", minimum_quantity=1, maximum_quantity="50", taker_fee_rate="0.0026"
    )
    assert (made.price_increment, made.minimum_quantity) == (Decimal("0.05"), Decimal(1))
    assert type(made.minimum_quantity) is Decimal
    assert made.maximum_quantity == Decimal(50)
    assert made.taker_fee_rate == Decimal("0.0026")
    assert instrument().maximum_quantity is None
    assert instrument().settlement_decimals == 8
    assert instrument().contract is ContractKind.LINEAR


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("symbol", "btc/usdt", TextRefused),
        ("symbol", "ETH/USDT", TextRefused),
        ("symbol", "BTC/USDT\n", TextRefused),
        ("symbol", None, TextRefused),
        ("base", "btc", TextRefused),
        ("base", "", TextRefused),
        ("base", 7, TextRefused),
        ("base", "B" * 17, TextRefused),
        ("quote", "USD T", TextRefused),
        ("quote", "US\u0414T", TextRefused),
        ("price_increment", 0, NumberRefused),
        ("price_increment", "-0.1", NumberRefused),
        ("price_increment", 0.1, NumberRefused),
        ("price_increment", None, NumberRefused),
        ("price_increment", Decimal("NaN"), NumberRefused),
        ("quantity_increment", "0", NumberRefused),
        ("quantity_increment", "1e-99", NumberRefused),
        ("minimum_quantity", "-1", NumberRefused),
        ("minimum_quantity", 0.001, NumberRefused),
        ("maximum_quantity", 0, NumberRefused),
        ("maximum_quantity", "inf", NumberRefused),
        ("minimum_cost", -5, NumberRefused),
        ("maker_fee_rate", "26", NumberRefused),
        ("maker_fee_rate", 1, NumberRefused),
        ("taker_fee_rate", "-1", NumberRefused),
        ("taker_fee_rate", 0.0026, NumberRefused),
        ("settlement_decimals", -1, NumberRefused),
        ("settlement_decimals", 19, NumberRefused),
        ("settlement_decimals", "8", NumberRefused),
        ("settlement_decimals", True, NumberRefused),
        ("reductions_exempt_from_minimum", 1, InvalidInput),
        ("contract", "linear", InvalidInput),
        ("contract_multiplier", 0, NumberRefused),
        ("contract_multiplier", "-1", NumberRefused),
        ("settlement_currency", "usd", TextRefused),
        ("maximum_leverage", 0, NumberRefused),
        ("maximum_leverage", "0.99", NumberRefused),
        ("maximum_leverage", "Infinity", NumberRefused),
        ("maximum_leverage", 5.0, NumberRefused),
        ("symbol", "BTC/USDT:BTC", TextRefused),
    ],
)
def test_a_bad_rule_is_refused_by_its_name(field: str, value: object, kind: type[InvalidInput]) -> None:
    """Each bad rule is refused when the instrument is made; the error names that field and the fix."""
    with pytest.raises(kind) as caught:
        instrument(**{field: value})
    assert caught.value.field == f"instrument.{field}"
    assert caught.value.fix
    assert str(caught.value).isprintable()


def test_a_maximum_below_the_minimum_is_refused() -> None:
    """Rules under which no quantity is valid are refused; equal ones are not."""
    with pytest.raises(NumberRefused, match=r"0\.5 is below the minimum, 1") as caught:
        instrument(minimum_quantity=1, maximum_quantity="0.5")
    assert caught.value.field == "instrument.maximum_quantity"
    assert instrument(minimum_quantity=1, maximum_quantity=1).maximum_quantity == 1


def test_a_rebate_and_a_settlement_currency_are_taken() -> None:
    """Fees may be negative; a symbol may name a settlement currency behind its pair."""
    assert instrument(maker_fee_rate="-0.0001").maker_fee_rate == Decimal("-0.0001")
    assert instrument(symbol="BTC/USDT:USDT").symbol == "BTC/USDT:USDT"


def test_a_contract_is_settled_in_one_currency() -> None:
    """Quote for a linear contract and base for an inverse one, unless another is said."""
    assert (instrument().settlement_currency, instrument().contract_multiplier) == ("USDT", Decimal(1))
    inverse = instrument(symbol="BTC/USDT:BTC", contract=ContractKind.INVERSE, contract_multiplier="100")
    assert (inverse.settlement_currency, inverse.contract_multiplier) == ("BTC", Decimal(100))
    other = instrument(symbol="BTC/USDT:USDC", settlement_currency="USDC")
    assert (other.settlement_currency, other.quote) == ("USDC", "USDT")
    assert (instrument().maximum_leverage, instrument(maximum_leverage="2.5").maximum_leverage) == (
        None,
        Decimal("2.5"),
    )


@pytest.mark.parametrize(
    ("price", "fix"),
    [
        ("98000.05", "The nearest valid ones are 98000.0 and 98000.1."),
        ("0.15", "The nearest valid ones are 0.1 and 0.2."),
        ("0.05", "The nearest valid one is 0.1."),
        ("0", "The smallest valid one is 0.1."),
        ("-0.1", "The smallest valid one is 0.1."),
    ],
)
def test_a_price_off_the_tick_is_told_the_nearest(price: str, fix: str) -> None:
    """An off-grid price is refused with the prices around it; zero is never offered and never valid."""
    with pytest.raises(NumberRefused) as caught:
        instrument().check_price(Decimal(price), "limit_price")
    assert caught.value.field == "limit_price"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("quantity", "fix"),
    [
        ("0.00015", "The nearest valid ones are 0.0001 and 0.0002."),
        ("0.123456789", "The nearest valid ones are 0.1234 and 0.1235."),
        ("0.00001", "The nearest valid one is 0.0001."),
        ("0", "The smallest valid one is 0.0001."),
    ],
)
def test_a_quantity_off_the_lot_step_is_told_the_nearest(quantity: str, fix: str) -> None:
    """An off-grid quantity is refused with the quantities around it, never rounded in silence."""
    with pytest.raises(NumberRefused) as caught:
        instrument(quantity_increment="0.0001").check_quantity(Decimal(quantity), "quantity")
    assert caught.value.field == "quantity"
    assert caught.value.fix == fix


def test_grid_points_pass_however_they_are_written() -> None:
    """Trailing zeros and exponents do not matter, only the value does."""
    for price in ("98000", "98000.1", "98000.1000", "9.8e4"):
        instrument().check_price(Decimal(price), "limit_price")
    instrument(quantity_increment=10).check_quantity(Decimal("1e3"), "quantity")


@given(st.integers(1, 10**15), st.sampled_from(["0.1", "0.05", "0.25", "0.00000001", "5", "1"]))
def test_every_multiple_passes_and_every_offered_one_is_a_multiple(units: int, step: str) -> None:
    """Every positive multiple of the tick passes; what an error offers passes when it is tried."""
    made = instrument(price_increment=step)
    tick = Decimal(step)
    on_grid = units * tick
    made.check_price(on_grid, "limit_price")
    with pytest.raises(NumberRefused) as caught:
        made.check_price(on_grid + tick / 3, "limit_price")
    offered = caught.value.fix.removesuffix(".").partition(" are ")[2].split(" and ")
    assert [Decimal(price) for price in offered] == [on_grid, on_grid + tick]
    for price in offered:
        made.check_price(Decimal(price), "limit_price")


def test_an_instrument_is_frozen() -> None:
    """Nobody changes the venue's rules in place."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        instrument().price_increment = Decimal(1)  # type: ignore[misc]  # frozen: that is tested


@pytest.mark.parametrize("decimals", [0, 18])
def test_the_coarsest_and_the_finest_settlement_are_taken(decimals: int) -> None:
    """A currency may have no decimals at all, and at most 18."""
    assert instrument(settlement_decimals=decimals).settlement_decimals == decimals
