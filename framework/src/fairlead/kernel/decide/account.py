"""Deciding on the account: the opening inventory, once, and each entry of the venue's ledger, once."""

from __future__ import annotations

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.numbers import ZERO, subtract, text_of
from fairlead.domain.records import CommandRefused, CursorMoved
from fairlead.kernel.core.account_inputs import (
    AcceptBalance,
    BalancesDiffer,
    InventorySeen,
    LedgerEntrySeen,
    LedgerRead,
)
from fairlead.kernel.core.effects import AnswerCommand, WakeAt
from fairlead.kernel.core.readable import entry_problem, outside_text
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import Rules, Step
from fairlead.ports.exchange import LedgerEntry

CURSOR_LEDGER = "ledger"
BALANCES = "balances"
"""The name under which a timer comes back to read balances after fills; no order is called so."""

_TOUCHES_A_FILL = {
    AdjustmentKind.FILL_CORRECTION: AnomalyKind.FILL_CORRECTED,
    AdjustmentKind.LIQUIDATION: AnomalyKind.POSITION_LIQUIDATED,
}
"""Entries after which a position is not what our books say, although the balance is."""

CODE_BALANCED = "NO_DRIFT"
CODE_TOTAL_CHANGED = "VENUE_CHANGED"
CODE_UNCERTAIN = "NOT_CERTAIN"


def decide_inventory(state: EngineState, given: InventorySeen, step: Step) -> None:
    """Record what was there before: what the venue holds, less what was booked so far; never again."""
    if state.inventory_ns:
        return
    told = dict(given.totals)
    amounts = tuple(
        (asset, amount)
        for asset in sorted({*told, *state.balances})
        if (amount := subtract(told.get(asset, ZERO), state.balances.get(asset, ZERO)))
    )
    step.records.append(InventoryOpened(amounts, given.asked_ns))


def decide_entry(state: EngineState, given: LedgerEntrySeen, step: Step) -> None:
    """Book an entry that is news; what is older than the opening inventory is part of that."""
    entry = given.entry
    problem = entry_problem(entry)
    if problem:
        step.note(state, AnomalyKind.UNREADABLE_REPORT, "the venue's ledger", problem)
        return
    booked = state.adjustments.get(entry.entry_id)
    if booked is not None:
        known = booked[0]
        if (known.kind, known.asset, known.amount) != (entry.kind, entry.asset, entry.amount):
            detail = (
                f"booked as {known.kind.value} of {text_of(known.amount)} {known.asset}, told again as"
                f" {entry.kind.value} of {text_of(entry.amount)} {entry.asset}; not booked"
            )
            step.note(state, AnomalyKind.CONTRADICTION, entry.entry_id, detail)
    elif entry.ts_event >= state.inventory_ns:
        step.records.append(
            AdjustmentBooked(
                entry.entry_id,
                entry.kind,
                entry.asset,
                entry.amount,
                entry.ts_event,
                outside_text(entry.note),
            )
        )
        _tell(state, entry, step)


def _tell(state: EngineState, entry: LedgerEntry, step: Step) -> None:
    """Note what an entry means besides its amount: a position that is not ours any more, borrowed money."""
    touched = _TOUCHES_A_FILL.get(entry.kind)
    if touched is not None:
        detail = f"booked {text_of(entry.amount)} {entry.asset}; positions stay as they were booked"
        step.note(state, touched, entry.entry_id, detail)
    elif entry.kind is AdjustmentKind.ROLLOVER:
        step.note(state, AnomalyKind.ROLLOVER_CHARGED, entry.asset, "money is borrowed, and paid for")


def decide_ledger_read(state: EngineState, given: LedgerRead, rules: Rules, now_ns: int, step: Step) -> None:
    """Move the cursor behind a page of which nothing can be missing any more."""
    if state.cursors.get(CURSOR_LEDGER, "") != given.cursor and is_old(given, rules, now_ns):
        step.records.append(CursorMoved(CURSOR_LEDGER, given.cursor))


def is_old(page: LedgerRead, rules: Rules, now_ns: int) -> bool:
    """Tell whether the page, and those before it, are so old that the venue adds nothing to them."""
    since_ns = now_ns - rules.history_overlap_ns
    return page.settled and not any(
        not entry_problem(entry) and entry.ts_event >= since_ns for entry in page.entries
    )


def decide_differences(state: EngineState, given: BalancesDiffer, step: Step) -> None:
    """Note each asset of which the venue holds something else; nothing is overwritten."""
    for entry in given.entries:
        detail = f"the venue holds {text_of(entry.at_venue)}, we derive {text_of(entry.derived)}"
        step.note(state, AnomalyKind.BALANCE_DRIFTED, entry.asset, detail)


def decide_balance_acceptance(given: AcceptBalance, now_ns: int, step: Step) -> None:
    """Book what the venue holds more or less than we derive, in the name of an operator."""
    entry = given.entry
    if entry.at_venue != given.seen:
        reason = f"The venue holds {text_of(entry.at_venue)} by now, not {text_of(given.seen)}."
        _refuse(given, CODE_TOTAL_CHANGED, reason, step)
        return
    if not given.is_certain:
        reason = "The difference was not the same twice: something moves."
        _refuse(given, CODE_UNCERTAIN, reason, step)
        return
    if not entry.difference:
        reason = f"What we derive is what the venue holds, {text_of(entry.at_venue)}."
        step.effects.append(AnswerCommand(given.command_id, True, CODE_BALANCED, reason))
        return
    kind = AdjustmentKind.CORRECTION
    amount, note = entry.difference, given.note
    step.records.append(AdjustmentBooked(given.entry_id, kind, given.asset, amount, now_ns, note, given.by))
    step.effects.append(AnswerCommand(given.command_id, True, "", ""))


def _refuse(given: AcceptBalance, code: str, reason: str, step: Step) -> None:
    step.records.append(CommandRefused("accept-balance", given.by, given.asset, code, reason))
    step.effects.append(AnswerCommand(given.command_id, False, code, reason))


def read_balances_later(rules: Rules, now_ns: int, step: Step) -> None:
    """Have balances read a little later, where there are any: a fill moved them."""
    if rules.capabilities.balances:
        step.effects.append(WakeAt(BALANCES, now_ns + rules.settings.ns("balances_debounce")))
