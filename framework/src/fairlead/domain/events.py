"""Events: what a bot is told, after the fact is durable."""

from __future__ import annotations

from fairlead.domain.frozen import record
from fairlead.domain.ledger import PositionChange
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.records import OrderFilled, Record


@record
class OrderChanged:
    """An order began, moved, or had a request made about it."""

    sequence: int
    ts_ns: int
    order: OrderView
    record: Record


@record
class FillBooked:
    """A trade was booked on an order and its position."""

    sequence: int
    ts_ns: int
    fill: OrderFilled
    order: OrderView


@record
class PositionChanged:
    """A fill opened, changed, closed or flipped a position."""

    sequence: int
    ts_ns: int
    change: PositionChange
    position: PositionView


@record
class KernelChanged:
    """Trading state, anomalies, reconciliation and refused commands."""

    sequence: int
    ts_ns: int
    record: Record


@record
class EventsMissed:
    """A slow reader lost this many events; catch up from the journal after *after_sequence*."""

    count: int
    after_sequence: int


Event = OrderChanged | FillBooked | PositionChanged | KernelChanged
