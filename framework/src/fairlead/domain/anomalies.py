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
    POSITION_DRIFTED = "position_drifted"
    BALANCE_DRIFTED = "balance_drifted"
    FILL_CORRECTED = "fill_corrected"
    POSITION_LIQUIDATED = "position_liquidated"
    ROLLOVER_CHARGED = "rollover_charged"
    UNREADABLE_REPORT = "unreadable_report"
    PRICE_OUT_OF_BAND = "price_out_of_band"
    STALE_PRICE = "stale_price"
    TERMS_DIFFER = "terms_differ"
    RESIDUE = "residue"
    JOURNAL_RECOVERED = "journal_recovered"
    VENUE_SILENT = "venue_silent"
    COMPONENT_FAILED = "component_failed"
    PRICE_SOURCE_FAILED = "price_source_failed"
    CHECK_HUNG = "check_hung"
    RULES_NOT_READ = "rules_not_read"
    TIME_AHEAD = "time_ahead"
    LOOP_BLOCKED = "loop_blocked"
    NOTIFIER_DISABLED = "notifier_disabled"
    NOTICE_ROW_REFUSED = "notice_row_refused"


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
    AnomalyKind.POSITION_DRIFTED: Severity.HALT,
    AnomalyKind.BALANCE_DRIFTED: Severity.REDUCE,
    AnomalyKind.FILL_CORRECTED: Severity.HALT,
    AnomalyKind.POSITION_LIQUIDATED: Severity.HALT,
    AnomalyKind.ROLLOVER_CHARGED: Severity.NOTE,
    AnomalyKind.UNREADABLE_REPORT: Severity.REDUCE,
    AnomalyKind.PRICE_OUT_OF_BAND: Severity.NOTE,
    AnomalyKind.STALE_PRICE: Severity.NOTE,
    AnomalyKind.TERMS_DIFFER: Severity.REDUCE,
    AnomalyKind.RESIDUE: Severity.NOTE,
    AnomalyKind.JOURNAL_RECOVERED: Severity.NOTE,
    AnomalyKind.VENUE_SILENT: Severity.NOTE,
    AnomalyKind.COMPONENT_FAILED: Severity.HALT,
    AnomalyKind.PRICE_SOURCE_FAILED: Severity.NOTE,
    AnomalyKind.CHECK_HUNG: Severity.HALT,
    AnomalyKind.RULES_NOT_READ: Severity.NOTE,
    AnomalyKind.TIME_AHEAD: Severity.NOTE,
    AnomalyKind.LOOP_BLOCKED: Severity.NOTE,
    AnomalyKind.NOTIFIER_DISABLED: Severity.NOTE,
    AnomalyKind.NOTICE_ROW_REFUSED: Severity.NOTE,
}

BY_POLICY: dict[AnomalyKind, str] = {
    AnomalyKind.MISSING_AT_VENUE: "missing_policy",
    AnomalyKind.FOREIGN_ORDER: "foreign_policy",
    AnomalyKind.POSITION_DRIFTED: "drifted_policy",
}
"""Classes of a reconciliation: each has a setting of its own, which says more than a severity."""

MEANING: dict[AnomalyKind, str] = {
    AnomalyKind.ILLEGAL_EVENT: "an event that this state must never see",
    AnomalyKind.CONTRADICTION: "the venue or its client contradicts what is known",
    AnomalyKind.UNEXPECTED_LIFE: "the venue has, or had, an order that was not on the wire",
    AnomalyKind.ZOMBIE: "the venue shows alive what is held to be over or never placed; canceled at once",
    AnomalyKind.LATE_FILL: "a fill after the end of its order; booked",
    AnomalyKind.CORRECTED_END: "an order held never to have been at the venue ended there",
    AnomalyKind.OVERFILL: "more was filled than ordered; booked in full",
    AnomalyKind.TRADE_DIFFERS: "a booked trade id came again with other numbers; not booked",
    AnomalyKind.IMPOSSIBLE_FILL: "a fill whose figures cannot be true; put aside",
    AnomalyKind.MISSING_AT_VENUE: "a working order that a complete look-up does not find",
    AnomalyKind.UNKNOWN_OWN_ORDER: "an order under our account tag that the journal does not hold",
    AnomalyKind.FOREIGN_ORDER: "an order of the account that is not ours",
    AnomalyKind.BALANCE_DRIFTED: "the venue's balance of an asset is not what fills and adjustments explain",
    AnomalyKind.POSITION_DRIFTED: "the venue's net position is not the sum of our books",
    AnomalyKind.FILL_CORRECTED: "the ledger corrects or voids a fill; the position stays as booked",
    AnomalyKind.POSITION_LIQUIDATED: "the venue ended a position by force; our books stay as they are",
    AnomalyKind.ROLLOVER_CHARGED: "the venue charges for borrowed money; booked, noted once for an asset",
    AnomalyKind.UNREADABLE_REPORT: "a report that cannot be read; put aside and asked for again",
    AnomalyKind.PRICE_OUT_OF_BAND: "a fill far from the order's reference price; booked",
    AnomalyKind.STALE_PRICE: "an order asked for a price that is stale; noted once until it is fresh again",
    AnomalyKind.TERMS_DIFFER: "the venue holds an order under other terms than ours; they are taken over",
    AnomalyKind.RESIDUE: "the venue calls an order filled although a rest is left, too small for an order",
    AnomalyKind.JOURNAL_RECOVERED: "a commit failed or was uncertain, and the store was read back",
    AnomalyKind.VENUE_SILENT: "the stream is down, or polls fail, for too long; trading reduces meanwhile",
    AnomalyKind.COMPONENT_FAILED: "a part of the kernel died",
    AnomalyKind.PRICE_SOURCE_FAILED: "a price source failed and is started again; its prices grow stale",
    AnomalyKind.CHECK_HUNG: "a risk check did not return and was interrupted",
    AnomalyKind.RULES_NOT_READ: "the venue's rules could not be read again; the old ones stay meanwhile",
    AnomalyKind.TIME_AHEAD: "a fill whose time lies ahead of ours; booked in the order in which it came",
    AnomalyKind.LOOP_BLOCKED: "something held up the event loop; nothing was sent or heard meanwhile",
    AnomalyKind.NOTIFIER_DISABLED: "a notifier failed for too long, or its receiver is gone; told no more",
    AnomalyKind.NOTICE_ROW_REFUSED: "the store refused what is kept of a notice; it is told from memory",
}
