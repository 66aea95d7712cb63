"""Journal records of what a reconciliation's policies, or an operator, did about orders and positions."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fairlead.domain.contracts import Contract
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.values import Value


class ForeignCancelRequested(Value):
    """The policy wants an order of the account canceled that is not ours; goes out once this is durable."""

    KIND: ClassVar[str] = "foreign_cancel_requested"
    VERSION: ClassVar[int] = 1
    venue_order_id: str
    venue_client_order_id: str
    symbol: str


class OrderAdopted(Value, omit_defaults=True):
    """An order of the account that we did not send is ours from here on, with the venue's terms.

    *venue_client_order_id* is the id under which the venue knows it, empty when it has none; ours is made
    from the venue's own id, so that it is the same however often it is adopted. What it may still fill is
    reserved in the same step; its fills are booked after this record.
    """

    KIND: ClassVar[str] = "order_adopted"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    venue_order_id: str
    venue_client_order_id: str
    owner: str
    book: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reduces: bool
    currency: str
    by: str
    note: str
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    leverage: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    contract: Contract | None = None


class PositionCorrected(Value, omit_defaults=True):
    """An operator accepts that the venue holds something else than our books; the difference is booked.

    No order, no trade and no fee stand behind it: *side* and *quantity* are the difference between *ours*,
    the sum of our books, and *at_venue*, booked at *price*, which the operator or the venue gave. *book* is
    where.
    """

    KIND: ClassVar[str] = "position_corrected"
    VERSION: ClassVar[int] = 1
    symbol: str
    book: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal
    base: str
    quote: str
    settlement_decimals: int
    ours: Decimal
    at_venue: Decimal
    owner: str
    note: str
    ts_event: int
    contract: Contract | None = None

    @property
    def fee(self) -> Decimal:
        """Return nothing: a correction costs no fee."""
        return ZERO

    @property
    def fee_currency(self) -> str:
        """Return no currency of its own."""
        return ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Return none: an episode that it begins has no order's tags."""
        return ()

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return none, for the same reason."""
        return ()
