"""Prices: what a market said, and what is known of a symbol's price at one moment.

Prices are in quote currency for one unit of base; times are wall nanoseconds UTC at the source.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.numbers import QUANTISING, ZERO, text_of, to_positive
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.values import Value
from fairlead.errors import InvalidInput, NumberRefused

# fixed: what a signed integer of 64 bits holds, and the middle of two
TIME_MAX_NS = 2**63
HALF = Decimal("0.5")


class Trade(Value):
    """A public trade: *quantity*, in base, changed hands at *price*."""

    symbol: str
    price: Decimal
    quantity: Decimal
    ts_event: int


class Quote(Value):
    """The best bid and the best ask; the quantities behind them, in base, where the source says them."""

    symbol: str
    bid: Decimal
    ask: Decimal
    ts_event: int
    bid_quantity: Decimal | None = None
    ask_quantity: Decimal | None = None

    @property
    def price(self) -> Decimal:
        """Return the middle of bid and ask: the one figure that stands for the quote."""
        return QUANTISING.multiply(QUANTISING.add(self.bid, self.ask), HALF)


def check_price(given: object) -> None:
    """Raise `InvalidInput`, with the field, for what cannot be a price.

    That is anything but a `Quote` or a `Trade`; figures that are no positive decimals; a quote whose
    bid is not below its ask; a time that is none. The symbol's shape is checked where it is first seen.
    """
    if type(given) is Trade:
        _check_figure(given.price, "price")
        _check_quantity(given.quantity, "quantity")
    elif type(given) is Quote:
        _check_quote(given)
    else:
        problem = f"a {type(given).__name__} is neither a Quote nor a Trade"
        raise InvalidInput("price", problem, fix="Pass fairlead.Quote or fairlead.Trade.")
    ts_event: object = given.ts_event
    if type(ts_event) is not int or not 0 <= ts_event < TIME_MAX_NS:
        raise InvalidInput("ts_event", "is not a time", fix="Pass wall nanoseconds UTC as an integer.")


def _check_quote(quote: Quote) -> None:
    _check_figure(quote.bid, "bid")
    _check_figure(quote.ask, "ask")
    if quote.bid >= quote.ask:
        problem = f"the bid, {text_of(quote.bid)}, is not below the ask, {text_of(quote.ask)}"
        raise InvalidInput("bid", problem, fix="Leave out quotes of a crossed or locked market.")
    if quote.bid_quantity is not None:
        _check_quantity(quote.bid_quantity, "bid_quantity")
    if quote.ask_quantity is not None:
        _check_quantity(quote.ask_quantity, "ask_quantity")


def _check_figure(value: object, field: str) -> None:
    """Refuse what is no positive decimal; nothing is converted here, for streams hand the value on."""
    if type(value) is not Decimal:
        raise _no_decimal(value, field)
    to_positive(value, field)


def _check_quantity(value: object, field: str) -> None:
    if type(value) is not Decimal:
        raise _no_decimal(value, field)
    if not value.is_finite() or value < ZERO:
        raise NumberRefused(field, "is not a quantity", fix="Pass zero where the source does not say it.")


def _no_decimal(value: object, field: str) -> NumberRefused:
    problem = f"is a {type(value).__name__}, not a Decimal"
    return NumberRefused(field, problem, fix='Pass a decimal, such as Decimal("0.015").')


class Price(Value):
    """What is known of a symbol's price at one moment; a snapshot that never changes.

    *price* is the last trade's, or the middle of the last quote when that is newer. *bid* and *ask*
    are there when a quote counts. *age_ns* is the time since the last quote, trade or heartbeat.
    *suspect* is a price that jumped and that no second one has confirmed yet. *source* holds the
    symbol, or nobody does.
    """

    symbol: str
    price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    ts_event: int
    age_ns: int
    fresh: bool
    suspect: Quote | Trade | None = None
    source: str = ""

    @property
    def usable(self) -> bool:
        """Tell whether sizes, triggers, limits and conversions may rest on it: fresh, no jump open."""
        return self.fresh and self.suspect is None

    def taking(self, side: OrderSide) -> Decimal:
        """Return what an order of this side that takes would pay: the ask or the bid, else *price*."""
        quoted = self.ask if side is OrderSide.BUY else self.bid
        return self.price if quoted is None else quoted


class Freshness(Value):
    """How young a symbol's price is; *age_ns* is nothing when there never was one."""

    symbol: str
    fresh: bool
    age_ns: int | None
    source: str
