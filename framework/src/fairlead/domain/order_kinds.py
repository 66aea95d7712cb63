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
    """How an order finds its price."""

    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    """How long an order may work."""

    GTC = "gtc"
    IOC = "ioc"


class Liquidity(StrEnum):
    """Whether a fill took liquidity or made it."""

    MAKER = "maker"
    TAKER = "taker"
