"""What open positions would win or lose if they were closed now, by currency."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fairlead.ports.numbers import ZERO
from fairlead.ports.risk import Deny, OrderSide, RiskView
from fairlead_riskhooks import reason_codes
from fairlead_riskhooks.exact import minus, over, plus, times
from fairlead_riskhooks.exposure_book import Key, terms_of_contract


def held_losses(keys: Iterable[Key], view: RiskView) -> dict[str, Decimal] | Deny:
    """Return what the positions come to in each currency, as far as it is a loss; before fees of closing.

    A profit on paper makes up for losses in the same currency, and for nothing else. A denial where a
    position has no usable price.
    """
    found: dict[str, Decimal] = {}
    for key in keys:
        position = view.position(*key)
        if position is None or position.quantity == ZERO:
            continue
        price = view.price(key[0])
        if price is None or not price.usable:
            return Deny(
                reason_codes.RESULT_UNPRICED,
                f"What is held of {key[0]} counts, and there is no usable price of it.",
                (("symbol", key[0]),),
            )
        closing = price.taking(OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY)
        multiplier, inverse = terms_of_contract(position.contract)
        size = times(position.quantity, multiplier)
        worth = over(size, closing).copy_negate() if inverse else times(size, closing)
        result = minus(worth, position.cost)
        found[position.currency] = plus(found.get(position.currency, ZERO), result)
    return {currency: min(ZERO, result) for currency, result in found.items()}
