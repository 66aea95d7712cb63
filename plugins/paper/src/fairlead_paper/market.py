"""One instrument's market: its last trade, what is left of that trade's volume, and our open orders."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal

from fairlead.errors import ConfigurationRefused
from fairlead.ports.exchange import Instrument, OrderSide, OrderType
from fairlead_paper.exact import ONE, ZERO, add, subtract
from fairlead_paper.records import VenueOrder

# fixed: stands for a price better than any
_ALWAYS = Decimal("-Infinity")  # a market order's key: better than any price

# Quantity, price and rate of 38, 38 and 18 digits still multiply exactly in 96.
# fixed: products of such numbers stay exact in 96 digits
_RATE_DIGITS_MAX = 18

_Key = tuple[Decimal, int]


class Market:
    """The state of one instrument.

    *available* is the unused volume of the last public trade, *last_index* its place on the tape.
    """

    def __init__(self, instrument: Instrument) -> None:
        for rate in (instrument.maker_fee_rate, instrument.taker_fee_rate):
            if len(rate.as_tuple().digits) > _RATE_DIGITS_MAX:
                raise ConfigurationRefused(
                    f"The instrument {instrument.symbol} has a fee rate of {rate}.",
                    fix=f"Write it with at most {_RATE_DIGITS_MAX} digits, such as 0.0026.",
                )
        self.instrument = instrument
        self.settlement_unit = Decimal((0, (1,), -instrument.settlement_decimals))
        self.lock_rates = tuple(
            add(ONE, max(ZERO, rate)) for rate in (instrument.maker_fee_rate, instrument.taker_fee_rate)
        )
        self.last_price: Decimal | None = None
        self.last_index: int | None = None
        self.available = ZERO
        self._buys: list[_Key] = []
        self._sells: list[_Key] = []
        self._orders: dict[int, VenueOrder] = {}

    def crosses(self, side: OrderSide, limit_price: Decimal | None) -> bool:
        """Tell whether an order would trade at the last price; without a last price none does."""
        last = self.last_price
        if last is None:
            return False
        if limit_price is None:
            return True
        return limit_price >= last if side is OrderSide.BUY else limit_price <= last

    def add(self, order: VenueOrder) -> None:
        """Let the order wait for trades."""
        self._orders[order.sequence] = order
        insort(self._side(order), _key(order))

    def remove(self, order: VenueOrder) -> None:
        """Take the order out; harmless when it is not in."""
        if self._orders.pop(order.sequence, None) is not None:
            keys = self._side(order)
            del keys[bisect_left(keys, _key(order))]

    def eligible(self, price: Decimal) -> list[VenueOrder]:
        """Return the orders that a trade at the price reaches, best price first, then oldest first.

        Buys and sells share the volume of a trade; between them the order that is further beyond the
        price comes first, market orders before all.
        """
        negated = price.copy_negate()
        buys = _up_to(self._buys, negated)
        sells = _up_to(self._sells, price)
        if buys and sells:
            ranked = [(subtract(key, negated), sequence) for key, sequence in buys]
            ranked += [(subtract(key, price), sequence) for key, sequence in sells]
            ranked.sort()
        else:
            ranked = buys or sells
        return [self._orders[sequence] for _, sequence in ranked]

    def _side(self, order: VenueOrder) -> list[_Key]:
        return self._buys if order.side is OrderSide.BUY else self._sells


def _key(order: VenueOrder) -> _Key:
    limit = order.limit_price
    if order.order_type is OrderType.MARKET or limit is None:
        return _ALWAYS, order.sequence
    # copy_negate, because the minus operator would round to the process-wide context
    return (limit.copy_negate() if order.side is OrderSide.BUY else limit), order.sequence


def _up_to(keys: list[_Key], bound: Decimal) -> list[_Key]:
    if not keys or keys[0][0] > bound:
        return []
    return keys[: bisect_left(keys, (bound, _BEYOND_SEQUENCES))]


# fixed: more than any sequence
_BEYOND_SEQUENCES = 1 << 63
