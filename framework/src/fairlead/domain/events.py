"""Events: what a bot is told, after the fact is durable."""

from __future__ import annotations

import attrs

from fairlead.domain.ledger import PositionChange
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.records import OrderFilled, Record


@attrs.frozen
class OrderChanged:
    """An order began, moved, or had a request made about it."""

    sequence: int
    ts_ns: int
    order: OrderView
    record: Record


@attrs.frozen
class FillBooked:
    """A trade was booked on an order and its position."""

    sequence: int
    ts_ns: int
    fill: OrderFilled
    order: OrderView


@attrs.frozen
class PositionChanged:
    """A fill opened, changed, closed or flipped a position."""

    sequence: int
    ts_ns: int
    change: PositionChange
    position: PositionView


@attrs.frozen
class KernelChanged:
    """Trading state, anomalies, reconciliation and refused commands."""

    sequence: int
    ts_ns: int
    record: Record


@attrs.frozen
class EventsMissed:
    """A slow reader lost this many events; catch up from the journal after *after_sequence*."""

    count: int
    after_sequence: int


Event = OrderChanged | FillBooked | PositionChanged | KernelChanged
