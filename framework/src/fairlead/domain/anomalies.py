"""Anomalies: what must not happen but does, each with a severity decided here.

An anomaly is journaled, never dropped and never raised into the bot. *note* only records; *reduce*
stops new exposure; *halt* also waits for an operator.
"""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """What an anomaly does to trading."""

    NOTE = "note"
    REDUCE = "reduce"
    HALT = "halt"


class AnomalyKind(StrEnum):
    """The kinds of anomaly; `SEVERITY` gives each its default severity."""

    ILLEGAL_EVENT = "illegal_event"
    CONTRADICTION = "contradiction"
    UNEXPECTED_LIFE = "unexpected_life"
    ZOMBIE = "zombie"
    LATE_FILL = "late_fill"
    CORRECTED_END = "corrected_end"
    OVERFILL = "overfill"
    TRADE_DIFFERS = "trade_differs"
    IMPOSSIBLE_FILL = "impossible_fill"
    MISSING_AT_VENUE = "missing_at_venue"
    UNKNOWN_OWN_ORDER = "unknown_own_order"
    FOREIGN_ORDER = "foreign_order"
    UNREADABLE_REPORT = "unreadable_report"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    DUST = "dust"
    JOURNAL_RECOVERED = "journal_recovered"
    COMPONENT_FAILED = "component_failed"
    CHECK_HUNG = "check_hung"


SEVERITY: dict[AnomalyKind, Severity] = {
    AnomalyKind.ILLEGAL_EVENT: Severity.HALT,
    AnomalyKind.CONTRADICTION: Severity.REDUCE,
    AnomalyKind.UNEXPECTED_LIFE: Severity.NOTE,
    AnomalyKind.ZOMBIE: Severity.REDUCE,
    AnomalyKind.LATE_FILL: Severity.NOTE,
    AnomalyKind.CORRECTED_END: Severity.NOTE,
    AnomalyKind.OVERFILL: Severity.HALT,
    AnomalyKind.TRADE_DIFFERS: Severity.HALT,
    AnomalyKind.IMPOSSIBLE_FILL: Severity.HALT,
    AnomalyKind.MISSING_AT_VENUE: Severity.REDUCE,
    AnomalyKind.UNKNOWN_OWN_ORDER: Severity.HALT,
    AnomalyKind.FOREIGN_ORDER: Severity.NOTE,
    AnomalyKind.UNREADABLE_REPORT: Severity.REDUCE,
    AnomalyKind.PRICE_OUT_OF_BAND: Severity.NOTE,
    AnomalyKind.DUST: Severity.NOTE,
    AnomalyKind.JOURNAL_RECOVERED: Severity.NOTE,
    AnomalyKind.COMPONENT_FAILED: Severity.HALT,
    AnomalyKind.CHECK_HUNG: Severity.HALT,
}
