"""What the venue's steps changed, for whoever persists and publishes it."""

from __future__ import annotations

import attrs

from fairlead.ports.exchange import LedgerEntry, Report
from fairlead_paper.market import Market
from fairlead_paper.records import Balance, VenueFill, VenueOrder


@attrs.define(slots=True, eq=False)
class Changes:
    """What one or more steps changed. *events* pairs each report with its account, or nothing for all.

    *adjustments* pairs each with its account too.
    """

    events: list[tuple[str | None, Report]] = attrs.field(factory=list)
    orders: dict[int, VenueOrder] = attrs.field(factory=dict)
    fills: list[VenueFill] = attrs.field(factory=list)
    balances: dict[tuple[str, str], Balance] = attrs.field(factory=dict)
    markets: dict[str, Market] = attrs.field(factory=dict)
    adjustments: list[tuple[str, LedgerEntry]] = attrs.field(factory=list)


class Diary:
    """Holds what changed until it is taken."""

    def __init__(self) -> None:
        self.changes = Changes()

    def take(self) -> Changes:
        """Return what changed since the last call, and forget it."""
        changes, self.changes = self.changes, Changes()
        return changes

    def order_moved(self, order: VenueOrder) -> None:
        """Note that an order changed, and report it to its account."""
        self.changes.orders[order.sequence] = order
        self.changes.events.append((order.account, order.report()))
