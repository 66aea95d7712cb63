"""Inputs: everything that may change state, as values for the one door.

Time and ids are part of an input or of the step; the core reads no clock and draws no randomness.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fairlead.domain.ledger import PositionKey
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.reconciliation import Counts
from fairlead.domain.requests import PacingPolicy
from fairlead.domain.trading_state import TradingState
from fairlead.domain.values import Value
from fairlead.kernel.core.account_inputs import AccountInput
from fairlead.kernel.core.change_inputs import AdvanceChange, ChangeOrder, ModifyAnswered
from fairlead.kernel.core.notifier_inputs import DecideNotifier
from fairlead.kernel.core.position_inputs import Annotate, DayTurned, SnapshotsTaken
from fairlead.kernel.core.rule_inputs import RulesDiffer
from fairlead.kernel.core.venue_inputs import (
    AbsenceSeen,
    CancelAnswered,
    FillReported,
    FillsRead,
    LookedUp,
    LookUpFailed,
    OrderReported,
    QueryRefused,
    QueryWanted,
    SubmitAnswered,
)
from fairlead.ports.exchange import FillReport, OrderReport


class SubmitProposal(Value):
    """A bot's proposal, validated, under the client order id that it will have.

    Its terms are those of `Proposal`; *side* is nothing where a target has it computed. Two are the
    kernel's alone: *replaces* names the order in whose stead it is made, *shrinks* says that it raises
    nothing of that.
    """

    client_order_id: str
    owner: str
    book: str
    symbol: str
    side: OrderSide | None
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    idempotency_key: str
    command_digest: str
    metadata: tuple[tuple[str, str], ...]
    pacing: PacingPolicy | None = None
    wait_max_ns: int | None = None
    risk: Decimal | None = None
    target: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_rate: Decimal | None = None
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
    position_id: str = ""
    replaces: str = ""
    shrinks: bool = False

    @property
    def key(self) -> PositionKey:
        """Return what its position is found by."""
        return self.symbol, self.book, self.position_id


class CancelOrder(Value):
    """Someone wants an order canceled; the operator may cancel any order."""

    client_order_id: str
    by: str
    command_id: int
    operator: bool = False


class CancelAll(Value):
    """Someone wants every live order of theirs canceled, or an operator everybody's; empty means any.

    *entries_only* leaves orders that reduce a position.
    """

    by: str
    symbol: str
    book: str
    command_id: int
    operator: bool = False
    entries_only: bool = False
    idempotency_key: str = ""
    command_digest: str = ""


class ClosePosition(Value):
    """Someone wants a position to end, under the id that the closing will have."""

    closing_id: str
    by: str
    symbol: str
    book: str
    operator: bool = False
    cancel_entries: bool = False
    cancel_exits: bool = False
    limit_price: Decimal | None = None
    idempotency_key: str = ""
    command_digest: str = ""
    position_id: str = ""

    @property
    def key(self) -> PositionKey:
        """Return what the position is found by."""
        return self.symbol, self.book, self.position_id


class Flatten(Value):
    """Someone wants nothing held and nothing working in a book, or an operator in all; empty means any."""

    flatten_id: str
    by: str
    symbol: str
    book: str
    command_id: int
    operator: bool = False
    idempotency_key: str = ""
    command_digest: str = ""


class AdvanceClosing(Value):
    """Something happened on the key of a closing, or its time has come; part of another input's step."""

    key: PositionKey


class SetTradingState(Value):
    """An operator, the kernel or a finished reconciliation sets the trading state."""

    state: TradingState
    reason: str
    by: str
    command_id: int = 0


class ResolveByOperator(Value):
    """An operator records that an unresolved order was never placed.

    *missing*: that a working order which the venue does not know is over.
    """

    client_order_id: str
    by: str
    note: str
    command_id: int = 0
    missing: bool = False


class Wish(Value, kw_only=True):
    """Who wants which order to be theirs; the venue's id names it, and its symbol if that is known."""

    venue_order_id: str
    owner: str
    book: str
    by: str
    note: str = ""
    symbol: str = ""
    operator: bool = False


class AdoptOrder(Value):
    """Someone, or the policy, wants an order of the account that we did not send to be ours.

    *client_order_id* is the id that it will have here; *report* and *fills*, under that id, are what the
    venue told of it, and *problem* is why it did not. *venue_client_order_id* is the venue's client id of it.
    """

    client_order_id: str
    venue_order_id: str
    venue_client_order_id: str
    owner: str
    book: str
    by: str
    note: str
    operator: bool
    report: OrderReport | None
    fills: Sequence[FillReport]
    problem: str
    asked_ns: int
    asked_monotonic_ns: int = 0
    command_id: int = 0


class CancelForeign(Value):
    """The policy wants an order canceled that is not ours; *client_order_id* is what it would be here."""

    client_order_id: str
    report: OrderReport


class DriftSeen(Value):
    """The venue's net position of symbols that were compared with our books, and found to differ."""

    nets: tuple[tuple[str, Decimal], ...]


class AcceptDrift(Value):
    """An operator accepts what the venue holds of a symbol; the difference to our books is booked.

    *seen* is what the operator saw there, *at_venue* what it holds now; *price* is nothing when nobody knows.
    """

    symbol: str
    book: str
    seen: Decimal
    at_venue: Decimal
    price: Decimal | None
    by: str
    note: str
    command_id: int


class TimerDue(Value):
    """The time has come to see to an order."""

    client_order_id: str


class PaceDue(Value):
    """The time has come to see to what waits for its pace."""


class KernelStarting(Value):
    """A kernel took the store."""

    epoch: int
    holder: str
    version: str
    plugins: tuple[tuple[str, str], ...]
    configuration_digest: str
    limits: tuple[tuple[str, str], ...] = ()
    network: str = ""


class InFlightLost(Value):
    """Orders and changes on their way when the kernel died; *in_flight* are those that still are."""

    in_flight: frozenset[str]
    cause: str


class VenueSilent(Value):
    """Nothing has been heard of the venue for so many milliseconds: its stream is down, or polls fail."""

    silent_ms: int


class ReconciliationEnded(Value):
    """Reconciliation passed; *enable* says whether trading may begin.

    *whole*: nothing can have been missed since it began; *recorded*: it was asked for or has news.
    """

    reason: str
    counts: Counts
    fills_booked: int
    enable: bool
    whole: bool
    recorded: bool


class TroubleSeen(Value):
    """Something outside orders went wrong: a component died, a stranger was seen, a commit failed."""

    kind: str
    subject: str
    detail: str


Input = (
    SubmitProposal
    | ChangeOrder
    | AdvanceChange
    | CancelOrder
    | CancelAll
    | ClosePosition
    | Flatten
    | AdvanceClosing
    | Annotate
    | SetTradingState
    | DecideNotifier
    | ResolveByOperator
    | AdoptOrder
    | CancelForeign
    | DriftSeen
    | AcceptDrift
    | SubmitAnswered
    | ModifyAnswered
    | CancelAnswered
    | OrderReported
    | FillReported
    | LookedUp
    | AbsenceSeen
    | LookUpFailed
    | TimerDue
    | PaceDue
    | QueryWanted
    | QueryRefused
    | FillsRead
    | KernelStarting
    | InFlightLost
    | VenueSilent
    | ReconciliationEnded
    | DayTurned
    | SnapshotsTaken
    | AccountInput
    | RulesDiffer
    | TroubleSeen
)
