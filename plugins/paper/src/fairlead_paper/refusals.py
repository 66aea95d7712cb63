"""Why the venue refuses an order: the checks before any balance is looked at.

Each returns a text that begins with a code and a colon, or the empty string.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.ports.exchange import (
    Instrument,
    ModifyRequest,
    OrderSide,
    OrderType,
    SubmitRequest,
    TimeInForce,
)
from fairlead_paper.exact import ONE, is_usable, multiply, on_grid, text_of
from fairlead_paper.market import Market
from fairlead_paper.records import RATE_DIGITS_MAX, Locking, VenueOrder

# fixed: the rules of the simulated venue, which are those of the framework
CLIENT_ORDER_ID_LENGTH_MAX = 64

RULE_CODES = frozenset(
    {
        "unknown_symbol",
        "off_tick",
        "off_lot",
        "below_minimum_quantity",
        "above_maximum_quantity",
        "below_minimum_cost",
    }
)
"""The codes of refusals for a rule of the symbol: whoever gets one may go by old rules."""

_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_TRIGGERED = frozenset(
    {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def shape_refusal(order: SubmitRequest, market: Market) -> str:
    """Refuse what breaks the instrument's rules or cannot be an order at all."""
    if (
        not order.client_order_id.isascii()
        or not 0 < len(order.client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX
    ):
        return "bad_client_order_id: 1 to 64 ASCII characters are taken"
    refusal = _terms_refusal(order, market.rules.locking)
    if refusal:
        return refusal
    if not is_usable(order.quantity):
        return "bad_quantity: not a positive, finite decimal"
    refusal = _prices_refusal(order, market.instrument)
    if refusal:
        return refusal
    price = order.limit_price or order.trigger_price or market.last_price
    if price is None and not _is_trailing(order):
        price = market.taking_price(order.side)
    if price is None and (order.side is OrderSide.BUY or not _is_trailing(order)):
        return "no_market_price: nothing has traded yet"
    if order.post_only and market.crosses(order.side, price):
        return "post_only_would_take: it would trade at once"
    return _quantity_refusal(order, market.instrument, price)


def change_refusal(order: VenueOrder, change: ModifyRequest, market: Market) -> str:
    """Refuse a change that would make the order one that could not be placed, or that leaves nothing."""
    terms = change.terms
    if order.order_type is OrderType.MARKET:
        return "unsupported_change: a market order has nothing to change"
    if (terms.trigger_price is None) is not (order.trigger_price is None):
        return "unsupported_change: a trigger price can be changed, not added or left out"
    if order.triggered and terms.trigger_price != order.trigger_price:
        return "unsupported_change: its trigger was reached"
    changed = SubmitRequest(
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,
        order.time_in_force,
        terms.quantity,
        terms.limit_price,
        order.reduces,
        change.deadline_ns,
        terms.trigger_price,
        order.trailing_distance,
        order.trailing_rate,
        order.expire_ns,
        order.post_only,
        order.reduce_only,
    )
    refusal = shape_refusal(changed, market)
    if not refusal and terms.quantity <= order.filled_quantity:
        return f"already_filled: {text_of(order.filled_quantity)} is filled already"
    return refusal


def _terms_refusal(order: SubmitRequest, locking: Locking) -> str:
    """Refuse terms that do not go together: an order never trades as something else."""
    kind, force = order.order_type, order.time_in_force
    if force in _AT_ONCE and kind is not OrderType.LIMIT and (kind, force) != _MARKET_AT_ONCE:
        return f"unsupported_time_in_force: a {kind.value} order cannot be {force.value}"
    if force is TimeInForce.GTD and kind is OrderType.MARKET:
        return "unsupported_time_in_force: a market order cannot be gtd"
    if (force is TimeInForce.GTD) is not (order.expire_ns > 0):
        return "bad_expiry: a date belongs to gtd, and gtd needs one"
    if order.post_only and (kind is not OrderType.LIMIT or force in _AT_ONCE):
        return "unsupported_post_only: only an order that can rest can be"
    if order.leverage is not None:
        return "unsupported_margin: leverage does not exist here"
    if order.reduce_only and locking is Locking.PER_ORDER:
        return "unsupported_margin: reduce-only does not exist where orders lock the balance"
    return ""


# A market order that is immediate-or-cancel takes what is there; it was always taken.
_MARKET_AT_ONCE = (OrderType.MARKET, TimeInForce.IOC)


def _prices_refusal(order: SubmitRequest, instrument: Instrument) -> str:
    """Refuse prices that are missing, too many, no prices, or off the tick."""
    kind = order.order_type
    tick = instrument.price_increment
    for name, price, wanted in (
        ("limit", order.limit_price, kind in _LIMITED),
        ("trigger", order.trigger_price, kind in _TRIGGERED),
    ):
        if price is None and wanted:
            return f"bad_price: a {kind.value} order needs a {name} price"
        if price is not None and not wanted:
            return f"bad_price: a {kind.value} order carries no {name} price"
        if price is not None and not is_usable(price):
            return f"bad_price: a {kind.value} order needs a positive, finite {name} price"
        if price is not None and not on_grid(price, tick):
            return f"off_tick: {text_of(price)} is not a multiple of {text_of(tick)}"
    return _trailing_refusal(order, tick)


def _trailing_refusal(order: SubmitRequest, tick: Decimal) -> str:
    distance, rate = order.trailing_distance, order.trailing_rate
    if not _is_trailing(order):
        return (
            "bad_trailing: it belongs to a trailing stop" if distance is not None or rate is not None else ""
        )
    if (distance is None) is (rate is None):
        return "bad_trailing: a trailing stop needs a distance or a rate"
    if distance is not None and not is_usable(distance):
        return "bad_trailing: the distance is not a positive, finite decimal"
    if distance is not None and not on_grid(distance, tick):
        return f"off_tick: {text_of(distance)} is not a multiple of {text_of(tick)}"
    if rate is not None and not (
        is_usable(rate) and rate < ONE and len(rate.as_tuple().digits) <= RATE_DIGITS_MAX
    ):
        return "bad_trailing: the rate is not a fraction between 0 and 1"
    return ""


def _quantity_refusal(order: SubmitRequest, instrument: Instrument, price: Decimal | None) -> str:
    quantity = order.quantity
    if not on_grid(quantity, instrument.quantity_increment):
        return f"off_lot: {text_of(quantity)} is not a multiple of {text_of(instrument.quantity_increment)}"
    maximum = instrument.maximum_quantity
    if maximum is not None and quantity > maximum:
        return f"above_maximum_quantity: {text_of(quantity)} is more than {text_of(maximum)}"
    if order.reduces and instrument.reductions_exempt_from_minimum:
        return ""
    if quantity < instrument.minimum_quantity:
        return (
            f"below_minimum_quantity: {text_of(quantity)} is less than {text_of(instrument.minimum_quantity)}"
        )
    if price is None:
        return ""  # a trailing stop before the first trade
    cost = multiply(quantity, price)
    if cost < instrument.minimum_cost:
        return f"below_minimum_cost: {text_of(cost)} is less than {text_of(instrument.minimum_cost)}"
    return ""


def _is_trailing(order: SubmitRequest) -> bool:
    return order.order_type is OrderType.TRAILING_STOP
