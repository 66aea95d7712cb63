"""The fold of everything that is about no order: what each record changes, and which rows it has written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.budgets import BudgetLevel
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.reconcile_records import ForeignCancelRequested
from fairlead.domain.reconciliation import Counts
from fairlead.domain.records import (
    AnomalyNoted,
    BudgetSpent,
    CheckValueChanged,
    CursorMoved,
    KernelStarted,
    LockPlaced,
    OrderJudgedAgain,
    PositionsSnapshotted,
    QueryPaced,
    Reconciled,
    Record,
    TradingDayBegan,
    TradingStateChanged,
)
from fairlead.domain.requests import RequestKind
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.apply import apply as applying
from fairlead.kernel.core.state import UNHEARD
from fairlead.ports.store import Row
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import Fold, at

D = Decimal
STARTED = KernelStarted("test", 3, "holder", "1", (), "", (("max", "5"),), "real")
NOT_YET = "the kernel started; reconciliation has not passed yet"


def state_set(state: TradingState, reason: str) -> TradingStateChanged:
    """Return the record of a trading state."""
    return TradingStateChanged(state, reason, "operator")


def test_a_start_is_told_apart_from_the_one_before() -> None:
    """Limits and network are written when they are others; trading waits for a reconciliation again."""
    fold = Fold(Reconciled("start", Counts(), 0), state_set(TradingState.ACTIVE, "go"))
    assert fold.state.reconciled
    trading = {"trading": TradingState.DISABLED, "trading_reason": NOT_YET}
    assert fold.changes(STARTED) == {
        "epoch": 3,
        "reconciled": False,
        "limits": (("max", "5"),),
        "network": "real",
        **trading,
        "dirty.settings": ["account", "limits", "network", "trading_state", "trading_reason"],
    }
    assert fold.changes(STARTED) == {"dirty.settings": ["account", "trading_state", "trading_reason"]}


@pytest.mark.parametrize(
    ("state", "reason", "is_kept"),
    [
        (TradingState.HALTED, "an operator", True),
        (TradingState.REDUCING, "an operator", True),
        (TradingState.REDUCING, UNHEARD, False),
        (TradingState.DISABLED, "stopped", False),
    ],
)
def test_what_an_operator_set_outlives_a_restart(state: TradingState, reason: str, *, is_kept: bool) -> None:
    """A start enables nothing and takes no caution back but the kernel's own, for a silence."""
    fold = Fold(state_set(state, reason))
    fold.changes(STARTED)
    kept = (fold.state.trading, fold.state.trading_reason) == (state, reason)
    assert kept is is_kept
    assert kept or (fold.state.trading, fold.state.trading_reason) == (TradingState.DISABLED, NOT_YET)


def snapshot() -> PositionSnapshot:
    """Return a snapshot of a position."""
    return PositionSnapshot(BTC, "main", "", 5, 1, "USDT", D(1), D(100), D(2), D(3))


LOCK = LockPlaced("check", BTC, OrderSide.BUY, 70, "CODE", "why")


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (
            state_set(TradingState.HALTED, "stop"),
            {
                "trading": TradingState.HALTED,
                "trading_reason": "stop",
                "dirty.settings": ["trading_state", "trading_reason"],
            },
        ),
        (Reconciled("asked for", Counts(), 0), {"reconciled": True}),
        (CursorMoved("fills", "7"), {"cursors.fills": "7", "dirty.settings": ["cursor:fills"]}),
        (CheckValueChanged("loss", "9"), {"check_values.loss": "9", "dirty.settings": ["check:loss"]}),
        (LOCK, {f"locks.check:{BTC}:buy": LOCK, "dirty.settings": [f"lock:check:{BTC}:buy"]}),
        (TradingDayBegan(5, 9), {"trading_day": (5, 9), "dirty.settings": ["trading_day"]}),
        (
            PositionsSnapshotted((snapshot(),)),
            {
                "dirty.snapshots": [
                    Row.of(
                        "position_snapshots",
                        {
                            "symbol": BTC,
                            "book": "main",
                            "position_id": "",
                            "ts_ns": 5,
                            "episode": 1,
                            "currency": "USDT",
                            "quantity": D(1),
                            "cost": D(100),
                            "realized_pnl": D(2),
                            "fees": D(3),
                            "price": None,
                            "unrealized_pnl": None,
                            "price_age_ns": 0,
                            "price_usable": False,
                            "sequence": 1,
                        },
                    )
                ]
            },
        ),
        (ForeignCancelRequested("V1", "theirs", BTC), {}),
        (OrderJudgedAgain("x", allowed=True, verdicts=()), {}),
    ],
)
def test_a_record_changes_what_it_says(record: Record, changes: dict[str, object]) -> None:
    """And has those rows written, and no other: evidence changes nothing."""
    assert Fold().changes(record) == changes


@pytest.mark.parametrize("until_ns", [69, 70, 71])
def test_no_later_word_of_a_check_shortens_its_lock(until_ns: int) -> None:
    """The longer one stands, of equal ones the first; one for both sides is another than one for each."""
    later = LockPlaced("check", BTC, OrderSide.BUY, until_ns, "CODE", "later")
    both = LockPlaced("check", BTC, None, 1, "CODE", "both")
    fold = Fold(LOCK, both, later)
    longest = later if until_ns > LOCK.until_ns else LOCK
    assert fold.state.locks == {f"check:{BTC}:buy": longest, f"check:{BTC}:both": both}


def noted(kind: AnomalyKind, subject: str) -> AnomalyNoted:
    """Return the record of an anomaly."""
    return AnomalyNoted(kind, Severity.NOTE, subject, "odd")


def test_an_anomaly_is_remembered_as_noted() -> None:
    """With every look-up it would be noted again otherwise; an order that lives after its end is one more."""
    fold = Fold()
    assert fold.changes(noted(AnomalyKind.LATE_FILL, "x")) == {"noted": ["late_fill x odd"]}
    assert fold.changes(noted(AnomalyKind.ZOMBIE, "y")) == {
        "noted": ["late_fill x odd", "zombie y odd"],
        "zombies": ["y"],
    }


def test_of_noted_anomalies_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many are remembered as there is room for, and not one fewer."""
    monkeypatch.setattr(applying, "NOTED_MAX", 2)
    fold = Fold(noted(AnomalyKind.LATE_FILL, "x"), noted(AnomalyKind.LATE_FILL, "y"))
    assert [subject for _, subject, _ in fold.state.noted] == ["x", "y"]
    fold.changes(noted(AnomalyKind.LATE_FILL, "z"))
    assert [subject for _, subject, _ in fold.state.noted] == ["y", "z"]


def spent(*levels: tuple[str, int], refused: bool = False) -> BudgetSpent:
    """Return the record of a question that takes of these budgets, each at that time."""
    each = tuple((name, BudgetLevel(D(1), at_ns)) for name, at_ns in levels)
    return BudgetSpent(RequestKind.LOOK_UP, "7", each, refused=refused)


def test_a_request_takes_of_budgets_and_sets_their_clock() -> None:
    """The budgets' time never goes back; the wall time beside it is that of the step."""
    fold = Fold()
    assert fold.changes(spent(("reads", 500), ("all", 400))) == {
        "budgets.reads": BudgetLevel(D(1), 500),
        "budgets.all": BudgetLevel(D(1), 400),
        "budget_clock": (500, 10),
        "dirty.settings": ["budget:reads", "budget_clock", "budget:all"],
        "pace.counts.calls.look_up": 1,
    }
    changes = fold.changes(spent(("reads", 450)))
    assert changes["budget_clock"] == (500, 20)
    assert changes["pace.counts.calls.look_up"] == 2
    assert fold.changes(spent(("reads", 600), refused=True))["pace.counts.limited"] == 1


def test_a_question_that_was_not_made_leaves_the_queue_uncounted() -> None:
    """It waited, and that counts; no budget is touched, so no row is written."""
    costs = (("reads", D(1)),)
    fold = Fold(QueryPaced(RequestKind.LOOK_UP, 7, BTC, costs, 2_000, 5))
    waiting = fold.state.pace.waiting[RequestKind.LOOK_UP, "7"]
    assert (waiting.symbol, waiting.costs, waiting.command_id, waiting.until_ns) == (BTC, costs, 7, 0)
    changes = fold.changes(spent())
    assert {path: value for path, value in changes.items() if not path.startswith("pace.waiting")} == at(
        "pace.counts", waited_ns=20, longest_wait_ns=20
    )
    assert not fold.state.pace.waiting
