"""Snapshots of open positions: how they stood at one moment, marked to the market where there was a price."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.ledger import Position
from fairlead.domain.marks import Mark
from fairlead.domain.values import Value


class PositionSnapshot(Value):
    """One open position at the wall time *ts_ns*, nanoseconds UTC.

    *quantity* is signed; cost, PnL and *fees* are in *currency*, realized ones over the position's whole
    life and before fees. *price* and *unrealized_pnl* are nothing when there was no price; the price was
    *price_age_ns* old, and *price_usable* tells whether it was fresh and no jump was open.
    """

    symbol: str
    book: str
    position_id: str
    ts_ns: int
    episode: int
    currency: str
    quantity: Decimal
    cost: Decimal
    realized_pnl: Decimal
    fees: Decimal
    price: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    price_age_ns: int = 0
    price_usable: bool = False


def snapshot_of(position: Position, mark: Mark | None, ts_ns: int) -> PositionSnapshot:
    """Return the position as it stands, at what it is worth now."""
    return PositionSnapshot(
        *position.key,
        ts_ns,
        position.episode,
        position.currency,
        position.quantity,
        position.cost,
        position.realized_pnl,
        position.fees,
        None if mark is None else mark.price,
        None if mark is None else mark.unrealized_pnl,
        0 if mark is None else mark.age_ns,
        mark is not None and mark.usable,
    )
