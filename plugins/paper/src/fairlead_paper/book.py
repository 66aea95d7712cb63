"""An order book of others: what a taker can have at once, level by level. Given, or made up from settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import attrs

from fairlead.ports.exchange import Instrument, OrderSide
from fairlead_paper.exact import ONE, ZERO, add, divide_exactly, floor_to, is_usable, multiply, subtract
from fairlead_paper.records import DepthRules

Level = tuple[Decimal, Decimal]
"""A price and the quantity that others want to trade there, in base."""

# fixed: how finely the variation of a level is drawn
_DRAWS = 1_000_000


@attrs.define(slots=True, eq=False)
class Book:
    """Bids and asks, best first."""

    bids: list[Level]
    asks: list[Level]

    def facing(self, side: OrderSide) -> list[Level]:
        """Return the levels that a taker of the side trades with."""
        return self.asks if side is OrderSide.BUY else self.bids

    def take(self, side: OrderSide, quantity: Decimal) -> None:
        """Take a quantity from the best level that a taker of the side trades with."""
        levels = self.facing(side)
        price, there = levels[0]
        if quantity < there:
            levels[0] = price, subtract(there, quantity)
        else:
            del levels[0]

    def within(self, side: OrderSide, limit: Decimal) -> Decimal:
        """Return how much a taker of the side can have without going beyond the limit."""
        levels = self.facing(side)
        total = ZERO
        for price, there in levels:
            if price > limit if side is OrderSide.BUY else price < limit:
                break
            total = add(total, there)
        return total

    def queue_at(self, side: OrderSide, price: Decimal) -> Decimal:
        """Return what stands at the price on the order's own side, or at the last level when beyond it."""
        levels = self.facing(side.opposite)
        for level, there in levels:
            if level == price:
                return there
            if level < price if side is OrderSide.BUY else level > price:
                return ZERO
        return levels[-1][1] if levels else ZERO


def made_up_book(rules: DepthRules, instrument: Instrument, price: Decimal, number: int) -> Book:
    """Return the book after the trade with that number; the same seed, symbol and number, the same one."""
    tick, lot = instrument.price_increment, instrument.quantity_increment
    low = floor_to(price, tick)
    high = low if low == price else add(low, tick)
    book = Book([], [])
    name = f"{rules.seed}/{instrument.symbol}/{number}"
    for number_of_level in range(rules.levels):
        away = multiply(Decimal(rules.half_spread_ticks + number_of_level * rules.level_ticks), tick)
        levels = ((book.asks, add(high, away)), (book.bids, subtract(low, away)))
        for side, at in levels:
            part = add(ONE, multiply(rules.variation, _drawn(f"{name}/{at}")))
            quantity = floor_to(multiply(rules.level_quantity, part), lot)
            if at > ZERO and quantity > ZERO:
                side.append((at, quantity))
    return book


def _drawn(name: str) -> Decimal:
    """Return the fraction between -1 and 1 that belongs to a name, always the same."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (2 * _DRAWS + 1)
    return divide_exactly(Decimal(number - _DRAWS), Decimal(_DRAWS))


def is_book(bids: Sequence[Level], asks: Sequence[Level]) -> bool:
    """Tell whether the levels are a book: positive figures, best first, the best bid below the best ask."""
    if not all(is_usable(figure) for level in (*bids, *asks) for figure in level):
        return False
    for levels, sign in ((bids, -1), (asks, 1)):
        prices = [price if sign > 0 else price.copy_negate() for price, _ in levels]
        if any(later <= earlier for earlier, later in pairwise(prices)):
            return False
    return not bids or not asks or bids[0][0] < asks[0][0]
