"""Every reason code that the shipped checks answer with, and what each means."""

from __future__ import annotations

from collections.abc import Mapping

QUANTITY_BELOW_MINIMUM = "QUANTITY_BELOW_MINIMUM"
QUANTITY_ABOVE_MAXIMUM = "QUANTITY_ABOVE_MAXIMUM"
QUANTITY_OFF_STEP = "QUANTITY_OFF_STEP"
COST_BELOW_MINIMUM = "COST_BELOW_MINIMUM"
NO_FRESH_PRICE = "NO_FRESH_PRICE"
POSITIONS_LIMIT_REACHED = "POSITIONS_LIMIT_REACHED"
SYMBOL_POSITIONS_LIMIT_REACHED = "SYMBOL_POSITIONS_LIMIT_REACHED"
ORDER_EXPOSURE = "ORDER_EXPOSURE"
POSITION_EXPOSURE = "POSITION_EXPOSURE"
TOTAL_EXPOSURE = "TOTAL_EXPOSURE"
EXPOSURE_UNPRICED = "EXPOSURE_UNPRICED"
EXPOSURE_NOT_CONVERTED = "EXPOSURE_NOT_CONVERTED"
EXPOSURE_UNKNOWN = "EXPOSURE_UNKNOWN"
DAILY_LOSS = "DAILY_LOSS"
DAILY_DRAWDOWN = "DAILY_DRAWDOWN"
RESULT_NOT_CONVERTED = "RESULT_NOT_CONVERTED"
RESULT_UNKNOWN = "RESULT_UNKNOWN"
RESULT_UNPRICED = "RESULT_UNPRICED"
ORDER_RATE = "ORDER_RATE"
DUPLICATE_INTENT = "DUPLICATE_INTENT"
TOO_MANY_INTENTS = "TOO_MANY_INTENTS"
COOL_DOWN_AFTER_LOSS = "COOL_DOWN_AFTER_LOSS"
COOL_DOWN_AFTER_STOP = "COOL_DOWN_AFTER_STOP"
PRICE_OUTSIDE_BAND = "PRICE_OUTSIDE_BAND"
PRICE_BAND_UNKNOWN = "PRICE_BAND_UNKNOWN"
PRICE_MISSING = "PRICE_MISSING"
PRICE_SUSPECT = "PRICE_SUSPECT"
PRICE_STALE = "PRICE_STALE"
SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
OUTSIDE_TRADING_HOURS = "OUTSIDE_TRADING_HOURS"
LEVERAGE_ABOVE_MAXIMUM = "LEVERAGE_ABOVE_MAXIMUM"
LEVERAGE_NOT_NAMED = "LEVERAGE_NOT_NAMED"

REASON_CODES: Mapping[str, tuple[str, str]] = {
    QUANTITY_BELOW_MINIMUM: ("minimum_size", "The quantity is below the venue's or the configured minimum."),
    QUANTITY_ABOVE_MAXIMUM: ("minimum_size", "The quantity is above the venue's or the configured maximum."),
    QUANTITY_OFF_STEP: (
        "minimum_size",
        "The quantity is no multiple of the venue's or the configured lot step.",
    ),
    COST_BELOW_MINIMUM: (
        "minimum_size",
        "Quantity times price is below the venue's or the configured minimum cost.",
    ),
    NO_FRESH_PRICE: (
        "minimum_size",
        "A minimum cost applies, and there is no fresh price to compute the cost from.",
    ),
    POSITIONS_LIMIT_REACHED: (
        "maximum_positions",
        "As many positions as allowed in total are open, or may open through pending orders.",
    ),
    SYMBOL_POSITIONS_LIMIT_REACHED: (
        "maximum_positions",
        "As many positions as allowed in the symbol are open, or may open through pending orders.",
    ),
    ORDER_EXPOSURE: ("maximum_exposure", "The order is worth more than one order may be."),
    POSITION_EXPOSURE: (
        "maximum_exposure",
        "With the order, the symbol's positions and live orders would be worth more than allowed.",
    ),
    TOTAL_EXPOSURE: (
        "maximum_exposure",
        "With the order, all positions and live orders would be worth more than allowed.",
    ),
    EXPOSURE_UNPRICED: ("maximum_exposure", "There is no usable price to value a position or an order by."),
    EXPOSURE_NOT_CONVERTED: (
        "maximum_exposure",
        "A worth cannot be counted in the reporting currency: none is set, or a conversion is missing.",
    ),
    EXPOSURE_UNKNOWN: (
        "maximum_exposure",
        "Positions or orders began before the check was switched on, and it does not know them yet.",
    ),
    DAILY_LOSS: (
        "daily_loss",
        "The trading day's loss reached its limit; locked until the day ends.",
    ),
    DAILY_DRAWDOWN: (
        "daily_loss",
        "The loss since the day's best realized result reached its limit; locked until the day ends.",
    ),
    RESULT_NOT_CONVERTED: (
        "daily_loss",
        "The day's result cannot be counted: no reporting currency is set, or a conversion is missing.",
    ),
    RESULT_UNKNOWN: (
        "daily_loss",
        "What is held counts, and positions began before that was switched on: it does not know them yet.",
    ),
    RESULT_UNPRICED: ("daily_loss", "What is held counts, and there is no usable price to value it by."),
    ORDER_RATE: (
        "order_rate",
        "As many orders as allowed were sent in the window.",
    ),
    DUPLICATE_INTENT: (
        "duplicate_intent",
        "The same order was sent in the window: owner, symbol, side, type, quantity, limit price.",
    ),
    TOO_MANY_INTENTS: (
        "duplicate_intent",
        "The window has as many orders as are remembered.",
    ),
    COOL_DOWN_AFTER_LOSS: (
        "cool_down",
        "The symbol rests after a position that was closed at a loss.",
    ),
    COOL_DOWN_AFTER_STOP: (
        "cool_down",
        "The symbol rests after a stop order that filled.",
    ),
    PRICE_OUTSIDE_BAND: ("price_band", "The order's price is further from the latest price than allowed."),
    PRICE_BAND_UNKNOWN: (
        "price_band",
        "The order has no price, or there is no usable one to compare it with.",
    ),
    PRICE_MISSING: ("stale_price", "There is no price of the symbol."),
    PRICE_SUSPECT: ("stale_price", "The symbol's price jumped, and no second one has confirmed it."),
    PRICE_STALE: ("stale_price", "Nothing was heard of the symbol's price for longer than allowed."),
    SYMBOL_NOT_ALLOWED: ("symbols", "The symbol is not on the allow-list, or is on the deny-list."),
    OUTSIDE_TRADING_HOURS: ("trading_hours", "It is outside the weekly windows of local time."),
    LEVERAGE_ABOVE_MAXIMUM: ("maximum_leverage", "The order asks for more leverage than allowed."),
    LEVERAGE_NOT_NAMED: (
        "maximum_leverage",
        "The venue offers leverage for the symbol, and the order names none.",
    ),
}
"""Code -> (name of the check that answers with it, meaning); `docs/reference/reason-codes.md` lists them."""
