"""`decide(state, input) -> (records, effects)`: the one place where anything is concluded.

Pure and synchronous: it changes nothing, does no I/O and reads no clock (the time of the step comes
with it). An input that stands for several facts, such as a look-up with its fills, is first taken
apart by `expand`, so that each fact is decided on the state that the one before it left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fairlead.domain.instrument_changes import InstrumentsChanged
from fairlead.domain.notifier_records import NotifierDecided
from fairlead.domain.records import (
    CursorMoved,
    PositionsSnapshotted,
    Record,
    TradingDayBegan,
    TradingStateChanged,
)
from fairlead.kernel.core.account_inputs import (
    AcceptBalance,
    BalancesDiffer,
    InventorySeen,
    LedgerEntrySeen,
    LedgerRead,
)
from fairlead.kernel.core.change_inputs import AdvanceChange, ChangeOrder, ModifyAnswered
from fairlead.kernel.core.effects import AnswerCommand, Effect
from fairlead.kernel.core.inputs import (
    AcceptDrift,
    AdoptOrder,
    AdvanceClosing,
    CancelAll,
    CancelForeign,
    CancelOrder,
    ClosePosition,
    DriftSeen,
    Flatten,
    InFlightLost,
    Input,
    KernelStarting,
    PaceDue,
    ReconciliationEnded,
    ResolveByOperator,
    SetTradingState,
    SubmitProposal,
    TimerDue,
    TroubleSeen,
    VenueSilent,
)
from fairlead.kernel.core.notifier_inputs import DecideNotifier
from fairlead.kernel.core.position_inputs import Annotate, DayTurned, SnapshotsTaken
from fairlead.kernel.core.readable import report_problem
from fairlead.kernel.core.rule_inputs import RulesDiffer
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.core.strangers import ADOPTION
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
from fairlead.kernel.decide.account import (
    decide_balance_acceptance,
    decide_differences,
    decide_entry,
    decide_inventory,
    decide_ledger_read,
)
from fairlead.kernel.decide.adoption import decide_adoption, decide_foreign_cancel
from fairlead.kernel.decide.annotations import decide_annotation
from fairlead.kernel.decide.answers import (
    decide_absence,
    decide_answer,
    decide_cancel_answer,
    decide_look_up_failure,
)
from fairlead.kernel.decide.change_answers import decide_modify_answer
from fairlead.kernel.decide.changes import decide_change
from fairlead.kernel.decide.closings import advance, closings_to_see_to, decide_close
from fairlead.kernel.decide.commands import decide_cancel_all, decide_flatten
from fairlead.kernel.decide.control import (
    decide_cancel,
    decide_in_flight_lost,
    decide_reconciled,
    decide_resolution,
    decide_silence,
    decide_start,
    decide_timer,
    decide_trouble,
)
from fairlead.kernel.decide.drift import decide_acceptance, decide_drift
from fairlead.kernel.decide.pacing import decide_pace, decide_query, decide_query_refused, pace_effects
from fairlead.kernel.decide.proposals import decide_proposal
from fairlead.kernel.decide.replacing import advance_change, changes_to_see_to
from fairlead.kernel.decide.reports import LOOK_UP, decide_fill, decide_report
from fairlead.kernel.decide.rules import Rules, Step

CURSOR_FILLS = "fills"
HISTORY = "history"


def expand(given: Input) -> Sequence[Input]:
    """Take an input apart into facts that are decided one after the other, in one step."""
    if type(given) is LookedUp:
        result = given.result
        facts: list[Input] = [FillReported(fill, LOOK_UP) for fill in result.fills]
        if result.report is not None:
            facts.append(OrderReported(result.report, LOOK_UP, given.asked_ns, given.asked_monotonic_ns))
        elif result.complete and not result.fills:
            facts.append(AbsenceSeen(given.client_order_id, given.asked_ns, given.asked_monotonic_ns))
        else:
            facts.append(LookUpFailed(given.client_order_id, "the look-up was not complete"))
        return facts
    if type(given) is AdoptOrder:
        told: list[Input] = [given, *(FillReported(fill, ADOPTION) for fill in given.fills)]
        if given.report is not None:
            told.append(OrderReported(given.report, ADOPTION, given.asked_ns, given.asked_monotonic_ns))
        return told
    if type(given) is LedgerRead:
        return [*(LedgerEntrySeen(entry) for entry in given.entries), given]
    if type(given) is FillsRead:
        return [*(FillReported(fill, HISTORY) for fill in given.fills), given]
    return (given,)


_MOVES_CLOSINGS = frozenset({ClosePosition, Flatten, ReconciliationEnded, AcceptDrift})


def follow_ups(state: EngineState, given: Input, touched: Iterable[str]) -> Sequence[Input]:
    """Return what the same step has to see to because of what it touched: closings and changes, if any."""
    changes = changes_to_see_to(state, touched=touched, every=type(given) is ReconciliationEnded)
    if not state.closing:
        return changes
    every = type(given) in _MOVES_CLOSINGS or (
        type(given) is TimerDue and given.client_order_id in state.closings
    )
    return [*changes, *closings_to_see_to(state, touched=touched, every=every)]


def decide(state: EngineState, given: Input, rules: Rules, now_ns: int) -> tuple[list[Record], list[Effect]]:
    """Conclude what follows from one fact: records to apply, and effects for when they are durable."""
    step = Step(rules.severities)
    _DECIDE[type(given)](state, given, rules, now_ns, step)
    if rules.pacing is not None and type(given) is not PaceDue:
        pace_effects(state, rules.pacing, now_ns, step)
    return step.records, step.effects


def _fills_read(state: EngineState, given: FillsRead, rules: Rules, now_ns: int, step: Step) -> None:
    """Move the cursor behind a page of which nothing can be missing any more."""
    if state.cursors.get(CURSOR_FILLS, "") != given.cursor and is_settled(given, rules, now_ns):
        step.records.append(CursorMoved(CURSOR_FILLS, given.cursor))


def is_settled(page: FillsRead, rules: Rules, now_ns: int) -> bool:
    """Tell whether the page, and those before it, are so old that the venue adds nothing to them.

    Some histories list trades late, between others that were listed already: what is young is read again.
    """
    if not page.settled:
        return False
    since_ns = now_ns - rules.history_overlap_ns
    return not any(not report_problem(fill) and fill.ts_event >= since_ns for fill in page.fills)


def _trading(_state: EngineState, given: SetTradingState, _rules: Rules, _now_ns: int, step: Step) -> None:
    step.records.append(TradingStateChanged(given.state, given.reason, given.by))
    step.effects.append(AnswerCommand(given.command_id, True, "", ""))


def _notifier(_state: EngineState, given: DecideNotifier, _rules: Rules, _now_ns: int, step: Step) -> None:
    record = NotifierDecided(given.action, given.notifier, given.event_ids, given.by, given.note)
    step.records.append(record)
    step.effects.append(AnswerCommand(given.command_id, True, "", ""))


def _day_turned(_state: EngineState, given: DayTurned, _rules: Rules, _now_ns: int, step: Step) -> None:
    step.records.append(TradingDayBegan(given.began_ns, given.ends_ns))


def _snapshots_taken(
    _state: EngineState, given: SnapshotsTaken, _rules: Rules, _now_ns: int, step: Step
) -> None:
    step.records.append(PositionsSnapshotted(given.snapshots))


def _rules_differ(_state: EngineState, given: RulesDiffer, _rules: Rules, _now_ns: int, step: Step) -> None:
    step.records.append(InstrumentsChanged(given.reason, given.changes))


_Decider = Callable[[EngineState, Any, Rules, int, Step], None]

_DECIDE: dict[type[Input], _Decider] = {
    SubmitProposal: decide_proposal,
    ChangeOrder: decide_change,
    AdvanceChange: advance_change,
    CancelOrder: decide_cancel,
    CancelAll: decide_cancel_all,
    ClosePosition: decide_close,
    Flatten: decide_flatten,
    AdvanceClosing: advance,
    Annotate: lambda state, given, _rules, _now, step: decide_annotation(state, given, step),
    SetTradingState: _trading,
    DecideNotifier: _notifier,
    AdoptOrder: decide_adoption,
    CancelForeign: lambda state, given, _rules, _now, step: decide_foreign_cancel(state, given, step),
    DriftSeen: lambda state, given, rules, _now, step: decide_drift(state, given, rules, step),
    AcceptDrift: decide_acceptance,
    ResolveByOperator: lambda state, given, _rules, _now, step: decide_resolution(state, given, step),
    SubmitAnswered: decide_answer,
    ModifyAnswered: decide_modify_answer,
    CancelAnswered: decide_cancel_answer,
    OrderReported: decide_report,
    FillReported: decide_fill,
    AbsenceSeen: decide_absence,
    LookUpFailed: decide_look_up_failure,
    TimerDue: decide_timer,
    PaceDue: decide_pace,
    QueryWanted: lambda state, given, rules, _now, step: decide_query(state, given, rules, step),
    QueryRefused: lambda state, given, rules, _now, step: decide_query_refused(state, given, rules, step),
    FillsRead: _fills_read,
    KernelStarting: lambda state, given, _rules, _now, step: decide_start(state, given, step),
    InFlightLost: decide_in_flight_lost,
    VenueSilent: lambda state, given, _rules, _now, step: decide_silence(state, given, step),
    ReconciliationEnded: decide_reconciled,
    InventorySeen: lambda state, given, _rules, _now, step: decide_inventory(state, given, step),
    LedgerEntrySeen: lambda state, given, _rules, _now, step: decide_entry(state, given, step),
    LedgerRead: decide_ledger_read,
    BalancesDiffer: lambda state, given, _rules, _now, step: decide_differences(state, given, step),
    AcceptBalance: lambda _state, given, _rules, now, step: decide_balance_acceptance(given, now, step),
    DayTurned: _day_turned,
    SnapshotsTaken: _snapshots_taken,
    RulesDiffer: _rules_differ,
    TroubleSeen: lambda state, given, _rules, _now, step: decide_trouble(state, given, step),
}

__all__ = ["CURSOR_FILLS", "decide", "expand", "follow_ups", "is_settled"]
