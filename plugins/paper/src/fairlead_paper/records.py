"""The venue's own records: orders, fills, balances, and the rules it was set up with."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

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
from fairlead_paper.exact import ONE, ZERO, subtract


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
class VenueRules:
    """How the venue behaves towards everybody.

    Only a venue with the deadline fence reads the deadlines of requests: one without it shall not
    protect a client by accident. *participation* is the part of each public trade's volume that
    our orders may take together.
    """

    fence: Fence = Fence.DEADLINE
    client_id_rule: ClientIdRule = ClientIdRule.OPEN_ORDERS
    participation: Decimal = ONE
    # fixed: the default of a venue that is made by hand; the setting has its own
    fill_page_size: int = 100


@attrs.define(slots=True, eq=False)
class VenueOrder:
    """An order at the venue.

    *crossed* says that it would have traded at once when it arrived: it then pays the taker's fee.
    *lock_price* is the price with which its lock is computed (limit price, or the last trade's for a
    market order). *locked* is what it holds of *lock_asset*.
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
            terms=OrderTerms(self.side, self.order_type, self.time_in_force, self.quantity, self.limit_price),
        )


@attrs.define(slots=True, eq=False)
class VenueFill:
    """One trade of one of our orders.

    *value* and *fee* are in quote, at the settlement precision. *tape_index* is the place on the
    tape of the public trade whose volume this fill used.
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
