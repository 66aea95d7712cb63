"""The two small tables: which commands pass in which trading state, and how severe an anomaly is."""

from __future__ import annotations

from itertools import product

import pytest

from fairlead.domain.anomalies import SEVERITY, AnomalyKind, Severity
from fairlead.domain.trading_state import PASSES, CommandKind, TradingState, passes

# By command, the states in which it passes: written from the rule, not from the table.
PASSES_IN = {
    "cancel": {"disabled", "active", "reducing", "halted"},  # nothing ever blocks a cancel
    "reduce": {"disabled", "active", "reducing", "halted"},  # nor taking exposure off
    "increase": {"active"},
    "modify": {"active"},
    "shrink": {"active", "reducing"},
}


@pytest.mark.parametrize(("state", "command"), list(product(TradingState, CommandKind)), ids=str)
def test_every_command_in_every_state(state: TradingState, command: CommandKind) -> None:
    """All pairs: new exposure in ACTIVE alone, cancels and reductions always, shrinking while REDUCING."""
    assert passes(state, command) is (state.value in PASSES_IN[command.value])


def test_no_pair_is_missing() -> None:
    """The table has an entry for every pair and no other."""
    assert set(PASSES) == set(product(TradingState, CommandKind))
    assert {command.value for command in CommandKind} == set(PASSES_IN)


BY_SEVERITY = {
    # The books or the venue contradict what must be true: an operator looks first.
    "halt": {
        "illegal_event", "overfill", "trade_differs", "impossible_fill", "unknown_own_order",
        "component_failed", "check_hung", "position_drifted", "fill_corrected", "position_liquidated",
    },
    # Something at the venue is not as we hold it: nothing new until it is cleared up.
    "reduce": {
        "contradiction", "zombie", "missing_at_venue", "unreadable_report", "terms_differ", "balance_drifted",
    },
    # Evidence that came late or is merely odd.
    "note": {
        "venue_silent",  # the kernel reduces for it itself, and takes that back
        "unexpected_life", "late_fill", "corrected_end", "foreign_order", "price_out_of_band", "residue",
        "journal_recovered", "price_source_failed", "stale_price", "rules_not_read", "notifier_disabled",
        "time_ahead", "loop_blocked", "rollover_charged", "notice_row_refused",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", list(AnomalyKind), ids=str)
def test_every_anomaly_has_its_severity(kind: AnomalyKind) -> None:
    """Overfill, a trade id with other numbers and an impossible fill halt; each has its severity."""
    assert kind.value in BY_SEVERITY[SEVERITY[kind].value]


def test_no_anomaly_is_missing() -> None:
    """Every kind has a severity, and the three severities are all there are."""
    assert set(SEVERITY) == set(AnomalyKind)
    assert {severity.value for severity in Severity} == set(BY_SEVERITY)
    assert sum(len(kinds) for kinds in BY_SEVERITY.values()) == len(AnomalyKind)
