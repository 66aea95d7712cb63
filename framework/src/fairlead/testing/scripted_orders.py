"""An order as the venue of a `ScriptedExchange` holds it."""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.ports.exchange import OrderTerms, SubmitRequest, VenueStatus


@attrs.define
class VenueOrder:
    """An order as the venue holds it; *request* is what was sent, when it came from a kernel."""

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
            sent.quantity,
            sent.limit_price,
            sent.trigger_price,
            sent.trailing_distance,
            sent.trailing_rate,
            sent.expire_ns,
            sent.post_only,
            sent.reduce_only,
            sent.leverage,
        )
