"""The order: mutable and private in the engine, a frozen view outside."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs
import msgspec

from fairlead.domain.changes import Terms, Wish, wish_text
from fairlead.domain.contracts import Contract, average_price, contract_text, worth_of
from fairlead.domain.fees import Fees, fees_text
from fairlead.domain.ledger import PositionKey
from fairlead.domain.marks import Mark
from fairlead.domain.numbers import ZERO, subtract
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import CloseReason, OrderState, Phase
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.remarks import metadata_text, tags_text
from fairlead.domain.sizing import Sizing
from fairlead.domain.values import Value

_exact = msgspec.json.Encoder(decimal_format="string").encode


@attrs.define(slots=True, eq=False)
class Order:
    """One order as the engine holds it; nobody else may keep a reference to it.

    Times are wall nanoseconds. *filled_value* and *fees* are in *currency*, *other_fees* in
    other currencies. *contract* is nothing for spot. *trades* maps each trade id
    that was booked to its digest, so that the same id with other numbers is noticed.
    *look_up_ns* is when an unresolved order may next be looked up, 0 when nothing is due. *reduces* is
    what the kernel found, *reduce_only* what the bot demanded. *expire_ns* is 0 unless it is good until
    a date. An order with *max_slippage* was wished for as a market order. One that is *adopted* was not sent
    by us: the venue knows it by its own id alone. *wish* is a modify
    that is not resolved; *replaces* names the order in whose stead this one was made. When it changed, and
    when its modify left, is kept by the monotonic clock as well, in memory alone: wall time may be set.
    """

    client_order_id: str
    owner: str
    book: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reference_price: Decimal | None
    reduces: bool
    currency: str
    idempotency_key: str
    metadata: tuple[tuple[str, str], ...]
    created_ns: int
    state: OrderState = OrderState.INITIALIZED
    pending: PendingRequest = PendingRequest.NONE
    pending_since_ns: int = 0
    pending_asked: int = 0
    venue_order_id: str = ""
    triggered: bool = False
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    fees: Decimal = ZERO
    attempt: int = 0
    not_before_ns: int = 0
    deadline_ns: int = 0
    look_up_ns: int = 0
    detail: str = ""
    updated_ns: int = 0
    closed_ns: int = 0
    denial_code: str = ""
    trades: dict[str, str] = attrs.Factory(dict)
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    max_slippage: Decimal | None = None
    leverage: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    sizing: Sizing | None = None
    other_fees: Fees = ()
    contract: Contract | None = None
    position_id: str = ""
    adopted: bool = False
    wish: Wish | None = None
    replaces: str = ""
    changed_monotonic_ns: int = -1
    sent_monotonic_ns: int = -1

    @property
    def key(self) -> PositionKey:
        """Return what its position is found by."""
        return self.symbol, self.book, self.position_id

    @property
    def metadata_text(self) -> str:
        """Return the metadata as it is kept in the order's row: JSON, or nothing."""
        return metadata_text(self.metadata)

    @property
    def tags_text(self) -> str:
        """Return the tags as they are kept in the order's row: JSON, or nothing."""
        return tags_text(self.tags)

    @property
    def sizing_text(self) -> str:
        """Return how it was sized as that is kept in the order's row: JSON, or nothing."""
        return _exact(self.sizing).decode() if self.sizing is not None else ""

    @property
    def other_fees_text(self) -> str:
        """Return the fees in other currencies as they are kept in the row: JSON, or nothing."""
        return fees_text(self.other_fees) if self.other_fees else ""

    @property
    def contract_text(self) -> str:
        """Return the contract as it is kept in the row: JSON, or nothing for spot."""
        return contract_text(self.contract) if self.contract is not None else ""

    @property
    def leaves_quantity(self) -> Decimal:
        """Return what is still to be filled; zero when more was filled than ordered."""
        return subtract(self.quantity, self.filled_quantity) if self.filled_quantity < self.quantity else ZERO

    @property
    def wish_text(self) -> str:
        """Return the modify that is not resolved as it is kept in the row: JSON, or nothing."""
        return wish_text(self.wish) if self.wish is not None else ""

    @property
    def terms(self) -> Terms:
        """Return the terms that can be changed, as the venue last confirmed them."""
        return Terms(self.quantity, self.limit_price, self.trigger_price)

    @property
    def most_quantity(self) -> Decimal:
        """Return the most that the venue may fill in all: the larger quantity while a modify is pending."""
        wish = self.wish
        return self.quantity if wish is None else max(self.quantity, wish.terms.quantity)

    @property
    def most_leaves(self) -> Decimal:
        """Return the most that may still be filled, which is what is reserved while the order is live."""
        most = self.most_quantity
        return subtract(most, self.filled_quantity) if self.filled_quantity < most else ZERO


class OrderStatus(StrEnum):
    """The one-word status that traders know, derived from phase, pending request and fills."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    APPROVED = "APPROVED"
    SUBMITTED = "SUBMITTED"
    UNRESOLVED = "UNRESOLVED"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_MODIFY = "PENDING_MODIFY"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT_SENT"
    NOT_PLACED = "NOT_PLACED"


_STATUS_OF_STATE = {state: OrderStatus[state.name] for state in OrderState if state is not OrderState.WORKING}


def status_of(order: Order) -> OrderStatus:
    """Derive the one-word status."""
    if order.state.is_live:
        if order.pending is PendingRequest.CANCEL:
            return OrderStatus.PENDING_CANCEL
        if order.pending is PendingRequest.MODIFY:
            return OrderStatus.PENDING_MODIFY
    if order.state is not OrderState.WORKING:
        return _STATUS_OF_STATE[order.state]
    if order.filled_quantity > ZERO:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGERED if order.triggered else OrderStatus.ACCEPTED


class OrderView(Value):
    """An order as it was at one sequence; a snapshot that never changes.

    *sizing* says how its quantity was computed, and is nothing when the bot gave it; *position_id* names
    the hedging position it works on and is empty for the book's netting one; *adopted* says that it was
    placed by somebody else and taken over; the other terms are those of `Proposal`. *wish* is a
    modify that is not resolved: the order has one set of terms or the other. *replaces* names the order in
    whose stead it was made.
    """

    client_order_id: str
    venue_order_id: str
    owner: str
    book: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reduces: bool
    status: OrderStatus
    phase: Phase
    close_reason: CloseReason | None
    pending: PendingRequest
    filled_quantity: Decimal
    leaves_quantity: Decimal
    filled_value: Decimal
    average_price: Decimal | None
    fees: Decimal
    detail: str
    denial_code: str
    idempotency_key: str
    metadata: tuple[tuple[str, str], ...]
    created_ns: int
    updated_ns: int
    closed_ns: int
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    max_slippage: Decimal | None = None
    leverage: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    sizing: Sizing | None = None
    triggered: bool = False
    currency: str = ""
    other_fees: Fees = ()
    position_id: str = ""
    adopted: bool = False
    wish: Wish | None = None
    replaces: str = ""

    @property
    def fees_by_currency(self) -> dict[str, Decimal]:
        """Return all fees by currency, without those of zero; negative for a rebate."""
        return _by_currency(self.currency, self.fees, self.other_fees)

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing more is expected: closed, or denied."""
        return self.phase in (Phase.CLOSED, Phase.DENIED)


def view_of(order: Order) -> OrderView:
    """Return a snapshot of the order."""
    filled = order.filled_quantity
    return OrderView(
        order.client_order_id,
        order.venue_order_id,
        order.owner,
        order.book,
        order.symbol,
        order.side,
        order.order_type,
        order.time_in_force,
        order.quantity,
        order.limit_price,
        order.reduces,
        status_of(order),
        order.state.phase,
        order.state.close_reason,
        order.pending,
        filled,
        order.leaves_quantity,
        order.filled_value,
        average_price(filled, order.filled_value, order.contract),
        order.fees,
        order.detail,
        order.denial_code,
        order.idempotency_key,
        order.metadata,
        order.created_ns,
        order.updated_ns,
        order.closed_ns,
        order.trigger_price, order.trailing_distance, order.trailing_rate, order.max_slippage,
        order.leverage, order.expire_ns, order.post_only, order.reduce_only,
        order.note, order.tags, order.sizing, order.triggered,
        order.currency, order.other_fees, order.position_id, order.adopted, order.wish, order.replaces,
    )  # fmt: skip


class PositionView(Value):
    """A position as it was at one sequence; a snapshot that never changes.

    *position_id* is empty for the netting position of the book. Cost, PnL and *fees* are in *currency*;
    *other_fees* are those paid in other currencies. *contract* is nothing for spot.
    *mark* is its worth at the price of the moment when it was read, with that price's age: nothing
    when there was no price or it is flat, and in the views that events carry.
    """

    symbol: str
    book: str
    currency: str
    quantity: Decimal
    cost: Decimal
    average_entry_price: Decimal | None
    realized_pnl: Decimal
    fees: Decimal
    episode: int
    opened_ns: int
    closed_ns: int
    pending_openings: int
    reserved_exit: Decimal
    other_fees: Fees = ()
    contract: Contract | None = None
    mark: Mark | None = None
    position_id: str = ""

    @property
    def net_pnl(self) -> Decimal:
        """Return realized PnL after the fees in its currency.

        A fee in base was paid out of the quantity and is in realized PnL already; a fee in a third
        currency is not converted: see *fees_by_currency*.
        """
        return subtract(self.realized_pnl, self.fees)

    @property
    def fees_by_currency(self) -> dict[str, Decimal]:
        """Return all fees by currency, without those of zero; negative for a rebate."""
        return _by_currency(self.currency, self.fees, self.other_fees)

    def unrealized_pnl(self, price: Decimal, decimals: int) -> Decimal:
        """Return what closing at the price would realize, in *currency* and to that many decimals."""
        return subtract(worth_of(self.quantity, price, decimals, self.contract), self.cost)


def _by_currency(currency: str, fees: Decimal, other_fees: Fees) -> dict[str, Decimal]:
    return {name: amount for name, amount in ((currency, fees), *other_fees) if amount}


__all__ = ["Order", "OrderStatus", "OrderView", "PendingRequest", "PositionView", "status_of", "view_of"]
