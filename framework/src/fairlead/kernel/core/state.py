"""The engine's state: mutable, private, and changed by `fairlead.kernel.apply.apply` alone.

What is not a fold of journal records is said to be unjournaled, with its restart rule; the closed
list stands in ``docs/explanation/architecture.md``.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from fairlead.domain.account_records import AdjustmentBooked
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.changes import Change
from fairlead.domain.closings import Closing
from fairlead.domain.episodes import Episode, EpisodeKey
from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position, PositionKey
from fairlead.domain.numbers import ZERO
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.price_points import PricePoint
from fairlead.domain.records import LockPlaced
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.holdings import Holdings
from fairlead.kernel.core.pace_queue import PaceQueue
from fairlead.ports.store import Row

UNHEARD = "the venue goes unheard; reconciliation has not passed since"
"""The reason with which the kernel reduces for a silence, and which it takes back itself afterwards."""


MISSING = "accepted earlier, but a complete look-up does not find it"
"""The detail of a working order that the venue does not know; an operator may end such an order."""

FOUND_AGAIN = "it was missing, and a later reading shows it alive"
"""The detail of an order that the venue knows again."""


@attrs.define(slots=True)
class CommandEntry:
    """A command that carried an idempotency key, and what answered it.

    *client_order_id* names the order or the closing that it began; *answer* is what it was answered
    with, as JSON, when it was neither (`command_answers`). *sequence* is that of its record, 0 for one
    that was read from the store.
    """

    owner: str
    idempotency_key: str
    command_digest: str
    client_order_id: str
    created_ns: int
    answer: str = ""
    sequence: int = 0


@attrs.define(slots=True, eq=False)
class Dirty:
    """Which rows changed since the last batch was sealed; dictionaries keep the order of change."""

    orders: dict[str, None] = attrs.Factory(dict)
    positions: dict[PositionKey, None] = attrs.Factory(dict)
    episodes: dict[EpisodeKey, None] = attrs.Factory(dict)
    balances: dict[str, None] = attrs.Factory(dict)
    inventory: dict[str, None] = attrs.Factory(dict)
    adjustments: dict[str, None] = attrs.Factory(dict)
    settings: dict[str, None] = attrs.Factory(dict)
    commands: list[CommandEntry] = attrs.Factory(list)
    closings: dict[str, None] = attrs.Factory(dict)
    changes: dict[str, None] = attrs.Factory(dict)
    fills: list[Row] = attrs.Factory(list)
    snapshots: list[Row] = attrs.Factory(list)


@attrs.define(slots=True, eq=False)
class EngineState:
    """Everything the core decides on.

    *reduce_only* names the live orders of a key that may only reduce. *closings* are by id, those that are
    over among them; *closing* holds those under way by position key. *changes* are by id likewise, and
    *changing* holds those under way by the order that they are about.
    """

    account: str
    account_tag: str
    orders: dict[str, Order] = attrs.Factory(dict)
    positions: dict[PositionKey, Position] = attrs.Factory(dict)
    episodes: dict[EpisodeKey, Episode] = attrs.Factory(dict)
    """The open ones, and those that ended in a step that is not durable yet, or that are being annotated."""
    balances: dict[str, Decimal] = attrs.Factory(dict)
    """What there is of each asset: opening inventory, fills and adjustments added up."""
    openings: dict[str, Decimal] = attrs.Factory(dict)
    adjusted: dict[str, Decimal] = attrs.Factory(dict)
    """What all adjustments of an asset come to."""
    adjustments: dict[str, tuple[AdjustmentBooked, int]] = attrs.Factory(dict)
    """Those booked or read back last, by the ledger's id, with the sequence of their record or 0."""
    inventory_ns: int = 0
    """When the venue was asked for the opening inventory; 0 when it was not recorded yet."""
    inventory_listed: frozenset[str] | None = None
    """The ids of the ledger's young entries that are part of it; nothing when none was read then."""
    commands: dict[tuple[str, str], CommandEntry] = attrs.Factory(dict)
    owners: dict[str, None] = attrs.Factory(dict)
    closings: dict[str, Closing] = attrs.Factory(dict)
    closing: dict[PositionKey, Closing] = attrs.Factory(dict)
    changes: dict[str, Change] = attrs.Factory(dict)
    changing: dict[str, Change] = attrs.Factory(dict)
    trading: TradingState = TradingState.DISABLED
    trading_reason: str = "the kernel has not been started"
    cursors: dict[str, str] = attrs.Factory(dict)
    adopts: bool = False
    """Whether an order that somebody else placed was ever taken over: then reports may be about such."""
    check_values: dict[str, str] = attrs.Factory(dict)
    limits: tuple[tuple[str, str], ...] = ()
    """What the checks of the last kernel told of their limits, by name."""
    network: str = ""
    """Which network the store belongs to; none before the first kernel has started."""
    locks: dict[str, LockPlaced] = attrs.Factory(dict)
    budgets: dict[str, BudgetLevel] = attrs.Factory(dict)
    budget_clock: tuple[int, int] = (0, 0)
    """The time of the budgets when one was last spent, and the wall time then."""
    trading_day: tuple[int, int] = (0, 0)
    """When the trading day that was last told to risk checks began, and when it ends."""
    sequence: int = 0
    epoch: int = 0
    exposed_total: int = 0
    exposed_by_symbol: dict[str, int] = attrs.Factory(dict)
    closing_total: int = 0
    closing_by_symbol: dict[str, int] = attrs.Factory(dict)
    net_by_symbol: dict[str, Decimal] = attrs.Factory(dict)
    reserved_by_symbol: dict[str, Decimal] = attrs.Factory(dict)
    live_total: int = 0
    live_by_symbol: dict[str, int] = attrs.Factory(dict)
    leaves: dict[tuple[PositionKey, OrderSide], Decimal] = attrs.Factory(dict)
    reduce_only: dict[PositionKey, dict[str, None]] = attrs.Factory(dict)
    dirty: Dirty = attrs.Factory(Dirty)

    # Unjournaled.
    instruments: dict[str, Instrument] = attrs.Factory(dict)
    """The venue's rules by symbol, as they were last read; those of a symbol that is gone stay."""
    withdrawn: dict[str, str] = attrs.Factory(dict)
    """Symbols for which the last reading gave no rules, or those of another contract, and which of both."""
    prices: dict[str, PricePoint] = attrs.Factory(dict)
    promises: dict[str, Decimal] = attrs.Factory(dict)
    """What each live spot order may still take: a buy of quote, without its fee, a sell of base."""
    promised: dict[tuple[str, OrderSide], Decimal] = attrs.Factory(dict)
    """The same summed up, by symbol and side."""
    holdings: Holdings | None = None
    """What the venue said last that the account holds."""
    zombies: dict[str, None] = attrs.Factory(dict)
    noted: dict[tuple[str, str, str], None] = attrs.Factory(dict)
    finished: dict[str, int] = attrs.Factory(dict)
    """The finished orders that memory holds, the longest unchanged first, with the sequence of the change."""
    orders_on: dict[PositionKey, int] = attrs.Factory(dict)
    """How many orders in memory, finished ones too, each hedging position has."""
    idle: dict[PositionKey, None] = attrs.Factory(dict)
    """Hedging positions without any order in memory: they leave it when they are flat."""
    ended: dict[EpisodeKey, int] = attrs.Factory(dict)
    """The episodes in memory that are over, with the sequence of their last change."""
    pace: PaceQueue = attrs.Factory(PaceQueue)
    reconciled: bool = False
    monotonic_ns: int = 0
    """The time of the present step, by the clock that nobody sets."""
    read_monotonic_ns: int = -1
    """When memory was read from the store again: what was asked before may be older than what was read."""
    departed: dict[str, int] = attrs.Factory(dict)
    """The finished orders that left memory last, with the monotonic time of their last change."""
    forgotten_monotonic_ns: int = -1
    """The latest change of those that were let go of here as well."""

    def leaves_of(self, key: PositionKey, side: OrderSide) -> Decimal:
        """Return what live orders of this side may still fill on the key."""
        return self.leaves.get((key, side), ZERO)

    def asked_after(self, since_monotonic_ns: int, asked_monotonic_ns: int) -> bool:
        """Tell whether a question was asked after something happened here; its answer then knows of that.

        Wall time does not tell: it may have been set in between. What was asked before a change that is not
        known any more counts for nothing; it is asked again.
        """
        return asked_monotonic_ns > max(
            since_monotonic_ns, self.read_monotonic_ns, self.forgotten_monotonic_ns
        )

    def position_of(self, key: PositionKey, currency: str) -> Position:
        """Return the position of the key, made flat when there is none yet."""
        position = self.positions.get(key)
        if position is None:
            symbol, book, position_id = key
            position = self.positions[key] = Position(symbol, book, currency, position_id=position_id)
        return position
