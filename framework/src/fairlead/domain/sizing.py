"""Sizing: from what a bot wants to own or to lose to a quantity, rounded down to the lot step."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.numbers import (
    ONE,
    QUANTISING,
    SIGNIFICANT_DIGITS_MAX,
    add,
    divide,
    floor_to_step,
    multiply,
    subtract,
    to_decimal,
)
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.values import Value

_DOWN = Context(prec=SIGNIFICANT_DIGITS_MAX, rounding=ROUND_DOWN, Emin=-999, Emax=999)


class SizedBy(StrEnum):
    """What a computed quantity came from."""

    NOTIONAL = "notional"
    RISK = "risk"
    TARGET = "target"


class Sizing(Value):
    """How a quantity was computed: the evidence beside the order's own figures.

    *requested* is the bot's figure; *unrounded* the quantity that it comes to, cut off after 38 digits,
    and the order's quantity is that rounded down to the lot step. *price* is the entry price it was
    computed at and *stop_price* the stop that bounds a risk; *held* is the position that a target was
    compared with.
    """

    by: SizedBy
    requested: Decimal
    unrounded: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    held: Decimal | None = None


def quantity_for_notional(instrument: Instrument, notional: Decimal, price: Decimal) -> Decimal:
    """Return the unrounded quantity that is worth so much quote currency at the price."""
    per_unit = instrument.contract_multiplier
    if instrument.contract is ContractKind.LINEAR:
        per_unit = multiply(per_unit, price)
    return divide(notional, per_unit)


def quantity_for_risk(instrument: Instrument, risk: Decimal, price: Decimal, stop_price: Decimal) -> Decimal:
    """Return the unrounded quantity that loses so much of the settlement currency from price to stop.

    Linear: risk / (distance x multiplier). Inverse: the same with the distance between 1/price and
    1/stop. Stop and price differ. Fees and slippage come on top.
    """
    distance = multiply(subtract(price, stop_price).copy_abs(), instrument.contract_multiplier)
    if instrument.contract is ContractKind.INVERSE:
        return divide(QUANTISING.multiply(risk, multiply(price, stop_price)), distance)
    return divide(risk, distance)


def stop_price_of(entry: Decimal, rate: Decimal) -> Decimal:
    """Return the stop that lies that signed fraction away from the entry."""
    return multiply(entry, add(ONE, rate))


def shown(quantity: Decimal) -> Decimal:
    """Return a quantity cut off after 38 digits, as it is recorded."""
    return _DOWN.plus(quantity)


def rounded_down(quantity: Decimal, instrument: Instrument) -> Decimal:
    """Return the quantity on the lot step, or raise `NumberRefused` when it is beyond what can be kept."""
    return to_decimal(floor_to_step(quantity, instrument.quantity_increment), "quantity")


def slippage_bound(side: OrderSide, price: Decimal, rate: Decimal, increment: Decimal) -> Decimal:
    """Return the worst price that may be paid, on the tick, rounded towards the price; zero when none is.

    Raises `NumberRefused` when it is beyond what can be kept.
    """
    buying = side is OrderSide.BUY
    bound = multiply(price, add(ONE, rate) if buying else subtract(ONE, rate))
    on_tick = floor_to_step(bound, increment)
    if not buying and on_tick != bound:
        on_tick = add(on_tick, increment)
    return to_decimal(on_tick, "limit_price")
