"""The small vocabularies of an order: side, type, time in force, liquidity."""

from __future__ import annotations

from enum import StrEnum


class OrderSide(StrEnum):
    """The direction of an order or fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> OrderSide:
        """Return the other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(StrEnum):
    """How an order finds its price.

    ``STOP`` and ``TAKE_PROFIT`` become market orders, ``STOP_LIMIT`` and ``TAKE_PROFIT_LIMIT`` limit
    orders, once the market has reached the trigger price: a stop against the order's favour (a sell
    below, a buy above the market), a take-profit in it. The trigger of a ``TRAILING_STOP`` follows the
    market at a distance.
    """

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order may work.

    Good until canceled; immediate or cancel; fill or kill (whole and at once, or not at all); good
    until a date.
    """

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class Liquidity(StrEnum):
    """Whether a fill took liquidity or made it."""

    MAKER = "maker"
    TAKER = "taker"
