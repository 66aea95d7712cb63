"""What a reconciliation finds, by class, and what can be configured to be done about each class.

The report is a value: counts are derived from its entries, so they cannot disagree.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from fairlead.domain.anomalies import Severity
from fairlead.domain.values import Value


class Found(StrEnum):
    """The classes of a reconciliation."""

    MATCHED = "matched"
    ADOPTED = "adopted"
    MISSING = "missing"
    FOREIGN = "foreign"
    RESOLVED = "resolved"
    DRIFTED = "drifted"
    DUST = "dust"


MEANING: dict[Found, str] = {
    Found.MATCHED: "an order that is live here and at the venue",
    Found.ADOPTED: "an order of the account that was foreign, and is ours since this reconciliation",
    Found.MISSING: "an order that is live here and that the venue does not list; looked up, and kept until"
    " it is explained",
    Found.FOREIGN: "an open order at the venue that the journal does not hold",
    Found.RESOLVED: "an order that was live before, ended by what was found",
    Found.DRIFTED: "a symbol whose net position at the venue is not the sum of our books",
    Found.DUST: "a position too small for the venue to take an order for, with no order at work on it",
}

OF_ORDERS = (Found.MATCHED, Found.ADOPTED, Found.MISSING, Found.FOREIGN, Found.RESOLVED)
OF_POSITIONS = (Found.DRIFTED, Found.DUST)


class ForeignPolicy(StrEnum):
    """What is done about an open order of the account that is not ours."""

    LEAVE = "leave"
    ADOPT = "adopt"
    CANCEL = "cancel"
    HALT = "halt"


FOREIGN_MEANING: dict[ForeignPolicy, str] = {
    ForeignPolicy.LEAVE: "noted once, and never touched",
    ForeignPolicy.ADOPT: "taken over in the name of `adopt_owner`, with its fills; refused at start without a"
    " fence",
    ForeignPolicy.CANCEL: "canceled at the venue, each time a reconciliation finds it",
    ForeignPolicy.HALT: "noted, and trading halts",
}


class DriftedPolicy(StrEnum):
    """What a net position that is not the sum of our books does to trading; nothing is overwritten."""

    REPORT = "report"
    REDUCE = "reduce"
    HALT = "halt"


DRIFTED_MEANING: dict[DriftedPolicy, str] = {
    DriftedPolicy.REPORT: "noted",
    DriftedPolicy.REDUCE: "noted, and no new exposure is taken",
    DriftedPolicy.HALT: "noted, and trading halts",
}

DRIFTED_SEVERITY: dict[DriftedPolicy, Severity] = {
    DriftedPolicy.REPORT: Severity.NOTE,
    DriftedPolicy.REDUCE: Severity.REDUCE,
    DriftedPolicy.HALT: Severity.HALT,
}


class ReconcileEntry(Value):
    """One order that a reconciliation found; *concluded* is its state afterwards, or what was done."""

    found: Found
    client_order_id: str
    venue_order_id: str
    symbol: str
    concluded: str


class PositionEntry(Value):
    """A position that a reconciliation found drifted or dust; *concluded* is what was done.

    Quantities are signed, in base or contracts. Of drift, *book* is empty, *ours* the sum over our books
    and *at_venue* the venue's net; of dust, *ours* is what the book holds and *at_venue* is nothing.
    """

    found: Found
    symbol: str
    book: str
    ours: Decimal
    at_venue: Decimal | None
    concluded: str


class ReconcileReport(Value):
    """What a reconciliation found, by class (`Found`): an entry for each order and position, and counts.

    *fills_booked* is how many trades it brought in from history, *adjustments_booked* how many entries from
    the venue's ledger.
    """

    reason: str
    fills_booked: int
    entries: tuple[ReconcileEntry, ...] = ()
    positions: tuple[PositionEntry, ...] = ()
    adjustments_booked: int = 0

    def count(self, found: Found) -> int:
        """Return how many orders or positions are of the class."""
        orders = sum(entry.found is found for entry in self.entries)
        return orders + sum(entry.found is found for entry in self.positions)

    @property
    def matched(self) -> int:
        """Return how many orders are live here and at the venue."""
        return self.count(Found.MATCHED)

    @property
    def adopted(self) -> int:
        """Return how many foreign orders were taken over."""
        return self.count(Found.ADOPTED)

    @property
    def missing(self) -> int:
        """Return how many live orders the venue does not list."""
        return self.count(Found.MISSING)

    @property
    def foreign(self) -> int:
        """Return how many open orders of the venue are not ours."""
        return self.count(Found.FOREIGN)

    @property
    def resolved(self) -> int:
        """Return how many orders were ended by what was found."""
        return self.count(Found.RESOLVED)

    @property
    def drifted(self) -> int:
        """Return how many symbols have another net position at the venue than here."""
        return self.count(Found.DRIFTED)

    @property
    def dust(self) -> int:
        """Return how many positions are too small to be traded."""
        return self.count(Found.DUST)


class Counts(Value):
    """The counts of a report, as they are journaled."""

    matched: int = 0
    adopted: int = 0
    missing: int = 0
    foreign: int = 0
    resolved: int = 0
    drifted: int = 0
    dust: int = 0


def counts_of(report: ReconcileReport) -> Counts:
    """Return the report's counts by class."""
    return Counts(*(report.count(Found(name)) for name in Counts.__struct_fields__))
