"""One instrument's market: its last trade, what takers can have, our resting orders, and our triggers."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal

from fairlead.errors import ConfigurationRefused
from fairlead.ports.exchange import Instrument, OrderSide
from fairlead_paper.book import Book, Level, made_up_book
from fairlead_paper.exact import (
    ONE,
    ZERO,
    add,
    divide_down,
    finer_of,
    floor_to,
    multiply,
    subtract,
)
from fairlead_paper.records import RATE_DIGITS_MAX, PublicTrade, VenueOrder, VenueRules
from fairlead_paper.triggers import Triggers

# fixed: stands for a price better than any
_ALWAYS = Decimal("-Infinity")  # a market order's key: better than any price

# fixed: how many trades are recent
RECENT_TRADES = 20

# fixed: as finely as fees in base are taken, or as finely as the lot where that is finer
_BASE_UNIT = Decimal("0.00000001")

_Key = tuple[Decimal, int]


class Market:
    """The state of one instrument.

    *available* is the unused volume of the last public trade, *last_index* its place on the tape, *recent*
    the sizes of the last trades, *trades* how many there were. *book* is what others offer, when a book is
    given or made up; takers then trade with it, and with the last trade's volume otherwise.
    """

    def __init__(self, instrument: Instrument, rules: VenueRules | None = None) -> None:
        for rate in (instrument.maker_fee_rate, instrument.taker_fee_rate):
            if len(rate.as_tuple().digits) > RATE_DIGITS_MAX:
                raise ConfigurationRefused(
                    f"The instrument {instrument.symbol} has a fee rate of {rate}.",
                    fix=f"Write it with at most {RATE_DIGITS_MAX} digits, such as 0.0026.",
                )
        self.instrument = instrument
        self.rules = rules or VenueRules()
        self.settlement_unit = Decimal((0, (1,), -instrument.settlement_decimals))
        self.base_unit = finer_of(_BASE_UNIT, instrument.quantity_increment)
        self.lock_rates = tuple(
            add(ONE, max(ZERO, rate)) for rate in (instrument.maker_fee_rate, instrument.taker_fee_rate)
        )
        self.last_price: Decimal | None = None
        self.last_index: int | None = None
        self.available = ZERO
        self.recent: list[Decimal] = []
        self.trades = 0
        self.book: Book | None = None
        self.triggers = Triggers()
        self._buys: list[_Key] = []
        self._sells: list[_Key] = []
        self._orders: dict[int, VenueOrder] = {}

    # -- what takers can have --------------------------------------------------------------------------------

    def taking_price(self, side: OrderSide) -> Decimal | None:
        """Return what a taker pays first: the best level of the book, or the last price with slippage."""
        if self.book is not None:
            levels = self.book.facing(side)
            return levels[0][0] if levels else None
        return None if self.last_price is None else self.slipped(side, self.last_price)

    def crosses(self, side: OrderSide, limit_price: Decimal | None) -> bool:
        """Tell whether an order would trade at once; where there is no price none does."""
        if limit_price is None:
            return self.last_price is not None or self.book is not None
        price = self.taking_price(side)
        if price is None:
            return False
        return limit_price >= price if side is OrderSide.BUY else limit_price <= price

    def offer(self, order: VenueOrder) -> Level | None:
        """Return price and quantity of what the taker can have next, or nothing."""
        price, limit = self.taking_price(order.side), order.limit_price
        if price is None or (limit is not None and not self.crosses(order.side, limit)):
            return None
        if self.book is not None:
            return self.book.facing(order.side)[0]
        return (price, self.available) if self.available else None

    def offered(self, order: VenueOrder) -> Decimal:
        """Return how much the taker can have at once within its limit."""
        limit = order.limit_price
        if limit is None or not self.crosses(order.side, limit):
            return ZERO
        return self.available if self.book is None else self.book.within(order.side, limit)

    def taken(self, side: OrderSide, quantity: Decimal) -> None:
        """Note that a taker of the side took a quantity of the next offer."""
        if self.book is not None:
            self.book.take(side, quantity)
        else:
            self.available = subtract(self.available, quantity)

    def slipped(self, side: OrderSide, price: Decimal) -> Decimal:
        """Return the price with the taker's slippage; a sell never gets less than one tick."""
        rules, tick = self.rules, self.instrument.price_increment
        slippage = multiply(tick, Decimal(rules.slippage_ticks))
        if rules.slippage_rate:
            slippage = self.up_to_tick(multiply(price, rules.slippage_rate))
        if not slippage:
            return price
        return add(price, slippage) if side is OrderSide.BUY else max(tick, subtract(price, slippage))

    def up_to_tick(self, price: Decimal) -> Decimal:
        """Return the lowest multiple of the tick that is not below the price."""
        tick = self.instrument.price_increment
        floored = floor_to(price, tick)
        return floored if floored == price else add(floored, tick)

    # -- public trades ---------------------------------------------------------------------------------------

    def note(self, trade: PublicTrade) -> None:
        """Take a public trade: its price, the part of its volume that may be ours, and the book after it."""
        self.last_price, self.last_index = trade.price, trade.index
        self.available = self.ours_of(trade.quantity)
        if trade.quantity:  # a feed may not say it
            self.recent = [*self.recent, trade.quantity][-RECENT_TRADES:]
        self.trades += 1
        if self.rules.depth is not None:
            self.book = made_up_book(self.rules.depth, self.instrument, trade.price, self.trades)

    def ours_of(self, quantity: Decimal) -> Decimal:
        """Return the part of a volume that our orders may take."""
        return floor_to(multiply(quantity, self.rules.participation), self.instrument.quantity_increment)

    # -- resting orders --------------------------------------------------------------------------------------

    def add(self, order: VenueOrder) -> None:
        """Let the order wait: for its trigger, or for trades."""
        if order.is_waiting_for_trigger:
            self.triggers.add(order)
            return
        self._orders[order.priority] = order
        insort(self._side(order), _key(order))

    def remove(self, order: VenueOrder) -> None:
        """Take the order out; harmless when it is not in."""
        self.triggers.remove(order)
        if self._orders.pop(order.priority, None) is not None:
            keys = self._side(order)
            del keys[bisect_left(keys, _key(order))]

    def resting(self) -> list[VenueOrder]:
        """Return the orders that wait for trades, first come first."""
        return [self._orders[priority] for priority in sorted(self._orders)]

    def eligible(self, price: Decimal) -> list[VenueOrder]:
        """Return the orders that a trade at the price reaches, best price first, then first come first.

        Buys and sells share the volume of a trade; between them the order that is further beyond the
        price comes first, market orders before all.
        """
        negated = price.copy_negate()
        buys = _up_to(self._buys, negated)
        sells = _up_to(self._sells, price)
        if buys and sells:
            ranked = [(subtract(key, negated), priority) for key, priority in buys]
            ranked += [(subtract(key, price), priority) for key, priority in sells]
            ranked.sort()
        else:
            ranked = buys or sells
        return [self._orders[priority] for _, priority in ranked]

    def queue_for(self, order: VenueOrder) -> Decimal:
        """Return what others have before an order that begins to rest now at its price."""
        if self.book is not None and order.limit_price is not None:
            return self.book.queue_at(order.side, order.limit_price)
        rules = self.rules
        ahead = rules.queue_ahead
        if rules.queue_ahead_trades and self.recent:
            weighted = multiply(_sum(self.recent), rules.queue_ahead_trades)
            lot = self.instrument.quantity_increment
            ahead = add(ahead, divide_down(weighted, Decimal(len(self.recent)), lot))
        return ahead

    def _side(self, order: VenueOrder) -> list[_Key]:
        return self._buys if order.side is OrderSide.BUY else self._sells


def _sum(quantities: list[Decimal]) -> Decimal:
    total = ZERO
    for quantity in quantities:
        total = add(total, quantity)
    return total


def _key(order: VenueOrder) -> _Key:
    limit = order.limit_price
    if limit is None:
        return _ALWAYS, order.priority
    # copy_negate, because the minus operator would round to the process-wide context
    return (limit.copy_negate() if order.side is OrderSide.BUY else limit), order.priority


def _up_to(keys: list[_Key], bound: Decimal) -> list[_Key]:
    if not keys or keys[0][0] > bound:
        return []
    return keys[: bisect_left(keys, (bound, _BEYOND_PRIORITIES))]


# fixed: more than any priority
_BEYOND_PRIORITIES = 1 << 63
