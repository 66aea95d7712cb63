"""Journal records: everything that ever changed state, and the evidence for it.

A record is applied, never decided again: replay folds records. Each kind has a name and a version;
an old version is lifted by an upcaster when it is read (`fairlead.kernel.journal.codec`). The time and the
sequence of a record are in its envelope.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.change_records import CHANGE_RECORD_CLASSES, ChangeRecord
from fairlead.domain.command_records import (
    ClosingEnded,
    ClosingMoved,
    ClosingRequested,
    CommandTaken,
    EpisodeAnnotated,
    OrderAnnotated,
)
from fairlead.domain.contracts import Contract
from fairlead.domain.instrument_changes import InstrumentsChanged
from fairlead.domain.notifier_records import NotifierDecided
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted, PositionCorrected
from fairlead.domain.reconciliation import Counts
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.sizing import Sizing
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.domain.trading_state import TradingState
from fairlead.domain.values import Value
from fairlead.domain.verdicts import Verdict

Pairs = tuple[tuple[str, str], ...]


class KernelStarted(Value):
    """A kernel took the store: who it is and with what it runs.

    *limits* are those that its risk checks told, by name, each a number as text; *network* is ``real`` or
    ``simulated``, as its exchange client is.
    """

    KIND: ClassVar[str] = "kernel_started"
    VERSION: ClassVar[int] = 1
    account: str
    epoch: int
    holder: str
    version: str
    plugins: Pairs
    configuration_digest: str
    limits: Pairs = ()
    network: str = ""


class TradingStateChanged(Value):
    """Trading was enabled, reduced, halted or disabled."""

    KIND: ClassVar[str] = "trading_state_changed"
    VERSION: ClassVar[int] = 1
    state: TradingState
    reason: str
    by: str


class OrderInitialized(Value, omit_defaults=True):
    """A proposal became an order, approved or denied, with every verdict.

    Approved: exposure is reserved in the same step and the order may go to the venue under this
    client order id. Denied: nothing is reserved and nothing will be sent. A term that the order does
    not have is not written, so a new one costs the others nothing.
    """

    KIND: ClassVar[str] = "order_initialized"
    VERSION: ClassVar[int] = 1
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
    command_digest: str
    metadata: Pairs
    approved: bool
    denial_code: str
    verdicts: tuple[Verdict, ...]
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
    contract: Contract | None = None
    position_id: str = ""
    replaces: str = ""


class AttemptStarted(Value):
    """The order goes to the wire next; times are venue wall nanoseconds, deadline 0 when none."""

    KIND: ClassVar[str] = "attempt_started"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    number: int
    not_before_ns: int
    deadline_ns: int


class OrderEventNoted(Value):
    """An event of the order table that carries no figures: a phase or a pending request changed.

    *cause* says on which evidence; *look_up_ns* is when an unresolved order may be looked up, and
    when a limited one may be tried again.
    """

    KIND: ClassVar[str] = "order_event"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    event: OrderEvent
    cause: str
    by: str = ""
    look_up_ns: int = 0
    ts_event: int = 0


class OrderAccepted(Value):
    """The venue knows the order under this id."""

    KIND: ClassVar[str] = "order_accepted"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    venue_order_id: str
    event: OrderEvent
    ts_event: int
    source: str


class OrderFilled(Value, omit_defaults=True):
    """One trade of the order, booked on order, position and balances together.

    *value* is the settlement value in *quote*, fixed here once; *settlement_decimals* is the
    precision at which a partial close allots cost. Of a contract, *quote* is the settlement currency
    and *base* is empty, for no asset changes hands. *fee_currency* is empty when it is *quote*.
    """

    KIND: ClassVar[str] = "order_filled"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    venue_order_id: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    base: str
    quote: str
    settlement_decimals: int
    liquidity: Liquidity
    ts_event: int
    source: str
    fee_currency: str = ""


class CommandRefused(Value):
    """A command that was not carried out: foreign owner, finished order, wrong trading state."""

    KIND: ClassVar[str] = "command_refused"
    VERSION: ClassVar[int] = 1
    command: str
    by: str
    subject: str
    code: str
    reason: str
    idempotency_key: str = ""
    command_digest: str = ""


class AnomalyNoted(Value):
    """What must not happen but did; its severity was applied in the same step."""

    KIND: ClassVar[str] = "anomaly"
    VERSION: ClassVar[int] = 1
    anomaly: AnomalyKind
    severity: Severity
    subject: str
    detail: str


class CursorMoved(Value):
    """How far the venue's history was read; moves only with the fills it covers."""

    KIND: ClassVar[str] = "cursor_moved"
    VERSION: ClassVar[int] = 1
    stream: str
    cursor: str


class Reconciled(Value):
    """A reconciliation ended; counts by class."""

    KIND: ClassVar[str] = "reconciled"
    VERSION: ClassVar[int] = 1
    reason: str
    counts: Counts
    fills_booked: int


class CheckValueChanged(Value):
    """A risk check folded facts into a new value; journaled so that limits survive restarts."""

    KIND: ClassVar[str] = "check_value_changed"
    VERSION: ClassVar[int] = 1
    check: str
    value: str


class LockPlaced(Value):
    """A risk check locked new exposure until a wall time."""

    KIND: ClassVar[str] = "lock_placed"
    VERSION: ClassVar[int] = 1
    check: str
    scope: str
    side: OrderSide | None
    until_ns: int
    code: str
    reason: str


class BudgetSpent(Value):
    """A request goes out next and takes of the venue's rate limits; or the venue refused one for them.

    *levels* is how each budget it takes of stands afterwards. *subject* is the client order id, or the
    number of a query; without levels the request left the queue and was not made.
    """

    KIND: ClassVar[str] = "budget_spent"
    VERSION: ClassVar[int] = 1
    request: RequestKind
    subject: str
    levels: tuple[tuple[str, BudgetLevel], ...]
    refused: bool = False


class OrderPaced(Value):
    """A request about an order waits for its pace; *wait_ns* is the wait to be expected.

    *costs* is what it will take; an order still waiting at *until_ns* (time of the budgets, 0 for no
    end) is not sent.
    """

    KIND: ClassVar[str] = "order_paced"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    request: RequestKind
    lane: Lane
    symbol: str
    costs: tuple[tuple[str, Decimal], ...]
    since_ns: int
    wait_ns: int
    until_ns: int = 0


class QueryPaced(Value):
    """A question that is about no order waits for its pace; *number* is that of its command."""

    KIND: ClassVar[str] = "query_paced"
    VERSION: ClassVar[int] = 1
    request: RequestKind
    number: int
    symbol: str
    costs: tuple[tuple[str, Decimal], ...]
    since_ns: int
    wait_ns: int


class OrderJudgedAgain(Value):
    """An order waited so long that the gate was asked again before it was sent, with every verdict."""

    KIND: ClassVar[str] = "order_judged_again"
    VERSION: ClassVar[int] = 1
    client_order_id: str
    allowed: bool
    verdicts: tuple[Verdict, ...]


class PositionsSnapshotted(Value):
    """Open positions as they stood, gathered and written together; evidence, which changes nothing."""

    KIND: ClassVar[str] = "positions_snapshotted"
    VERSION: ClassVar[int] = 1
    snapshots: tuple[PositionSnapshot, ...]


class TradingDayBegan(Value):
    """The first step of a trading day; told only where a risk check keeps a value.

    Times are nanoseconds UTC; the day ends where the next begins.
    """

    KIND: ClassVar[str] = "trading_day_began"
    VERSION: ClassVar[int] = 1
    began_ns: int
    ends_ns: int


Record = (
    KernelStarted
    | TradingStateChanged
    | OrderInitialized
    | AttemptStarted
    | OrderEventNoted
    | OrderAccepted
    | OrderFilled
    | CommandRefused
    | AnomalyNoted
    | CursorMoved
    | Reconciled
    | ForeignCancelRequested
    | OrderAdopted
    | PositionCorrected
    | CheckValueChanged
    | LockPlaced
    | CommandTaken
    | OrderAnnotated
    | EpisodeAnnotated
    | ClosingRequested
    | ClosingMoved
    | ClosingEnded
    | BudgetSpent
    | OrderPaced
    | QueryPaced
    | OrderJudgedAgain
    | PositionsSnapshotted
    | TradingDayBegan
    | InventoryOpened
    | AdjustmentBooked
    | InstrumentsChanged
    | NotifierDecided
    | ChangeRecord
)

RECORD_CLASSES: tuple[type[Record], ...] = (
    KernelStarted,
    TradingStateChanged,
    OrderInitialized,
    AttemptStarted,
    OrderEventNoted,
    OrderAccepted,
    OrderFilled,
    CommandRefused,
    AnomalyNoted,
    CursorMoved,
    Reconciled,
    ForeignCancelRequested,
    OrderAdopted,
    PositionCorrected,
    CheckValueChanged,
    LockPlaced,
    CommandTaken,
    OrderAnnotated,
    EpisodeAnnotated,
    ClosingRequested,
    ClosingMoved,
    ClosingEnded,
    BudgetSpent,
    OrderPaced,
    QueryPaced,
    OrderJudgedAgain,
    PositionsSnapshotted,
    TradingDayBegan,
    InventoryOpened,
    AdjustmentBooked,
    InstrumentsChanged,
    NotifierDecided,
    *CHANGE_RECORD_CLASSES,
)
