"""The venue's own records: orders, fills, balances, and the rules it was set up with."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.exchange import (
    Fence,
    FillReport,
    Liquidity,
    OrderReport,
    OrderSide,
    OrderTerms,
    OrderType,
    TimeInForce,
    VenueStatus,
)
from fairlead_paper.exact import ONE, ZERO, add, multiply, subtract

# Quantity, price and rate of 38, 38 and 18 digits still multiply exactly in 96.
# fixed: products of such numbers stay exact in 96 digits
RATE_DIGITS_MAX = 18


class Locking(StrEnum):
    """Whether an open order holds what it needs, so that no other can use it.

    ``PER_ORDER`` as at a spot exchange. ``NONE`` as with margin: nothing is held, and what cannot be paid
    when it trades is canceled.
    """

    PER_ORDER = "per_order"
    NONE = "none"


class FeeIn(StrEnum):
    """In which asset fees are paid: quote, base, or whichever the fill brings."""

    QUOTE = "quote"
    BASE = "base"
    RECEIVED = "received"


class ClientIdRule(StrEnum):
    """When a client order id is refused as a duplicate.

    ``OPEN_ORDERS``: while an open order of the account has it, as at Kraken. ``FOR_EVER``: once any
    order of the account had it. ``NEVER``: the venue does not look at it.
    """

    OPEN_ORDERS = "open_orders"
    FOR_EVER = "for_ever"
    NEVER = "never"


CLIENT_ID_RULE_OF_FENCE = {
    Fence.DEADLINE: ClientIdRule.OPEN_ORDERS,
    Fence.PERMANENT_CLIENT_ID: ClientIdRule.FOR_EVER,
    Fence.NONE: ClientIdRule.NEVER,
}


@attrs.frozen(kw_only=True)
class DepthRules:
    """A book made up around the last price, anew with each trade."""

    half_spread_ticks: int = attrs.field(
        default=1, metadata={"doc": "ticks from the last price to the best bid, and to the best ask"}
    )
    level_ticks: int = attrs.field(default=1, metadata={"doc": "ticks from one level to the next"})
    levels: int = attrs.field(default=10, metadata={"doc": "levels on each side"})
    level_quantity: Decimal = attrs.field(metadata={"doc": "quantity of a level, in base"})
    variation: Decimal = attrs.field(
        default=ZERO, metadata={"doc": "part by which a level may be larger or smaller, 0 to below 1"}
    )
    seed: int = attrs.field(default=0, metadata={"doc": "seed of that variation"})

    def __attrs_post_init__(self) -> None:
        """Refuse what is no book."""
        for field in ("half_spread_ticks", "level_ticks", "levels"):
            if getattr(self, field) < 1:
                raise SettingRefused(f"depth.{field}", "must be at least 1")
        if self.level_quantity <= ZERO:
            raise SettingRefused("depth.level_quantity", "must be above 0")
        if not ZERO <= self.variation < ONE:
            raise SettingRefused("depth.variation", f"{self.variation} is not from 0 to below 1")


@attrs.frozen(kw_only=True)
class VenueRules:
    """How the venue behaves towards everybody.

    Only a venue with the deadline fence reads the deadlines of requests: one without it shall not
    protect a client by accident. *participation* is the part of each public trade's volume that
    our orders may take together.

    *queue_ahead* (in base) and *queue_ahead_trades* (times the mean size of recent trades) are what stands
    before an order that begins to rest; *queue_cancels* is the part of it that is canceled with each trade
    that does not reach the order. A taker pays *slippage_ticks*, or *slippage_rate* of the price, more than
    the last trade's price. With *depth* or a given book, takers walk that instead. A quote
    that does not say how much stands behind it has *quote_quantity*.
    """

    fence: Fence = Fence.DEADLINE
    client_id_rule: ClientIdRule = ClientIdRule.OPEN_ORDERS
    participation: Decimal = ONE
    # fixed: the default of a venue that is made by hand; the setting has its own
    fill_page_size: int = 100
    locking: Locking = Locking.PER_ORDER
    fee_in: FeeIn = FeeIn.QUOTE
    queue_ahead: Decimal = ZERO
    queue_ahead_trades: Decimal = ZERO
    queue_cancels: Decimal = ZERO
    slippage_ticks: int = 0
    slippage_rate: Decimal = ZERO
    depth: DepthRules | None = None
    quote_quantity: Decimal = ZERO


_CONDITIONAL = frozenset(OrderType) - {OrderType.MARKET, OrderType.LIMIT}
ALIVE = frozenset({VenueStatus.LIVE, VenueStatus.TRIGGERED})
"""The states in which an order may still trade."""


@attrs.define(slots=True, eq=False)
class VenueOrder:
    """An order at the venue.

    *crossed* says that it would have traded at once when it arrived, or when its price was last changed: it
    then pays the taker's fee. A conditional order arrives when it is triggered.
    *lock_price* is the price with which its lock is computed (limit price, trigger price, or the last
    trade's for a market order). *locked* is what it holds of *lock_asset*.
    *watermark* is the best price since a trailing stop began. *priority* ranks orders at the same price, and
    is anew for one that lost its place; *queue_ahead* is what others have before it there.
    """

    sequence: int
    account: str
    venue_order_id: str
    client_order_id: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reduces: bool
    deadline_ns: int
    crossed: bool
    lock_asset: str
    lock_price: Decimal
    locked: Decimal
    created_ns: int
    updated_ns: int
    status: VenueStatus = VenueStatus.LIVE
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    reason: str = ""
    post_only: bool = False
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    expire_ns: int = 0
    reduce_only: bool = False
    triggered: bool = False
    watermark: Decimal | None = None
    priority: int = 0
    queue_ahead: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """Tell whether it may still trade."""
        return self.status in ALIVE

    @property
    def is_waiting_for_trigger(self) -> bool:
        """Tell whether it is a conditional order whose trigger was not reached."""
        return not self.triggered and self.order_type in _CONDITIONAL

    @property
    def stop_price(self) -> Decimal | None:
        """Return the trigger price as it is now; that of a trailing stop follows its watermark, unrounded."""
        if self.order_type is not OrderType.TRAILING_STOP or self.watermark is None:
            return self.trigger_price
        distance = self.trailing_distance
        if distance is None:
            distance = multiply(self.watermark, self.trailing_rate or ZERO)
        return (
            add(self.watermark, distance)
            if self.side is OrderSide.BUY
            else subtract(self.watermark, distance)
        )

    @property
    def leaves_quantity(self) -> Decimal:
        """Return what is not filled."""
        return subtract(self.quantity, self.filled_quantity)

    def report(self) -> OrderReport:
        """Return what the venue says about the order now."""
        return OrderReport(
            client_order_id=self.client_order_id,
            venue_order_id=self.venue_order_id,
            symbol=self.symbol,
            status=self.status,
            filled_quantity=self.filled_quantity,
            ts_event=self.updated_ns,
            reason=self.reason,
            terms=OrderTerms(
                self.side,
                self.order_type,
                self.time_in_force,
                self.quantity,
                self.limit_price,
                self.trigger_price,
                self.trailing_distance,
                self.trailing_rate,
                self.expire_ns,
                self.post_only,
                self.reduce_only,
            ),
        )


@attrs.define(slots=True, eq=False)
class VenueFill:
    """One trade of one of our orders.

    *value* is in quote, at the settlement precision, *fee* in *fee_currency*. *tape_index* is the place on
    the tape of the public trade whose volume this fill used.
    """

    sequence: int
    account: str
    trade_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts_event: int
    tape_index: int | None

    def report(self) -> FillReport:
        """Return the fill as the account's owner sees it."""
        return FillReport(
            client_order_id=self.client_order_id,
            venue_order_id=self.venue_order_id,
            trade_id=self.trade_id,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            price=self.price,
            value=self.value,
            fee=self.fee,
            fee_currency=self.fee_currency,
            liquidity=self.liquidity,
            ts_event=self.ts_event,
        )


@attrs.define(slots=True, eq=False)
class Balance:
    """What an account holds of one asset; *opening* is what it began with, for auditors."""

    account: str
    asset: str
    opening: Decimal
    total: Decimal
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """Return what no open order holds."""
        return subtract(self.total, self.locked)


@attrs.define(slots=True)
class PublicTrade:
    """A trade that others made, as it reaches the venue; *index* is its place on the tape, if any."""

    symbol: str
    price: Decimal
    quantity: Decimal
    ts_event: int
    index: int | None = None
