"""Dust: a quantity for which the venue takes no order, by one rule for whoever asks."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.numbers import ZERO, floor_to_step, multiply


def is_dust(instrument: Instrument, quantity: Decimal, price: Decimal | None, *, reduces: bool) -> bool:
    """Tell whether no order for the (not negative) quantity, or the part of it on the lot step, is taken.

    *reduces* says whether the order would only reduce a position: the venue may exempt that from its
    minimums, though never from its lot step. Without a price the minimum cost is left out, for nobody
    knows what the quantity is worth.
    """
    tradable = floor_to_step(quantity, instrument.quantity_increment)
    if tradable == ZERO:
        return True
    if reduces and instrument.reductions_exempt_from_minimum:
        return False
    if tradable < instrument.minimum_quantity:
        return True
    return price is not None and cost_of(instrument, tradable, price) < instrument.minimum_cost


def cost_of(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a (not negative) quantity is worth in quote, which is what the minimum cost is in."""
    amount = multiply(quantity, instrument.contract_multiplier)
    return amount if instrument.contract is ContractKind.INVERSE else multiply(amount, price)
