"""The exposure limits: how much an order, a symbol and everything together may be worth.

Everything is counted in the reporting currency and valued high. What cannot be valued, or is not known,
denies: an exposure that nobody can count is not below any limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import ClassVar

import attrs

from fairlead.ports.numbers import ONE, ZERO
from fairlead.ports.risk import ALLOW, Deny, Fact, Judgement, NoRate, OrderSide, RiskRequest, RiskView
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.exact import minus, plain, plus, times, total_of
from fairlead_riskhooks.exposure_book import (
    EMPTY,
    Asked,
    ExposureBook,
    Key,
    OpeningOrder,
    fold_exposure,
    terms_of_contract,
    unknown_of,
)
from fairlead_riskhooks.fields import check_one_given, is_positive, to_number
from fairlead_riskhooks.stored import load


@attrs.frozen(kw_only=True)
class MaximumExposureSettings:
    """Limits in the reporting currency of the kernel; at least one is given.

    *order* is for one order, *position* for the positions of one symbol over its books, *total* for all
    symbols. The last two count what is held and what live orders may still add, at its worst.
    """

    order: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={"doc": "worth of one order, reporting currency; no limit when left out"},
    )
    position: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={
            "doc": "worth of a symbol, live orders included, reporting currency; no limit when left out"
        },
    )
    total: Decimal | None = attrs.field(
        default=None,
        converter=to_number,
        validator=is_positive,
        metadata={
            "doc": "worth of all symbols, live orders included, reporting currency; no limit when left out"
        },
    )

    def __attrs_post_init__(self) -> None:
        check_one_given(self, "order", "position", "total")


@attrs.frozen
class MaximumExposure:
    """Denies an order that would let more be at risk than allowed, or than can be counted.

    The exposure of a position is what it comes to when all its live buys are filled, or all its live
    sells, or none: the largest of the three. Long and short positions are added, never netted. A contract
    counts with its multiplier, an inverse one by the quote currency it stands for.
    """

    settings: MaximumExposureSettings
    name: str = attrs.field(default="maximum_exposure", init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    @property
    def limits(self) -> Mapping[str, Decimal]:
        """Return the limits that are set, in the reporting currency."""
        found = attrs.asdict(self.settings)
        return {name: limit for name, limit in found.items() if limit is not None}

    def initial(self) -> str:
        """Return an empty book."""
        return EMPTY

    def fold(self, value: str, fact: Fact) -> str:
        """Note positions and orders as they come and go."""
        return fold_exposure(value, fact)

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare order, symbol and total with their limits; the first breach is the answer."""
        if request.reduces:
            return ALLOW
        book = load(value, ExposureBook)
        book.orders.pop(request.live_order_id, None)
        return next(self._denials(request, view, book), ALLOW)

    def _denials(self, request: RiskRequest, view: RiskView, book: ExposureBook) -> Iterator[Deny]:
        asked = _opening(request)
        settings = self.settings
        if settings.order is not None:
            worth = _converted(_order_worth(asked, view), asked.key[0], view)
            yield from _denial(reason_codes.ORDER_EXPOSURE, "The order", worth, settings.order, view)
        orders = [*book.orders.values(), asked]
        keys = {*book.positions, *(order.key for order in orders)}
        own = {key for key in keys if key[0] == request.symbol}
        if settings.position is not None:
            worth = _unknown(own, request.symbol, book, view) or _worth_of_keys(own, orders, view)
            what = f"With the order, {request.symbol}"
            yield from _denial(reason_codes.POSITION_EXPOSURE, what, worth, settings.position, view)
        if settings.total is not None:
            worth = _unknown(keys, None, book, view) or _worth_of_keys(keys, orders, view)
            what = "With the order, everything"
            yield from _denial(reason_codes.TOTAL_EXPOSURE, what, worth, settings.total, view)


def _opening(request: RiskRequest) -> OpeningOrder:
    instrument = request.instrument
    return OpeningOrder(
        (request.symbol, request.book, request.position_id),
        request.side is OrderSide.BUY,
        Asked(request.quantity, request.price),
        multiplier=instrument.contract_multiplier,
        inverse=instrument.contract == "inverse",
    )


def _denial(code: str, what: str, worth: Decimal | Deny, limit: Decimal, view: RiskView) -> Iterator[Deny]:
    if isinstance(worth, Deny):
        yield worth
    elif not worth <= limit:
        yield Deny(
            code,
            f"{what} would be worth {plain(worth)} {view.reporting_currency}, "
            f"above the maximum of {plain(limit)}.",
            (("exposure", plain(worth)), ("limit", plain(limit)), ("currency", view.reporting_currency)),
        )


def _unknown(keys: Iterable[Key], symbol: str | None, book: ExposureBook, view: RiskView) -> Deny | None:
    """Return a denial when the view counts a position or an order that the book does not hold."""
    what = unknown_of(keys, symbol, book, view)
    if not what:
        return None
    return Deny(
        reason_codes.EXPOSURE_UNKNOWN,
        f"{what} began before this check was switched on and are not known to it yet: positions are with "
        "the next snapshot of positions, orders when they end.",
        (("unknown", what),),
    )


def _worth_of_keys(keys: Iterable[Key], orders: list[OpeningOrder], view: RiskView) -> Decimal | Deny:
    """Return what positions are worth at their worst, in the reporting currency."""
    found = []
    for key in sorted(keys):
        of_key = [order for order in orders if order.key == key]
        worth = _converted(_position_worth(key, of_key, view), key[0], view)
        if isinstance(worth, Deny):
            return worth
        found.append(worth)
    return total_of(found)


def _position_worth(key: Key, orders: list[OpeningOrder], view: RiskView) -> Decimal | Deny:
    """Return what one position is worth in its quote currency, held, all bought or all sold."""
    held = _held_worth(key, view)
    if isinstance(held, Deny):
        return held
    bought, sold = held, held
    for order in orders:
        worth = _order_worth(order, view)
        if isinstance(worth, Deny):
            return worth
        if order.buys:
            bought = plus(bought, worth)
        else:
            sold = minus(sold, worth)
    return max(held.copy_abs(), bought.copy_abs(), sold.copy_abs())


def _held_worth(key: Key, view: RiskView) -> Decimal | Deny:
    """Return what is held, signed, in its quote currency."""
    position = view.position(*key)
    if position is None or position.quantity == ZERO:
        return ZERO
    multiplier, inverse = terms_of_contract(position.contract)
    price = ONE if inverse else _market_price(key[0], view)
    if price is None:
        return _unpriced(key[0])
    return times(times(position.quantity, multiplier), price)


def _order_worth(order: OpeningOrder, view: RiskView) -> Decimal | Deny:
    """Return what the order may still add, in its quote currency; the larger one while it changes."""
    found = []
    for each in order.leaves():
        price = ONE if order.inverse else _order_price(order, each.price, view)
        if price is None:
            return _unpriced(order.key[0])
        found.append(times(times(each.quantity, order.multiplier), price))
    return max(found)


def _order_price(order: OpeningOrder, price: Decimal | None, view: RiskView) -> Decimal | None:
    """Return the price to value it by: a sell trades at the market's when that is higher."""
    if price is not None and order.buys:
        return price
    market = _market_price(order.key[0], view)
    return market if price is None else max(price, market or price)


def _market_price(symbol: str, view: RiskView) -> Decimal | None:
    price = view.price(symbol)
    if price is None or not price.usable:
        return None
    return max(price.price, price.ask or price.price)


def _converted(worth: Decimal | Deny, symbol: str, view: RiskView) -> Decimal | Deny:
    """Return an amount of the symbol's quote currency in the reporting currency, or a denial."""
    if isinstance(worth, Deny):
        return worth
    quote = symbol.partition("/")[2].partition(":")[0]
    answer = view.convert(worth, quote, exposure=True)
    if isinstance(answer, NoRate):
        return Deny(
            reason_codes.EXPOSURE_NOT_CONVERTED,
            f"The worth of {symbol} cannot be counted in the reporting currency: {answer.pair}: "
            f"{answer.reason}.",
            (("pair", answer.pair), ("problem", answer.reason)),
        )
    return answer.amount


def _unpriced(symbol: str) -> Deny:
    return Deny(
        reason_codes.EXPOSURE_UNPRICED,
        f"There is no usable price of {symbol} to value it by.",
        (("symbol", symbol),),
    )
