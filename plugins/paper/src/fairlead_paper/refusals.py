"""Why the venue refuses an order: the checks before any balance is looked at.

Each returns a text that begins with a code and a colon, or the empty string.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.ports.exchange import Instrument, ModifyRequest, OrderType, SubmitRequest, TimeInForce
from fairlead_paper.exact import ZERO, multiply, on_grid, text_of
from fairlead_paper.market import Market
from fairlead_paper.records import VenueOrder

# fixed: the rules of the simulated venue, which are those of the framework
CLIENT_ORDER_ID_LENGTH_MAX = 64
_DIGITS_MAX = 38

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


def shape_refusal(order: SubmitRequest, market: Market) -> str:
    """Refuse what breaks the instrument's rules or cannot be an order at all."""
    if (
        not order.client_order_id.isascii()
        or not 0 < len(order.client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX
    ):
        return "bad_client_order_id: 1 to 64 ASCII characters are taken"
    unsupported = _terms_refusal(order)
    if unsupported:
        return unsupported
    if not _usable(order.quantity):
        return "bad_quantity: not a positive, finite decimal"
    instrument = market.instrument
    if order.order_type is OrderType.MARKET:
        if order.limit_price is not None:
            return "bad_price: a market order carries no price"
        price = market.last_price
        if price is None:
            return "no_market_price: nothing has traded yet"
    else:
        price = order.limit_price
        if price is None or not _usable(price):
            return "bad_price: a limit order needs a positive, finite price"
        if not on_grid(price, instrument.price_increment):
            return f"off_tick: {text_of(price)} is not a multiple of {text_of(instrument.price_increment)}"
    if order.post_only and market.crosses(order.side, price):
        return "post_only_would_take: it would trade at once"
    return _quantity_refusal(order, instrument, price)


def change_refusal(order: VenueOrder, change: ModifyRequest, market: Market) -> str:
    """Refuse a change that would make the order one that could not be placed, or that leaves nothing."""
    terms = change.terms
    if terms.trigger_price is not None or order.order_type is not OrderType.LIMIT:
        return "unsupported_change: only quantity and price of a limit order can be changed"
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
        post_only=order.post_only,
    )
    refusal = shape_refusal(changed, market)
    if not refusal and terms.quantity <= order.filled_quantity:
        return f"already_filled: {text_of(order.filled_quantity)} is filled already"
    return refusal


def _terms_refusal(order: SubmitRequest) -> str:
    """Refuse terms that the venue does not know: an order never trades as something else."""
    if order.order_type not in (OrderType.MARKET, OrderType.LIMIT):
        return f"unsupported_order_type: {order.order_type.value}"
    if order.time_in_force not in (TimeInForce.GTC, TimeInForce.IOC):
        return f"unsupported_time_in_force: {order.time_in_force.value}"
    if order.post_only and (order.order_type is OrderType.MARKET or order.time_in_force is TimeInForce.IOC):
        return "unsupported_post_only: only an order that can rest can be"
    if order.reduce_only or order.leverage is not None:
        return "unsupported_margin: reduce-only and leverage do not exist on a spot venue"
    return ""


def _quantity_refusal(order: SubmitRequest, instrument: Instrument, price: Decimal) -> str:
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
    cost = multiply(quantity, price)
    if cost < instrument.minimum_cost:
        return f"below_minimum_cost: {text_of(cost)} is less than {text_of(instrument.minimum_cost)}"
    return ""


def _usable(number: object) -> bool:
    return (
        type(number) is Decimal
        and number.is_finite()
        and number > ZERO
        and -_DIGITS_MAX <= number.adjusted() <= _DIGITS_MAX
        and len(number.as_tuple().digits) <= _DIGITS_MAX
    )
