"""Deciding on the account: the opening inventory, once, and each entry of the venue's ledger, once."""

from __future__ import annotations

from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.numbers import ZERO, subtract, text_of
from fairlead.domain.records import CursorMoved
from fairlead.kernel.core.account_inputs import InventorySeen, LedgerEntrySeen, LedgerRead
from fairlead.kernel.core.readable import entry_problem, outside_text
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import Rules, Step

CURSOR_LEDGER = "ledger"


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
