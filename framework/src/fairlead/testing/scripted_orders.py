"""An order as the venue of a `ScriptedExchange` holds it."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.ports.exchange import OrderTerms, SubmitRequest, Terms, VenueStatus

ALIVE = (VenueStatus.LIVE, VenueStatus.TRIGGERED)


@attrs.define
class VenueOrder:
    """An order as the venue holds it; *request* is what was sent, when it came from a kernel.

    *quantity* and prices are those of now, whatever was changed meanwhile.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    status: VenueStatus = VenueStatus.LIVE
    filled_quantity: Decimal = ZERO
    reason: str = ""
    request: SubmitRequest | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None

    @property
    def terms(self) -> OrderTerms:
        """Return what the venue says that it is; a limit order at *limit_price* if no kernel sent it."""
        sent = self.request
        if sent is None:
            kind = OrderType.MARKET if self.limit_price is None else OrderType.LIMIT
            return OrderTerms(self.side, kind, TimeInForce.GTC, self.quantity, self.limit_price)
        return OrderTerms(
            sent.side,
            sent.order_type,
            sent.time_in_force,
            self.quantity,
            self.limit_price,
            self.trigger_price,
            sent.trailing_distance,
            sent.trailing_rate,
            sent.expire_ns,
            sent.post_only,
            sent.reduce_only,
            sent.leverage,
        )

    def change(self, terms: Terms) -> str:
        """Have these terms from now on; return why that is refused, or nothing."""
        if self.status not in ALIVE:
            return "the order is not open"
        if terms.quantity <= self.filled_quantity:
            return "as much is filled already"
        self.quantity, self.limit_price = terms.quantity, terms.limit_price
        self.trigger_price = terms.trigger_price
        return ""
