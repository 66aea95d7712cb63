"""The ledger: a position is a fold of its fills, exact to the last digit.

A fill's settlement *value* (quote; base for an inverse contract) is fixed once, when the fill is
booked. Everything here is sums and allotments of such values: on a partial close the closed share of
the cost is quantised to the settlement precision and the remainder stays, so the parts always sum to
the whole. Hence, at every moment, in the settlement currency::

    cash moved by the fills = realized PnL - remaining cost - fees

where the remaining cost of a short position is negative (the proceeds that are still owed). An inverse
contract is the mirror image: who buys it owes its value in base, so its long has the negative cost.

A fee in base is paid out of what was traded: a buy brings that much less, a sale takes that much more,
and the cost stays whole. So it is in realized PnL once what is held is sold, and never subtracted a
second time. A fee in any other currency is kept by currency and touches nothing else.

What a fill did comes back as a `Booking`; `fairlead.domain.episodes` folds these into episodes.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.domain.contracts import Contract, average_price, contract_text
from fairlead.domain.fees import Fees, fees_text
from fairlead.domain.numbers import ZERO, add, share_of, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.errors import invariant


class PositionChange(StrEnum):
    """What a fill did to a position."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"
    FLIPPED = "flipped"


PositionKey = tuple[str, str, str]
"""What a position is found by: symbol, book, and its own id, which is empty for the book's netting one."""


@attrs.define(slots=True)
class Booking:
    """What a fill did to a position: how much of it closed, what that realized, and how much opened.

    Quantities and values are not negative; only a flip has both. *realized* is before fees.
    """

    change: PositionChange
    closing_quantity: Decimal
    closing_value: Decimal
    realized: Decimal
    opening_quantity: Decimal
    opening_value: Decimal


@attrs.define(slots=True, eq=False)
class Position:
    """One position, keyed by (symbol, book, position id). Mutable and private to the engine.

    *position_id* is empty for the netting position of the book; a hedging one bears the client order id
    of the order that began it.

    *quantity* is signed, in base or contracts; *cost*, *realized_pnl* (before fees) and *fees* are in
    *currency*, which is what fills settle in; *other_fees* are those paid in other currencies.
    *contract* is nothing for spot.
    *pending_openings* counts live orders that may add exposure; *reserved_exit* is the quantity
    that live reducing orders may still take off.
    """

    symbol: str
    book: str
    currency: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    episode: int = 0
    opened_ns: int = 0
    closed_ns: int = 0
    pending_openings: int = 0
    reserved_exit: Decimal = ZERO
    other_fees: Fees = ()
    contract: Contract | None = None
    position_id: str = ""

    @property
    def key(self) -> PositionKey:
        """Return what it is found by."""
        return self.symbol, self.book, self.position_id

    @property
    def is_needed(self) -> bool:
        """Tell whether memory must hold it: a hedging position that is over lives on in its row."""
        return not self.position_id or self.is_exposed or self.reserved_exit != ZERO

    @property
    def other_fees_text(self) -> str:
        """Return the fees in other currencies as they are kept in the row: JSON, or nothing."""
        return fees_text(self.other_fees) if self.other_fees else ""

    @property
    def contract_text(self) -> str:
        """Return the contract as it is kept in the row: JSON, or nothing for spot."""
        return contract_text(self.contract) if self.contract is not None else ""

    @property
    def is_open(self) -> bool:
        """Tell whether there is any quantity."""
        return self.quantity != ZERO

    @property
    def is_exposed(self) -> bool:
        """Tell whether there is quantity, or an order that may add some."""
        return self.quantity != ZERO or self.pending_openings > 0

    @property
    def available_exit(self) -> Decimal:
        """Return the quantity that no live reducing order has reserved."""
        return subtract(self.quantity.copy_abs(), self.reserved_exit)

    @property
    def average_entry_price(self) -> Decimal | None:
        """Return the average price of what is held, or nothing when flat; for people, never for booking."""
        return average_price(self.quantity, self.cost, self.contract)


def quantity_after_fee(side: OrderSide, quantity: Decimal, base_fee: Decimal) -> Decimal:
    """Return what a fill moves when its fee is paid in base: a buy brings less, a sale takes more."""
    return (subtract if side is OrderSide.BUY else add)(quantity, base_fee)


def book_fill(
    position: Position,
    side: OrderSide,
    quantity: Decimal,
    value: Decimal,
    fee: Decimal,
    decimals: int,
    ts_ns: int,
) -> Booking:
    """Fold one fill into the position and tell what it did.

    *quantity* is positive, and after a fee in base (`quantity_after_fee`); *value* is not negative;
    *fee* is in the settlement currency, negative for a rebate; *decimals* is its precision.

    Raises `InvariantBroken`, before anything changes, for an impossible quantity or value: the kernel
    puts such reports aside.
    """
    invariant(quantity > ZERO and value >= ZERO, "a fill has a positive quantity and no negative value")
    position.fees = add(position.fees, fee)
    held = position.quantity
    if held == ZERO or (held > ZERO) == (side is OrderSide.BUY):
        change = _increase(position, side, quantity, value, ts_ns)
        return Booking(change, ZERO, ZERO, ZERO, quantity, value)
    return _decrease(position, side, quantity, value, decimals, ts_ns)


def _increase(
    position: Position, side: OrderSide, quantity: Decimal, value: Decimal, ts_ns: int
) -> PositionChange:
    opening = position.quantity == ZERO
    combine = add if side is OrderSide.BUY else subtract
    position.quantity = combine(position.quantity, quantity)
    position.cost = combine(position.cost, _signed(position, value))
    if not opening:
        return PositionChange.CHANGED
    position.episode += 1
    position.opened_ns = ts_ns
    position.closed_ns = 0
    return PositionChange.OPENED


def _decrease(
    position: Position, side: OrderSide, quantity: Decimal, value: Decimal, decimals: int, ts_ns: int
) -> Booking:
    held = position.quantity.copy_abs()
    if quantity < held:
        share = share_of(position.cost, quantity, held, decimals)
        realized = _realize(position, side, value, share)
        combine = add if side is OrderSide.BUY else subtract
        position.quantity = combine(position.quantity, quantity)
        return Booking(PositionChange.CHANGED, quantity, value, realized, ZERO, ZERO)
    closing_value = value if quantity == held else share_of(value, held, quantity, decimals)
    realized = _realize(position, side, closing_value, position.cost)
    position.quantity = ZERO
    position.closed_ns = ts_ns
    if quantity == held:
        return Booking(PositionChange.CLOSED, quantity, value, realized, ZERO, ZERO)
    rest, rest_value = subtract(quantity, held), subtract(value, closing_value)
    _increase(position, side, rest, rest_value, ts_ns)
    return Booking(PositionChange.FLIPPED, held, closing_value, realized, rest, rest_value)


def _realize(position: Position, side: OrderSide, value: Decimal, cost_share: Decimal) -> Decimal:
    signed = _signed(position, value)
    cash = signed.copy_negate() if side is OrderSide.BUY else signed
    realized = subtract(cash, cost_share)
    position.realized_pnl = add(position.realized_pnl, realized)
    position.cost = subtract(position.cost, cost_share)
    return realized


def _signed(position: Position, value: Decimal) -> Decimal:
    """Return what a purchase costs: who buys an inverse contract owes its value in base."""
    contract = position.contract
    return value.copy_negate() if contract is not None and contract.inverse else value
