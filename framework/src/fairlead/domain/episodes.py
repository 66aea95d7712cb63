"""Episodes: a position's life from flat to flat, as a fold of what its fills did.

A fill that flips a position ends one episode and begins the next. What belongs to the fill as a whole, its
fee, is split between the two by quantity: the first gets the rounded share, the second the rest, so
nothing is lost or made. Over the episodes of a position, realized PnL, fees and quantities sum up to
the position's own, and for each of them, in the currency it settles in::

    cash moved = realized PnL - remaining cost - fees
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.domain.contracts import Contract, average_price, contract_text
from fairlead.domain.fees import Fees, fees_text, with_fee
from fairlead.domain.ledger import Booking
from fairlead.domain.numbers import ZERO, add, share_of, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.remarks import metadata_text, tags_text
from fairlead.domain.values import Value

# fixed: as many digits as every number has
FEE_DECIMALS_MAX = 38

EpisodeKey = tuple[str, str, str, int]
"""What an episode is found by: symbol, book, position id and its number, counted from one."""


class PositionSide(StrEnum):
    """Which way an episode goes."""

    LONG = "long"
    SHORT = "short"


def side_of(opened_by: OrderSide) -> PositionSide:
    """Return which way an episode goes that an order of this side opened."""
    return PositionSide.LONG if opened_by is OrderSide.BUY else PositionSide.SHORT


@attrs.define(slots=True, eq=False)
class Episode:
    """One episode as the engine holds it. Mutable and private to the engine.

    Quantities and values are not negative. *entry* is what the fills that added came to, *exit* those
    that took away; what is held is the difference, *peak_quantity* the most that ever was. *fees* and
    values are in *currency*, *other_fees* in others. *owner*, note, tags and metadata are those of the order
    that opened it, until somebody annotates it. *fills* counts its fills: the rows of fills name it.
    """

    symbol: str
    book: str
    position_id: str
    number: int
    owner: str
    side: PositionSide
    currency: str
    opened_ns: int
    contract: Contract | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    closed_ns: int = 0
    peak_quantity: Decimal = ZERO
    entry_quantity: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_quantity: Decimal = ZERO
    exit_value: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Fees = ()
    fills: int = 0

    @property
    def key(self) -> EpisodeKey:
        """Return what it is found by."""
        return self.symbol, self.book, self.position_id, self.number

    @property
    def quantity(self) -> Decimal:
        """Return what is held, not negative."""
        return subtract(self.entry_quantity, self.exit_quantity)

    @property
    def is_open(self) -> bool:
        """Tell whether anything is held."""
        return self.entry_quantity != self.exit_quantity

    def enter(self, booking: Booking) -> None:
        """Take in what a fill opened or added."""
        self.entry_quantity = add(self.entry_quantity, booking.opening_quantity)
        self.entry_value = add(self.entry_value, booking.opening_value)
        self.peak_quantity = max(self.peak_quantity, self.quantity)
        self.fills += 1

    def leave(self, booking: Booking, ts_ns: int) -> None:
        """Take in what a fill took away; the episode is over when nothing is left."""
        self.exit_quantity = add(self.exit_quantity, booking.closing_quantity)
        self.exit_value = add(self.exit_value, booking.closing_value)
        self.realized_pnl = add(self.realized_pnl, booking.realized)
        self.fills += 1
        if not self.is_open:
            self.closed_ns = ts_ns

    def charge(self, currency: str, fee: Decimal) -> None:
        """Take in a fee, or its share of one."""
        if currency in ("", self.currency):
            self.fees = add(self.fees, fee)
        else:
            self.other_fees = with_fee(self.other_fees, currency, fee)

    # What its row holds as text.

    @property
    def other_fees_text(self) -> str:
        """Return the fees in other currencies as they are kept in the row: JSON, or nothing."""
        return fees_text(self.other_fees) if self.other_fees else ""

    @property
    def contract_text(self) -> str:
        """Return the contract as it is kept in the row: JSON, or nothing for spot."""
        return contract_text(self.contract) if self.contract is not None else ""

    @property
    def tags_text(self) -> str:
        """Return the tags as they are kept in the row: JSON, or nothing."""
        return tags_text(self.tags)

    @property
    def metadata_text(self) -> str:
        """Return the metadata as it is kept in the row: JSON, or nothing."""
        return metadata_text(self.metadata)


def split_fee(fee: Decimal, booking: Booking, decimals: int) -> tuple[Decimal, Decimal]:
    """Return what of a flip's fee belongs to the episode it ended, and what to the one it began.

    By quantity; rounded to *decimals*, the settlement precision, or to the fee's own digits when it
    has more. The two always sum up to the fee.
    """
    exponent = fee.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 0
    places = min(max(decimals, digits), FEE_DECIMALS_MAX)
    moved = add(booking.closing_quantity, booking.opening_quantity)
    closing = share_of(fee, booking.closing_quantity, moved, places)
    return closing, subtract(fee, closing)


class EpisodeView(Value):
    """An episode as it was at one moment; a snapshot that never changes.

    *quantity* is what is held, not negative, *peak_quantity* the most that ever was. The averages are what
    the quantity moved for: a fee in base makes an entry dearer and an exit cheaper. Realized PnL (before
    *fees*) and *fees* are in *currency*; *other_fees* are those paid in other currencies. *closed_ns* is 0
    while it is open. *order_ids* and *fills*, which are pairs of client order id and trade id, are there
    when it was read with `Session.episodes`; events leave them out, and *fill_count* says how many there are.
    """

    symbol: str
    book: str
    position_id: str
    number: int
    owner: str
    side: PositionSide
    currency: str
    opened_ns: int
    closed_ns: int
    quantity: Decimal
    peak_quantity: Decimal
    entry_quantity: Decimal
    average_entry_price: Decimal | None
    exit_quantity: Decimal
    average_exit_price: Decimal | None
    realized_pnl: Decimal
    fees: Decimal
    fill_count: int
    other_fees: Fees = ()
    contract: Contract | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    order_ids: tuple[str, ...] = ()
    fills: tuple[tuple[str, str], ...] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether anything is held."""
        return self.quantity != ZERO

    @property
    def net_pnl(self) -> Decimal:
        """Return realized PnL after the fees in its currency; fees in a third one are not converted."""
        return subtract(self.realized_pnl, self.fees)

    @property
    def fees_by_currency(self) -> dict[str, Decimal]:
        """Return all fees by currency, without those of zero; negative for a rebate."""
        pairs = (self.currency, self.fees), *self.other_fees
        return {name: amount for name, amount in pairs if amount}


def episode_view(episode: Episode) -> EpisodeView:
    """Return a snapshot of the episode."""
    contract = episode.contract
    return EpisodeView(
        *episode.key,
        episode.owner,
        episode.side,
        episode.currency,
        episode.opened_ns,
        episode.closed_ns,
        episode.quantity,
        episode.peak_quantity,
        episode.entry_quantity,
        average_price(episode.entry_quantity, episode.entry_value, contract),
        episode.exit_quantity,
        average_price(episode.exit_quantity, episode.exit_value, contract),
        episode.realized_pnl,
        episode.fees,
        episode.fills,
        episode.other_fees,
        contract,
        episode.note,
        episode.tags,
        episode.metadata,
    )
