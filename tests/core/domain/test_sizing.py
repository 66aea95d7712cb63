"""Sizes: what is computed never exceeds what was wished for, and is the largest on the grid that does not."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.sizing import (
    quantity_for_notional,
    quantity_for_risk,
    rounded_down,
    shown,
    slippage_bound,
    stop_price_of,
)

FIGURES = st.integers(1, 10**9).map(lambda digits: Decimal(digits).scaleb(-4))
STEPS = st.sampled_from(["0.00000001", "0.001", "0.25", "1", "100"])
MULTIPLIERS = st.sampled_from(["1", "0.001", "100"])


def instrument(contract: ContractKind, step: str = "0.001", multiplier: str = "1") -> Instrument:
    """Return an instrument with this contract and grid."""
    return Instrument(
        symbol="BTC/USD",
        base="BTC",
        quote="USD",
        price_increment=Decimal("0.01"),
        quantity_increment=Decimal(step),
        contract=contract,
        contract_multiplier=Decimal(multiplier),
    )


def exact(number: Decimal) -> Fraction:
    """Return the number as a fraction: arithmetic of another kind than the kernel's."""
    return Fraction(number)


@given(st.sampled_from(ContractKind), STEPS, MULTIPLIERS, FIGURES, FIGURES)
def test_a_notional_is_the_most_that_fits(
    contract: ContractKind, step: str, multiplier: str, notional: Decimal, price: Decimal
) -> None:
    """The worth of the quantity is at most the notional, and one lot step more is beyond it."""
    made = instrument(contract, step, multiplier)
    quantity = rounded_down(quantity_for_notional(made, notional, price), made)
    unit = exact(Decimal(multiplier)) * (exact(price) if contract is ContractKind.LINEAR else 1)
    assert exact(quantity) * unit <= exact(notional) < exact(quantity + Decimal(step)) * unit
    assert quantity % Decimal(step) == 0


@given(st.sampled_from(ContractKind), STEPS, MULTIPLIERS, FIGURES, FIGURES, FIGURES)
def test_a_risk_is_the_most_that_is_lost(
    contract: ContractKind, step: str, multiplier: str, risk: Decimal, price: Decimal, stop: Decimal
) -> None:
    """From price to stop the quantity loses at most the risk, and one lot step more loses more."""
    if price == stop:
        return
    made = instrument(contract, step, multiplier)
    quantity = rounded_down(quantity_for_risk(made, risk, price, stop), made)
    distance = abs(exact(price) - exact(stop))
    if contract is ContractKind.INVERSE:
        distance = abs(1 / exact(price) - 1 / exact(stop))
    unit = distance * exact(Decimal(multiplier))
    assert exact(quantity) * unit <= exact(risk) < exact(quantity + Decimal(step)) * unit


@given(st.sampled_from(OrderSide), FIGURES, st.integers(1, 999_999), STEPS)
def test_a_bound_is_on_the_tick_and_never_beyond(
    side: OrderSide, price: Decimal, millionths: int, tick: str
) -> None:
    """A buy never pays more than the slippage allows, a sale never gets less; the next tick would."""
    rate, step = Decimal(millionths).scaleb(-6), Decimal(tick)
    bound = slippage_bound(side, price, rate, step)
    assert bound % step == 0
    if side is OrderSide.BUY:
        assert exact(bound) <= exact(price) * (1 + exact(rate)) < exact(bound + step)
    else:
        assert exact(bound) >= exact(price) * (1 - exact(rate)) > exact(bound - step)


@pytest.mark.parametrize(("rate", "stop"), [("-0.02", "98"), ("0.02", "102"), ("-0.9999", "0.01")])
def test_a_stop_in_percent_is_a_price(rate: str, stop: str) -> None:
    """The rate is signed as the price moves."""
    assert stop_price_of(Decimal(100), Decimal(rate)) == Decimal(stop)


def test_an_endless_figure_is_cut_off_not_rounded_up() -> None:
    """What is recorded of an unrounded quantity is never more than it is."""
    assert shown(Decimal("0." + "6" * 60)) == Decimal("0." + "6" * 38)
